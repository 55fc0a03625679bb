"""migrate says what a store keeps, breaks no chain, and does nothing the second time."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import run
from tests.records.test_kept_stores import HASHED, KEPT, MODEL


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(KEPT / "first", tmp_path / "store")
    monkeypatch.setenv("MODELMEDIC_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("LOGNAME", "tester")
    return tmp_path / "store"


def told(*arguments: str) -> Any:
    return json.loads(run("migrate", "--json", *arguments).stdout)


def objects(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.json")}


def test_a_dry_run_counts_each_kind_and_writes_nothing(old: Path) -> None:
    before = objects(old)
    found = told("--dry-run")
    records = next(kept for kept in found["documents"] if kept["document"] == "audit record")
    assert (records["formats"], records["newest"]) == ({"1": 68}, 2)
    assert sum(sum(kept["formats"].values()) for kept in found["documents"]) == len(before)
    assert (found["appends"], found["unreadable"]) == ([MODEL], [])
    assert objects(old) == before


def test_a_trail_of_an_earlier_version_gets_one_record_and_stays_intact(old: Path) -> None:
    before = objects(old)
    assert f"appended store.migrated to the trail of {MODEL}" in run("migrate").stdout
    after = objects(old)
    assert {key for key in after if after[key] != before.get(key)} == {f"audit/{HASHED}/00000069.json", f"audit/{HASHED}/head.json"}
    assert run("audit", "verify").exit_code == 0
    assert told()["appends"] == []
    assert set(objects(old)) == set(after)


def test_a_document_of_a_newer_version_keeps_everything_from_being_written(old: Path) -> None:
    key = f"incidents/{HASHED}/000001/closed.json"
    (old / key).write_text(json.dumps({"format": 99}))
    before = objects(old)
    ended = run("migrate")
    assert ended.exit_code == 65
    assert f"object {key} (closing) has format 99" in ended.stderr
    assert "upgrade modelmedic" in ended.stderr
    assert objects(old) == before

"""People and jobs note what changed beside a model by one command, and list it by another."""

import json
from pathlib import Path

import pytest

from tests.cli.program import run
from tests.cli.records import Records


@pytest.fixture
def rules(records: Records, tmp_path: Path) -> Path:
    file = tmp_path / "flights.json"
    file.write_text(records.policy.model_dump_json(by_alias=True))
    return file


def test_a_change_is_noted_once_and_listed(rules: Path) -> None:
    words = ("event", "note", rules, "carrier codes [v2]", "--kind", "feature", "--at", "2026-01-02T03:04:05", "--by", "etl")
    assert run(*words).stdout.startswith("noted: 2026-01-02 03:04Z  flights  feature: carrier codes [v2] (etl)")
    assert run(*words).stdout.startswith("was noted before")
    listed = json.loads(run("event", "list", rules, "--since", "2026-01-01", "--json").stdout)["events"]
    assert [(each["kind"], each["what"], each["by"]) for each in listed] == [("feature", "carrier codes [v2]", "etl")]


def test_a_dry_run_notes_nothing(rules: Path) -> None:
    assert run("event", "note", rules, "x", "--dry-run").stdout.startswith("would be noted")
    ended = run("event", "list", rules)
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert "no change was noted since" in ended.stderr


def test_a_column_that_the_policy_does_not_have_is_named(rules: Path) -> None:
    ended = run("event", "note", rules, "x", "--columns", "distance, wingspan")
    assert ended.exit_code == 65
    assert "--columns names 'wingspan', which is no column of the policy; expected some of" in ended.stderr

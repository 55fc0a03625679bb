"""`modelmedic replay` tells of a changed policy what the records know, and ends as CI needs it."""

import json
from pathlib import Path

import pytest

from modelmedic.steps.adapters.store.folder import FolderStore
from tests.cli.program import run
from tests.worlds.past import ACTS, healed, kept, quarantined
from tests.worlds.played import policy
from tests.worlds.written import written


@pytest.fixture
def store(tmp_path: Path) -> Path:
    kept(FolderStore(tmp_path / "store"), [healed(), quarantined(2, day=30)])
    return tmp_path / "store"


def test_a_policy_under_which_a_heal_is_only_suggested_is_shown_in_a_table_and_on_a_page(store: Path, tmp_path: Path) -> None:
    changed = written(policy(autonomy={"retrain": "suggest"}), tmp_path / "policy.yaml")
    page = tmp_path / "replay.html"
    ended = run("replay", changed, "--store", store, "--report", page)
    assert (ended.exit_code, "of 2 incidents 1 end as before, 1 otherwise; of 0 it is not known" in ended.stdout) == (0, True)
    assert ["healed" in text and "suggested" in text for text in (ended.stdout, page.read_text())] == [True, True]


def test_the_whole_is_one_json_object(store: Path, tmp_path: Path) -> None:
    same = written(policy(autonomy=ACTS), tmp_path / "policy.yaml")
    told = json.loads(run("replay", same, "--store", store, "--json", "--check").stdout)
    assert [(row["before"], row["after"]) for row in told["incidents"]] == [("healed", "healed"), ("quarantined", "quarantined")]


@pytest.mark.parametrize(
    ("changed", "since", "code"),
    [({"retrain": "suggest"}, "2025-01-01", 65), ({"retrain": "suggest"}, "2025-01-20", 0), (ACTS, "2025-01-01", 0)],
    ids=["an incident ends otherwise", "not since then", "none does"],
)
def test_check_ends_as_ci_needs_it(store: Path, tmp_path: Path, changed: dict[str, str], since: str, code: int) -> None:
    file = written(policy(autonomy=changed), tmp_path / "policy.yaml")
    assert run("replay", file, "--store", store, "--since", since, "--check").exit_code == code


def test_an_older_policy_is_what_it_is_held_against(store: Path, tmp_path: Path) -> None:
    new = written(policy(autonomy={"retrain": "suggest"}), tmp_path / "policy.yaml")
    ended = run("replay", new, "--against", new, "--store", store, "--check")
    assert (ended.exit_code, "2 end as before" in ended.stdout) == (0, True)


def test_a_model_without_records_is_named(store: Path, tmp_path: Path) -> None:
    other = policy().model_copy(update={"metadata": policy().metadata.model_copy(update={"name": "loans"})})
    ended = run("replay", written(other, tmp_path / "policy.yaml"), "--store", store)
    assert (ended.exit_code, ended.stderr.count("\n")) == (65, 1)
    assert "loans" in ended.stderr

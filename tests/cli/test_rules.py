"""`modelmedic rules review` tells what the rules did, draws it, and proposes as a patch."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.incident import Assessment
from modelmedic.steps.contracts.policy import Policy
from tests.cli.program import run
from tests.worlds.past import ACTS, DAY, healed, kept, quarantined
from tests.worlds.played import policy
from tests.worlds.written import written

COMMENT = "# the people of risk ask about this"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A heal that made things worse, one that helped, and rows that were set aside."""
    one, other = healed(), healed(2, day=40)
    harmed = replace(one, assessment=Assessment(False, "worse", one.closing.at + DAY))
    helped = replace(other, assessment=Assessment(True, "better", other.closing.at + DAY))
    kept(FolderStore(tmp_path / "store"), [harmed, helped, quarantined(3, day=80)])
    return tmp_path / "store"


def commented(rules: Policy, file: Path) -> Path:
    written(rules, file).write_text(f"{COMMENT}\n{file.read_text()}")
    return file


def test_what_the_rules_did_is_told_and_drawn(store: Path, tmp_path: Path) -> None:
    page = tmp_path / "rules.html"
    ended = run("rules", "review", written(policy(autonomy=ACTS), tmp_path / "policy.yaml"), "--store", store, "--report", page)
    assert (ended.exit_code, "of 3 decisions 2 were right, and 1 made things worse" in ended.stdout) == (0, True)
    assert "1 of 2 heals by proved-drift left the model worse: let it ask first" in ended.stdout
    assert ['class="bad-bar"' in page.read_text(), "proved-drift" in page.read_text()] == [True, True]


def test_the_whole_is_one_json_object(store: Path, tmp_path: Path) -> None:
    file = written(policy(autonomy=ACTS), tmp_path / "policy.yaml")
    told = json.loads(run("rules", "review", file, "--store", store, "--json").stdout)
    assert {rule["id"]: rule["fired"] for rule in told["review"]["rules"] if rule["fired"]} == {"proved-drift": 2, "broken-data": 1}
    assert [each["change"]["fields"]["maxAutonomy"] for each in told["proposals"]] == ["approve"]


def test_the_patch_applies_and_keeps_the_comments_and_replay_shows_what_it_makes_of_the_past(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = commented(policy(autonomy=ACTS), Path("policy.yaml"))
    assert run("rules", "review", file, "--store", store, "--propose", "rules.patch").exit_code == 0
    subprocess.run(["git", "apply", "rules.patch"], check=True)
    assert COMMENT in file.read_text()
    again = json.loads(run("replay", file, "--store", store, "--json").stdout)
    assert [row["after"] for row in again["incidents"]] == [None, None, "quarantined"]  # a person would be asked now

"""`modelmedic autonomy` shows what harm has left, and lets a person give it back."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.incident import Assessment
from tests.cli.program import run
from tests.worlds.past import DAY, healed, kept

GIVE_BACK = ("autonomy", "restore", "churn", "retrain", "--by", "ann", "--reason", "mended")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A heal that made things worse."""
    one = healed()
    kept(FolderStore(tmp_path / "store"), [replace(one, assessment=Assessment(False, "worse", one.closing.at + DAY))])
    return tmp_path / "store"


def in_force(store: Path) -> dict[str, str]:
    told = json.loads(run("autonomy", "status", "--store", store, "--json").stdout)
    return {row["remedy"]: row["in_force"] for row in told["levels"]}


def test_status_shows_the_level_in_force_and_why_it_fell(store: Path) -> None:
    assert in_force(store) == {"quarantine": "act", "rollback": "act", "recalibrate": "approve", "retrain": "approve"}
    ended = run("autonomy", "status", "churn", "--store", store)
    assert (ended.exit_code, "did harm" in ended.stdout) == (0, True)


def test_a_person_gives_it_back_and_a_rehearsal_does_not(store: Path) -> None:
    rehearsed = run(*GIVE_BACK, "--dry-run", "--store", store)
    assert (rehearsed.exit_code, rehearsed.stdout.startswith("would do: retrain of churn"), in_force(store)["retrain"]) == (
        0,
        True,
        "approve",
    )
    assert run(*GIVE_BACK, "--store", store).exit_code == 0
    assert in_force(store)["retrain"] == "act"


def test_without_a_reason_or_a_fall_it_is_refused(store: Path) -> None:
    assert run(*GIVE_BACK[:-2], "--store", store).exit_code == 65
    ended = run("autonomy", "restore", "churn", "rollback", "--by", "ann", "--reason", "why not", "--store", store)
    assert (ended.exit_code, "has not fallen" in ended.stderr) == (65, True)

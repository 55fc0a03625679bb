"""A dark canary is asked what the champion is asked now, beside what validation asked."""

import math
from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from modelmedic.steps.contracts.window import Window
from modelmedic.steps.heal.deploy import deploy
from modelmedic.steps.rollout.recent_requests import recent_requests
from tests.worlds.deployed import DeployedWorld

HOUR = timedelta(hours=1)
VALIDATED = pa.table({"age": [20.0 + number for number in range(40)], "plan": ["a"] * 40, "left": [0.0] * 40, "prediction": [0.5] * 40})


def _sentence(world: DeployedWorld) -> str:
    return str((world.site.ledger.stage(world.run.incident, "deploy") or {})["sentence"])


def _asked_dark(world: DeployedWorld, whom: str) -> list[str]:
    """The plans of the requests to whom the dark run asked: `a` in validation, `b` in the log."""
    return [plan for to, rows, _ in world.serving.asked for plan in rows["plan"].to_pylist() if to == whom]


def test_the_newest_requests_of_the_log_are_asked_in_the_dark(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path, rollout={"steps": []})
    world.clock.sleep(HOUR)
    assert deploy(world.run, "2") == {"outcome": "healed"}
    assert _asked_dark(world, "canary") == ["a"] * 40 + ["b"] * 40
    assert _asked_dark(world, "champion") == ["b"] * 40


def test_a_canary_that_cannot_answer_what_is_asked_now_never_gets_traffic(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path, behaviours={"2": {"answers": lambda age: math.nan if age >= 60 else 0.5}})
    world.references.keep_replay("2", VALIDATED)
    world.clock.sleep(HOUR)
    assert deploy(world.run, "2") == {"outcome": "withdrawn"}
    assert "which is no prediction" in _sentence(world)
    assert world.agrees == "1"


def test_validations_own_rows_are_asked_alone_where_the_log_has_too_few(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path, traffic=40, rollout={"steps": []})
    world.clock.sleep(HOUR)
    assert deploy(world.run, "2") == {"outcome": "healed"}
    assert (_asked_dark(world, "canary"), _asked_dark(world, "champion")) == (["a"] * 40, ["a"] * 40)


def test_a_log_that_nobody_has_written_for_hours_is_read_further_back(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path)
    world.clock.sleep(HOUR)
    world.traffic = 0
    world.clock.sleep(5 * HOUR)
    rows = recent_requests(world.site, "1", 40)
    assert rows is not None
    assert rows.num_rows == 40


def test_requests_that_another_version_answered_or_that_are_set_aside_are_not_asked_again(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path)
    world.clock.sleep(HOUR)
    assert recent_requests(world.site, "7", 40) is None
    now = world.clock.now()
    world.site.history.quarantine("churn", Window(now - 2 * HOUR, now), reason="it is broken")
    assert recent_requests(world.site, "1", 40) is None

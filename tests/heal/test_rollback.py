"""Going back is always allowed, and goes to what is known to have served well."""

from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.contracts.diagnosis import Diagnosis, Release
from modelmedic.steps.contracts.results import RollbackResult
from modelmedic.steps.contracts.words import Cause, Remedy
from modelmedic.steps.core.rollout.lineage import last_good
from modelmedic.steps.heal.rollback import rollback
from modelmedic.steps.runtime.run import Run
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import NOW
from tests.worlds.results import diagnosed


@pytest.fixture
def released(tmp_path: Path) -> DeployedWorld:
    """Version 2 was released by hand, past every gate."""
    world = DeployedWorld(tmp_path)
    world.serving.start_canary(world.second, expected=world.serving.state().generation)
    world.serving.promote(expected=world.serving.state().generation)
    world.registry.move_alias("champion", "2", expected="1")
    world.site.history.record_release("churn", Release(NOW - timedelta(days=1), "2", "1", by="somebody"))
    incident, _ = world.site.ledger.open_incident("other", "h", world.run.incident.window, "test", {})
    world.run = Run(world.site, incident)
    world.run.record(diagnosed(Remedy.ROLLBACK, found=Diagnosis(Cause.BAD_RELEASE, 0.9, version="2"), champion="2"))
    return world


def test_the_version_before_the_bad_one_serves_and_has_the_alias(released: DeployedWorld) -> None:
    assert rollback(released.run) == {"outcome": "rolled_back"}
    assert released.agrees == "1"


def test_a_freeze_does_not_hold_a_rollback_back(released: DeployedWorld) -> None:
    released.site.freezes.freeze(None, by="ana", reason="sale")
    assert rollback(released.run) == {"outcome": "rolled_back"}
    assert released.agrees == "1"


def test_running_it_again_changes_nothing_more(released: DeployedWorld) -> None:
    rollback(released.run)
    generation = released.serving.state().generation
    assert rollback(released.again()) == {"outcome": "rolled_back"}
    assert released.serving.state().generation == generation


def test_without_a_version_to_go_back_to_it_escalates_and_touches_nothing(released: DeployedWorld) -> None:
    released.registry.delete("1")
    before = released.serving.state()
    assert rollback(released.run) == {"outcome": "escalated"}
    assert released.serving.state() == before


def test_an_alias_that_a_human_moved_meanwhile_is_left_alone(released: DeployedWorld) -> None:
    theirs = released.registry.add_by_hand({})
    released.registry.move_alias("champion", theirs, expected="2")
    rollback(released.run)
    assert released.registry.alias("champion") == theirs


@pytest.mark.parametrize(
    ("releases", "expected"),
    [
        ([("1", None), ("2", "1")], "1"),
        ([("1", None), ("2", "1"), ("3", "2"), ("2", "3")], "3"),
        ([("2", None)], None),
        ([("1", None), ("2", None)], "1"),
        ([], None),
    ],
)
def test_the_last_good_version_is_what_served_before_the_bad_one(releases: list[tuple[str, str | None]], expected: str | None) -> None:
    told = tuple(Release(NOW + timedelta(days=day), version, previous) for day, (version, previous) in enumerate(releases))
    assert last_good(told, "2") == expected


def test_the_version_that_the_comparison_found_better_serves(released: DeployedWorld) -> None:
    """Not the one before, when an older one is better still."""
    third = released._register("third")
    incident, _ = released.site.ledger.open_incident("another", "h", released.run.incident.window, "test", {})
    released.run = Run(released.site, incident)
    found = Diagnosis(Cause.BAD_RELEASE, 0.9, version="2", instead=third.version)
    released.run.record(diagnosed(Remedy.ROLLBACK, found=found, champion="2"))
    assert rollback(released.run) == {"outcome": "rolled_back"}
    assert released.agrees == third.version


def test_what_is_registered_is_not_taken_back_where_something_else_answers(released: DeployedWorld) -> None:
    incident, _ = released.site.ledger.open_incident("another", "h", released.run.incident.window, "test", {})
    released.run = Run(released.site, incident)
    found = Diagnosis(Cause.BAD_RELEASE, 0.9, version="2", instead="2", sentence="what answers is not what is registered")
    released.run.record(diagnosed(Remedy.ROLLBACK, found=found, champion="2"))
    before = released.serving.state()
    assert rollback(released.run) == {"outcome": "escalated"}
    assert released.serving.state() == before
    assert "version 2 as it is registered is good" in released.run.result(RollbackResult).sentence

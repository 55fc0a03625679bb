"""Failed heals of many models stop the loop for every model until a person lets it go on, and the
heals of a day over all models have a budget.
"""

from pathlib import Path
from typing import Any

import pytest

from modelmedic.steps.contracts.decision import Objection
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.policy import Fleet, FleetBreaker
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.heal.close import close
from modelmedic.steps.heal.deploy import deploy
from modelmedic.steps.heal.diagnose import limits_against
from modelmedic.steps.runtime.run import Run
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import WINDOW
from tests.worlds.results import diagnosed

DRIFTED = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, "made up")


def world_under(folder: Path, fleet: Fleet) -> DeployedWorld:
    world = DeployedWorld(folder)
    limits = world.site.policy.limits.model_copy(update={"fleet": fleet})
    world.site.policy = world.site.policy.model_copy(update={"limits": limits})
    return world


def of_others(world: DeployedWorld, outcome: Outcome, *models: str) -> None:
    """Heals of other models that ended a moment ago."""
    for model in models:
        incident, _ = world.site.ledger.open_incident(model, "hash", WINDOW, "test", {})
        world.site.ledger.close(incident, Closing(outcome, world.clock.now(), "made up", "1", "1"))


def told(world: DeployedWorld, event: str) -> list[Any]:
    return [each for each in world.site.notifier.notifications if each.event == event]  # type: ignore[attr-defined]


def against(world: DeployedWorld) -> list[Objection]:
    later, _ = world.site.ledger.open_incident("churn", world.site.policy.hash, WINDOW, "test", {})
    return list(limits_against(Run(world.site, later), DRIFTED, Remedy.RETRAIN))


@pytest.fixture
def world(tmp_path: Path) -> DeployedWorld:
    return world_under(tmp_path, Fleet(breaker=FleetBreaker(models=3)))


def test_the_failure_that_is_one_too_many_stops_every_model_and_tells_once(world: DeployedWorld) -> None:
    of_others(world, Outcome.WITHDRAWN, "loans", "fraud")
    close(world.run, "the training was killed")
    close(world.run)
    [message] = told(world, "fleet.stopped")
    assert "heals of 3 models failed within 1d" in message.description
    assert "`modelmedic freeze --all --lift --by NAME`" in message.description
    frozen = world.site.freezes.frozen("a model of tomorrow")
    assert frozen is not None
    assert frozen.sentence.startswith("every model is frozen by the breaker over the fleet until it is lifted")
    assert [each.limit for each in against(world) if each.limit == "freeze"] == ["freeze"]
    assert [record.event for record in world.site.trail.records()].count("fleet.stopped") == 1


def test_too_few_models_stop_nothing(world: DeployedWorld) -> None:
    of_others(world, Outcome.WITHDRAWN, "loans")
    close(world.run, "the training was killed")
    assert world.site.freezes.frozen("churn") is None


def test_a_heal_that_failed_nothing_does_not_open_it(world: DeployedWorld) -> None:
    of_others(world, Outcome.WITHDRAWN, "loans", "fraud", "prices")
    world.site.ledger.close(world.run.incident, Closing(Outcome.REJECTED, world.clock.now(), "a gate said no", "1", "1"))
    close(world.run)
    assert world.site.freezes.frozen("churn") is None


def test_a_heal_that_is_under_way_does_not_advance_while_it_is_open(world: DeployedWorld) -> None:
    world.site.freezes.fleet.open("loans-1a2b3c4d-1", ("loans-1a2b3c4d-1",), "made up")
    deploy(world.run, "2")
    assert world.agrees == "1"


def test_a_person_resets_it_and_what_failed_before_counts_no_more(world: DeployedWorld) -> None:
    of_others(world, Outcome.WITHDRAWN, "loans", "fraud")
    close(world.run, "the training was killed")
    lifted = world.site.freezes.lift(None, by="ann", reason="the node was sick")
    assert lifted.by == "the breaker over the fleet"
    assert world.site.freezes.frozen("churn") is None
    recorded = [(record.event, record.actor) for record in world.site.trail.records() if record.event == "freeze.lifted"]
    assert recorded == [("freeze.lifted", "ann")] * 2, "the intent and the outcome"
    of_others(world, Outcome.WITHDRAWN, "loans")
    later, _ = world.site.ledger.open_incident("churn", world.site.policy.hash, WINDOW, "test", {})
    close(Run(world.site, later), "the training was killed again")
    assert world.site.freezes.frozen("churn") is None


def test_the_heal_that_spends_the_budget_of_the_day_says_so_and_the_next_is_held_back(tmp_path: Path) -> None:
    world = world_under(tmp_path, Fleet(healsPerDay=2))
    of_others(world, Outcome.HEALED, "loans")
    deploy(world.run, "2")
    close(world.run)
    [message] = told(world, "fleet.budget_spent")
    assert message.description.startswith("2 heals of 2 models tried to change something within a day")
    assert "fleet" in [each.limit for each in against(world)]


def test_what_trains_for_another_model_counts_before_it_ends(tmp_path: Path) -> None:
    world = world_under(tmp_path, Fleet(healsPerDay=1))
    assert "fleet" not in [each.limit for each in limits_against(world.run, DRIFTED, Remedy.RETRAIN)]
    other, _ = world.site.ledger.open_incident("loans", "hash", WINDOW, "test", {})
    Run(world.site, other).record(diagnosed(champion="1"))
    assert "fleet" in [each.limit for each in limits_against(world.run, DRIFTED, Remedy.RETRAIN)]

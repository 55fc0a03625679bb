"""No open incident is left without a heal because an alert was lost, and none stays open because
its heal ended without a close.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.heal.deploy import deploy
from modelmedic.steps.incidents.opening import open_by_hand
from modelmedic.steps.reconcile.sweep import sweep, sweep_in_cluster
from tests.fakes.workflows import FakeWorkflows
from tests.worlds import results
from tests.worlds.deployed import DeployedWorld

FACTS = {"heal": "heal-churn"}
LATER = timedelta(minutes=20)


@pytest.fixture
def world(tmp_path: Path) -> DeployedWorld:
    """An open incident with nothing served but the champion."""
    return DeployedWorld(tmp_path)


@pytest.fixture
def workflows() -> FakeWorkflows:
    return FakeWorkflows()


def test_an_incident_whose_alert_never_came_gets_its_heal_once(world: DeployedWorld, workflows: FakeWorkflows) -> None:
    assert sweep_in_cluster(world.site, workflows, FACTS) == 0, "the alert may still come"
    world.clock.sleep(LATER)
    assert [sweep_in_cluster(world.site, workflows, FACTS) for _ in range(2)] == [1, 0]
    assert (workflows.heals, workflows.by) == ({world.run.incident.id: "heal-churn"}, {world.run.incident.id: "reconcile"})


def test_a_heal_that_runs_is_left_alone(world: DeployedWorld, workflows: FakeWorkflows) -> None:
    workflows.start("heal-churn", world.run.incident, "triage")
    world.clock.sleep(LATER)
    assert sweep_in_cluster(world.site, workflows, FACTS) == 0
    assert world.site.ledger.current("churn") is not None


@pytest.mark.parametrize("phase", ["Failed", "Error", "Succeeded"])
def test_a_heal_that_ended_without_its_close_is_closed_and_cleared_up(world: DeployedWorld, workflows: FakeWorkflows, phase: str) -> None:
    workflows.start("heal-churn", world.run.incident, "triage")
    workflows.phases[world.run.incident.id] = phase
    world.serving.start_canary(world.second, expected=world.serving.state().generation)
    assert sweep_in_cluster(world.site, workflows, FACTS) == 2
    closing = world.site.ledger.closing(world.run.incident)
    assert closing is not None
    assert (closing.outcome, closing.by_error, phase in closing.sentence) == (Outcome.ESCALATED, True, True)
    assert world.agrees == "1"


def test_an_incident_that_a_person_opened_is_left_to_that_person(world: DeployedWorld, workflows: FakeWorkflows) -> None:
    sweep_in_cluster(world.site, workflows, FACTS)
    workflows.phases[world.run.incident.id] = "Failed"
    sweep_in_cluster(world.site, workflows, FACTS)
    theirs = open_by_hand(world.site).incident
    world.clock.sleep(LATER)
    assert sweep_in_cluster(world.site, workflows, FACTS) == 0
    assert theirs.id not in workflows.heals


def test_autonomy_that_fell_is_said_by_the_next_sweep_where_whoever_assessed_was_killed(world: DeployedWorld) -> None:
    ledger, incident = world.site.ledger, world.run.incident
    world.run.record(results.diagnosed())
    assert deploy(world.run, "2") == {"outcome": "healed"}
    ledger.close(incident, Closing(Outcome.HEALED, world.clock.now(), "healed", "1", "2"))
    ledger.assess(incident, False, "worse")
    said = [each for _ in range(2) for each in sweep(world.site).sentences if each.startswith("autonomy of retrain falls")]
    assert len(said) == 1

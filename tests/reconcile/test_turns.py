"""A heal at the cap is not forgotten: the sweep goes on with it when its turn has come, or when it
has waited for too long.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.decision.turns import at_cap
from modelmedic.steps.incidents.queue import TURN, ahead_of, take_turn, waiting_heals, waiting_since
from modelmedic.steps.reconcile.sweep import sweep_in_cluster
from modelmedic.steps.runtime.run import Run, Site
from tests.fakes.workflows import FakeWorkflows
from tests.worlds import results
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import WINDOW, policy

SHOWN = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, harm="shown")
ESTIMATED = Diagnosis(Cause.COVARIATE_SHIFT, 0.9, harm="estimated")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A model whose incident is closed, on a store whose only place is taken by another's heal."""
    world = DeployedWorld(tmp_path)
    world.site.policy = policy(limits={"concurrentHeals": 1, "maxWait": "12h"})
    world.site.ledger.close(world.run.incident, Closing(Outcome.REJECTED, world.clock.now(), "a gate failed"))
    other(world.site, "loans")
    return world.site


def other(at: Site, model: str) -> Incident:
    return at.ledger.open_incident(model, at.policy.hash, WINDOW, "drift-verdict", {})[0]


def held(at: Site, model: str, found: Diagnosis = SHOWN, *, hours: float = 0.0) -> Incident:
    """A heal that found no room, and has waited for so many hours before."""
    incident, now = other(at, model), at.clock.now()
    full = at_cap(1, 0, 1, now - timedelta(hours=hours), timedelta(hours=12), now)
    assert full is not None
    decision = decide(found, None, (full,))
    run = Run(at, incident)
    run.record(results.diagnosed(decision.remedy, found=found).__class__(found, decision, champion="1"))
    at.ledger.close(incident, Closing(Outcome.NO_ACTION, now, decision.sentence))
    return incident


def free(at: Site) -> None:
    at.ledger.close(at.ledger.open_incidents()[0], Closing(Outcome.HEALED, at.clock.now(), "done"))


def test_its_turn_comes_when_there_is_room_and_not_before(site: Site) -> None:
    last = held(site, "churn")
    site.clock.sleep(timedelta(hours=2))
    assert take_turn(site) is None
    free(site)
    taken = take_turn(site)
    assert taken is not None
    assert (taken.alert, taken.facts["after"], waiting_since(Run(site, taken))) == (TURN, last.id, last.opened_at)
    assert taken.window.end == WINDOW.end + timedelta(hours=2)
    assert take_turn(site) is None, "it waits no more"


def test_more_harm_goes_first(site: Site) -> None:
    held(site, "churn", ESTIMATED, hours=5)
    held(site, "bikes", SHOWN)
    free(site)
    assert [each.model for each in waiting_heals(site.ledger)] == ["bikes", "churn"]
    assert take_turn(site) is None
    assert ahead_of(Run(site, other(site, "trees")), ESTIMATED) == 2
    assert ahead_of(Run(site, other(site, "grass")), SHOWN) == 1


def test_after_its_longest_wait_it_is_opened_though_there_is_no_room(site: Site) -> None:
    held(site, "churn")
    site.clock.sleep(timedelta(hours=12))
    taken = take_turn(site)
    assert taken is not None
    assert [each.model for each in site.ledger.open_incidents()] == ["churn", "loans"]


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.NO_ACTION])
def test_a_heal_that_ended_otherwise_waits_for_nothing(site: Site, outcome: Outcome) -> None:
    incident = other(site, "churn")
    Run(site, incident).record(results.diagnosed(Remedy.RETRAIN, found=SHOWN))
    site.ledger.close(incident, Closing(outcome, site.clock.now(), "it ended"))
    free(site)
    assert (waiting_heals(site.ledger), take_turn(site)) == ((), None)


def test_the_sweep_starts_the_heal_at_once(site: Site) -> None:
    held(site, "churn")
    free(site)
    workflows = FakeWorkflows()
    assert sweep_in_cluster(site, workflows, {"heal": "heal-churn"}) == 2
    current = site.ledger.current("churn")
    assert current is not None
    assert workflows.heals == {current.id: "heal-churn"}
    assert sweep_in_cluster(site, workflows, {"heal": "heal-churn"}) == 0

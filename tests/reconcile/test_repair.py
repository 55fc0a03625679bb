"""Between heals nothing is left half done, and what a human did is told, not undone."""

from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.reconcile.sweep import deadline, sweep
from modelmedic.steps.rollout.repair import repair
from tests.fakes.serving import FakeServing
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import NOW, Told


@pytest.fixture
def world(tmp_path: Path) -> DeployedWorld:
    return DeployedWorld(tmp_path)


def closed(world: DeployedWorld) -> None:
    world.site.ledger.close(world.run.incident, Closing(Outcome.ESCALATED, NOW, "it broke", by_error=True))


def test_a_canary_that_a_crash_left_is_taken_back(world: DeployedWorld) -> None:
    closed(world)
    world.serving.start_canary(world.second, expected=1)
    assert "version 2 was taken back" in sweep(world.site).sentences[0]
    assert world.agrees == "1"


def test_a_canary_that_was_left_is_taken_back_while_the_registry_is_away(world: DeployedWorld) -> None:
    closed(world)
    world.serving.start_canary(world.second, expected=1)
    world.registry.unreachable = True
    with pytest.raises(Transient):
        sweep(world.site)
    assert world.serving.state().canary is None


def test_a_canary_of_a_heal_under_way_is_left_alone(world: DeployedWorld) -> None:
    world.serving.start_canary(world.second, expected=1)
    assert sweep(world.site).sentences == ()
    assert world.serving.state().canary is not None


def test_a_promotion_that_broke_off_before_its_alias_goes_back(world: DeployedWorld) -> None:
    world.serving.start_canary(world.second, expected=1)
    world.serving.promote(expected=world.serving.state().generation)
    repair(world.site)
    assert world.agrees == "1"


def test_an_alias_that_a_human_moved_is_told_and_not_undone(world: DeployedWorld) -> None:
    theirs = world.registry.add_by_hand({})
    world.registry.move_alias("champion", theirs, expected="1")
    closed(world)
    left = sweep(world.site)
    assert "the alias was moved by hand" in left.disagreements[0]
    assert left.sentences == left.disagreements
    assert world.registry.alias("champion") == theirs
    told = world.site.notifier
    assert isinstance(told, Told)
    assert "alias.differs" in told.events


@pytest.mark.parametrize("healing", [False, True])
def test_a_registry_that_does_not_know_what_serves_disagrees(world: DeployedWorld, healing: bool) -> None:
    if not healing:
        closed(world)
    for version in ("1", "2"):
        world.registry.delete(version)
    left = sweep(world.site).disagreements
    assert "version 1 serves, and alias champion names no version" in left[0]
    told = world.site.notifier
    assert isinstance(told, Told)
    assert "alias.differs" in told.events


def test_a_served_version_that_is_gone_from_the_registry_disagrees(world: DeployedWorld) -> None:
    closed(world)
    world.registry.delete("1")
    world.registry._aliases["champion"] = "1"
    assert "the registry has no such version" in sweep(world.site).disagreements[0]


def test_an_alias_behind_which_nothing_serves_disagrees(world: DeployedWorld) -> None:
    closed(world)
    world.site.serving = FakeServing()
    assert sweep(world.site).disagreements == ("alias champion says version 1, and nothing serves",)


def test_a_release_by_hand_is_written_down_once(world: DeployedWorld) -> None:
    closed(world)
    world.serving.start_canary(world.second, expected=1)
    world.serving.promote(expected=world.serving.state().generation)
    world.registry.move_alias("champion", "2", expected="1")
    assert "version 2 was released by somebody else" in sweep(world.site).sentences
    assert sweep(world.site).sentences == ()
    last = world.site.history.releases("churn")[-1]
    assert (last.version, last.previous) == ("2", "1")
    assert world.agrees == "2"


def test_an_incident_past_its_deadline_is_closed_and_what_it_left_is_taken_back(world: DeployedWorld) -> None:
    world.serving.start_canary(world.second, expected=1)
    world.traffic = 0
    world.clock.sleep(deadline(world.site.policy) + timedelta(minutes=1))
    sweep(world.site)
    closing = world.site.ledger.closing(world.run.incident)
    assert closing is not None
    assert (closing.outcome, closing.by_error) == (Outcome.ESCALATED, True)
    assert world.agrees == "1"


def test_records_that_waited_for_the_store_reach_the_trail(world: DeployedWorld) -> None:
    from modelmedic.steps.contracts.audit import Phase
    from modelmedic.steps.effects.spool import waiting

    world.site.spool.add(waiting(NOW, "canary.withdrawn", Phase.OUTCOME, incident=world.run.incident.id, key="k", fence=None, facts={}))
    assert "1 audit records" in sweep(world.site).sentences[0]
    assert [r.event for r in world.site.trail.records()][-1] == "canary.withdrawn"


def test_when_everything_agrees_nothing_is_done(world: DeployedWorld) -> None:
    before = world.site.trail.length()
    assert sweep(world.site).sentences == ()
    assert world.site.trail.length() == before

"""Heals that change nothing: broken data, a challenger that loses, a canary without requests, a
freeze, an alias that a person moved.
"""

from collections.abc import Callable

import pyarrow as pa
import pytest

from modelmedic.examples.cluster import runs
from modelmedic.examples.cluster.kubectl import wait_until
from modelmedic.examples.flights.faults import with_a_broken_feed
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.records.freezes import Freezes
from tests.e2e.stage import Stage, evidence, variant


def broken(rows: pa.Table) -> pa.Table:
    """As when a feed upstream is rewritten."""
    return with_a_broken_feed(rows, pa.array([True] * rows.num_rows))


def unchanged(stage: Stage, before: tuple[str | None, str], outcome: Outcome, play: Callable[[], Outcome]) -> None:
    """The same version is champion and served afterwards, and the trail says what was done."""
    assert play() is outcome
    assert (stage.alias(), stage.served()) == before
    events = [record.event for record in stage.records()]
    assert events.count("incident.closed") == 1


def test_broken_data_is_set_aside_and_no_training_pod_is_ever_created(stage: Stage) -> None:
    before = stage.alias(), stage.served()
    stage.flights(30, broken)
    assert stage.look() == "broken"
    incident = stage.ledger.current(stage.model)
    assert incident is not None
    unchanged(stage, before, Outcome.QUARANTINED, lambda: stage.healed(incident).outcome)
    assert stage.pods("train") == []
    evidence("c: broken data", {"outcome": "quarantined", "training pods": 0, "sentence": stage.closing(incident).sentence})


def test_a_challenger_that_gains_too_little_leaves_the_champion_alone(stage: Stage) -> None:
    before = stage.alias(), stage.served()
    stage.flights()
    incident = stage.opened(variant(stage.policy, validate={"minGain": 0.4}))
    unchanged(stage, before, Outcome.REJECTED, lambda: stage.healed(incident).outcome)
    evidence("e: gate lost", {"sentence": stage.closing(incident).sentence})


@pytest.mark.slow
def test_a_canary_that_nobody_asks_is_taken_back_at_its_deadline(stage: Stage) -> None:
    before = stage.alias(), stage.served()
    stage.flights()
    incident = stage.opened(variant(stage.policy, rollout={"deadline": "1m", "hold": "5s"}))
    unchanged(stage, before, Outcome.WITHDRAWN, lambda: stage.healed(incident).outcome)
    assert stage.canary() is None
    evidence("f: canary without traffic", {"sentence": stage.closing(incident).sentence})


@pytest.mark.slow
def test_under_a_freeze_nothing_advances(stage: Stage) -> None:
    from modelmedic.steps.adapters.clocks import SystemClock

    before = stage.alias(), stage.served()
    stage.flights()
    Freezes(stage.store, SystemClock()).freeze(stage.model, by="e2e", reason="a change freeze")
    incident = stage.opened()
    unchanged(stage, before, Outcome.ESCALATED, lambda: stage.healed(incident).outcome)
    assert stage.pods("train") == []
    evidence("j: freeze", {"sentence": stage.closing(incident).sentence})


@pytest.mark.slow
def test_an_alias_that_a_person_moves_meanwhile_stays_where_they_put_it(stage: Stage) -> None:
    stage.flights()
    was = stage.alias()
    incident = stage.opened(variant(stage.policy, rollout={"deadline": "3m", "hold": "20s"}))
    with stage.asking():
        workflow = stage.start(incident)
        challenger = wait_until(lambda: stage.challenger(workflow), 200, "a challenger that passed its gates")
        wait_until(lambda: True if stage.pods("deploy") else None, 60, "the deploy pod")
        theirs = next(each.version for each in stage.registry.versions() if each.version not in (was, challenger))
        stage.registry.move_alias(stage.policy.registry.champion, theirs, expected=was)
        try:
            runs.succeed(stage.cluster, workflow, 300)
            assert stage.closing(incident).outcome is Outcome.WITHDRAWN
            assert stage.alias() == theirs
            assert stage.served() == was
        finally:
            stage.registry.move_alias(stage.policy.registry.champion, str(was), expected=theirs)
    evidence("h: alias moved by a person", {"theirs": theirs, "sentence": stage.closing(incident).sentence})

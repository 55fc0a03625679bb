"""Limits hold back what advances, say until when, and never what retreats."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmedic.steps.contracts.control import FreezeOrder
from modelmedic.steps.contracts.decision import Objection, PastHeal
from modelmedic.steps.contracts.policy import Breaker, Fleet, FleetBreaker, Freeze, Limits
from modelmedic.steps.contracts.words import Outcome, Remedy
from modelmedic.steps.core.decision.limits import counts_as_failure, failures_of_the_fleet, objections

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
QUIET = Limits(cooldown=timedelta(0), healsPerWeek=100, breaker=Breaker(failures=20), concurrentHeals=1000)


def heal(ago: timedelta, outcome: Outcome = Outcome.HEALED, *, by_error: bool = False) -> PastHeal:
    return PastHeal("flights-1a2b3c4d-1", outcome, NOW - ago, by_error)


def objected(limits: Limits, *history: PastHeal, remedy: Remedy = Remedy.RETRAIN, **facts: Any) -> list[Objection]:
    given_facts: dict[str, Any] = {"open_heals": 0, "frozen": None, "settle": timedelta(0), **facts}
    return list(objections(limits, history, NOW, remedy=remedy, **given_facts))


def names(found: list[Objection]) -> list[str]:
    return [objection.limit for objection in found]


def limits(**changes: Any) -> Limits:
    return QUIET.model_copy(update=changes)


def test_a_model_without_a_past_may_be_healed() -> None:
    assert objected(Limits()) == []


def test_a_spent_budget_objects_until_the_first_of_its_heals_is_a_week_old() -> None:
    found = objected(limits(healsPerWeek=2), heal(6 * DAY), heal(3 * DAY), heal(DAY))
    assert names(found) == ["budget"]
    assert found[0].until == NOW - 3 * DAY + 7 * DAY


def test_a_heal_of_exactly_a_week_ago_has_left_the_budget() -> None:
    assert objected(limits(healsPerWeek=1), heal(7 * DAY)) == []


def test_a_budget_of_none_never_comes_free() -> None:
    found = objected(limits(healsPerWeek=0))
    assert (names(found), found[0].until) == (["budget"], None)


def fleet(*heals: tuple[str, float, Outcome]) -> tuple[PastHeal, ...]:
    """Heals by the model, the hours since they ended and their outcome."""
    return tuple(PastHeal(f"{model}-1a2b3c4d-1", outcome, NOW - timedelta(hours=hours)) for model, hours, outcome in heals)


def test_the_heals_of_a_day_of_all_models_have_a_budget() -> None:
    three = limits(fleet=Fleet(healsPerDay=3))
    two = fleet(("a", 1, Outcome.HEALED), ("b", 20, Outcome.REJECTED), ("c", 2, Outcome.ROLLED_BACK), ("d", 25, Outcome.HEALED))
    assert objected(three, fleet=two) == []
    assert names(objected(three, fleet=two, advancing=1)) == ["fleet"]
    [spent] = objected(three, fleet=(*two, *fleet(("e", 6, Outcome.WITHDRAWN))))
    assert (spent.limit, spent.until) == ("fleet", NOW + timedelta(hours=4))
    assert names(objected(three, fleet=fleet(*(("a", 1.0, Outcome.HEALED),) * 5), remedy=Remedy.ROLLBACK)) == []


def test_without_a_budget_of_the_day_no_number_of_heals_objects() -> None:
    assert objected(limits(), fleet=fleet(*((f"m{number}", 1.0, Outcome.HEALED) for number in range(200))), advancing=50) == []


def test_the_breaker_over_the_fleet_counts_each_model_once_and_nothing_from_before_a_reset() -> None:
    stops = limits(fleet=Fleet(breaker=FleetBreaker(models=3, within=DAY)))
    failed = fleet(*((model, hours, Outcome.WITHDRAWN) for model, hours in (("a", 3), ("a", 2), ("b", 1), ("c", 23), ("d", 25))))
    assert [heal.model for heal in failures_of_the_fleet(failed, stops, None, NOW)] == ["c-1a2b3c4d", "a-1a2b3c4d", "b-1a2b3c4d"]
    assert failures_of_the_fleet(failed, stops, NOW - timedelta(hours=22), NOW) == ()
    assert failures_of_the_fleet(failed, limits(), None, NOW) == ()
    rejected = fleet(*((model, 1.0, Outcome.REJECTED) for model in "abc"))
    assert failures_of_the_fleet(rejected, stops, None, NOW) == (), "a gate that says no is no failure"


def test_the_cooldown_runs_from_the_last_heal_that_changed_something() -> None:
    found = objected(limits(cooldown=2 * DAY), heal(DAY), heal(timedelta(hours=1), Outcome.REJECTED))
    assert (names(found), found[0].until) == (["cooldown"], NOW + DAY)


def test_alerts_are_disregarded_while_old_data_is_in_the_window() -> None:
    found = objected(QUIET, heal(3 * DAY), settle=7 * DAY)
    assert (names(found), found[0].until) == (["settle"], NOW + 4 * DAY)
    assert objected(QUIET, heal(7 * DAY), settle=7 * DAY) == []


def test_a_withdrawn_canary_leaves_nothing_to_settle() -> None:
    assert objected(QUIET, heal(DAY, Outcome.WITHDRAWN), settle=7 * DAY) == []


def test_repeated_failure_opens_the_breaker_until_the_failures_are_old() -> None:
    breaker = Breaker(failures=2, within=10 * DAY)
    found = objected(limits(breaker=breaker), heal(9 * DAY, Outcome.WITHDRAWN), heal(4 * DAY, Outcome.ESCALATED, by_error=True))
    assert (names(found), found[0].until) == (["breaker"], NOW + DAY)
    assert "2 heals failed within 10d" in found[0].sentence


def test_a_canary_that_nobody_asked_opens_no_breaker() -> None:
    unasked = replace(heal(DAY, Outcome.WITHDRAWN), judged=False)
    assert not counts_as_failure(unasked)
    assert counts_as_failure(replace(unasked, judged=True))
    assert counts_as_failure(replace(unasked, by_error=True))


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.WITHDRAWN])
def test_what_ended_by_a_decision_is_no_failure(outcome: Outcome) -> None:
    assert objected(limits(breaker=Breaker(failures=1)), heal(DAY, outcome)) == []


def test_a_rejection_by_the_gate_spends_budget_and_patience_and_nothing_else() -> None:
    strict = Limits(cooldown=DAY, healsPerWeek=1, breaker=Breaker(failures=1))
    assert names(objected(strict, heal(timedelta(hours=1), Outcome.REJECTED), settle=7 * DAY)) == ["budget", "patience"]


def test_after_a_rejection_the_next_challenger_waits_for_new_labels_and_longer_after_each_in_a_row() -> None:
    one = [heal(DAY, Outcome.REJECTED)]
    two = [heal(10 * DAY, Outcome.REJECTED), *one]
    many = [heal(n * 10 * DAY, Outcome.REJECTED) for n in range(9, 0, -1)] + one
    until = {len(row): objected(QUIET, *row, settle=8 * DAY)[0].until for row in (one, two, many)}
    assert until == {1: NOW + 7 * DAY, 2: NOW + 7 * DAY, 10: NOW + 15 * DAY}
    assert objected(QUIET, heal(8 * DAY, Outcome.REJECTED), settle=8 * DAY) == []


def test_a_heal_in_between_starts_the_count_of_rejections_anew() -> None:
    row = [heal(30 * DAY, Outcome.REJECTED), heal(20 * DAY), heal(DAY, Outcome.REJECTED)]
    assert [objection.until for objection in objected(QUIET, *row, settle=8 * DAY)] == [NOW + 7 * DAY]


@pytest.mark.parametrize("outcome", [Outcome.NO_ACTION, Outcome.ESCALATED, Outcome.SUGGESTED, Outcome.OBSERVED, Outcome.QUARANTINED])
def test_an_incident_in_which_nothing_was_changed_costs_nothing(outcome: Outcome) -> None:
    strict = Limits(cooldown=DAY, healsPerWeek=1, breaker=Breaker(failures=1))
    assert objected(strict, heal(timedelta(hours=1), outcome), settle=7 * DAY) == []


def test_a_freeze_of_the_policy_holds_from_its_start_to_before_its_end() -> None:
    freeze = Freeze(start=NOW, end=NOW + DAY, reason="black friday")
    found = objected(limits(freeze=(freeze,)))
    assert (names(found), found[0].until) == (["freeze"], NOW + DAY)
    assert "black friday" in found[0].sentence
    assert objected(limits(freeze=(Freeze(start=NOW - DAY, end=NOW),))) == []


def test_a_freeze_laid_by_a_person_holds_until_lifted_or_over() -> None:
    order = FreezeOrder("flights", "ann", "audit week", NOW - DAY)
    assert names(objected(QUIET, frozen=order)) == ["freeze"]
    assert objected(QUIET, frozen=FreezeOrder("flights", "ann", "over", NOW - DAY, NOW)) == []
    assert objected(QUIET, frozen=FreezeOrder("flights", "bob", "fine", NOW, lifted=True)) == []


def test_the_cap_counts_heals_over_all_models() -> None:
    assert names(objected(limits(concurrentHeals=3), open_heals=3)) == ["cap"]
    assert objected(limits(concurrentHeals=3), open_heals=2) == []


def test_every_limit_that_objects_is_named() -> None:
    strict = Limits(cooldown=DAY, healsPerWeek=1, breaker=Breaker(failures=1), concurrentHeals=1)
    history = (heal(timedelta(hours=2)), heal(timedelta(hours=1), Outcome.WITHDRAWN))
    order = FreezeOrder(None, "ann", "all", NOW)
    found = objected(strict, *history, open_heals=1, frozen=order, settle=7 * DAY)
    assert names(found) == ["freeze", "breaker", "budget", "settle", "cooldown", "cap"]


@pytest.mark.parametrize("remedy", [Remedy.ROLLBACK, Remedy.QUARANTINE, Remedy.NONE, Remedy.ESCALATE])
def test_nothing_holds_back_a_remedy_that_does_not_advance(remedy: Remedy) -> None:
    strict = Limits(cooldown=DAY, healsPerWeek=0, breaker=Breaker(failures=1), concurrentHeals=1)
    history = (heal(timedelta(hours=1), Outcome.WITHDRAWN), heal(timedelta(hours=1)))
    order = FreezeOrder(None, "ann", "all", NOW)
    assert objected(strict, *history, remedy=remedy, open_heals=9, frozen=order, settle=7 * DAY) == []


HISTORIES = st.lists(
    st.builds(
        heal,
        st.timedeltas(timedelta(0), timedelta(days=60)),
        st.sampled_from(list(Outcome)),
        by_error=st.booleans(),
    ),
    max_size=12,
).map(tuple)


@given(history=HISTORIES, settle=st.timedeltas(timedelta(0), timedelta(days=30)))
def test_an_objection_is_gone_at_its_own_end_and_not_before(history: tuple[PastHeal, ...], settle: timedelta) -> None:
    facts: dict[str, Any] = {"remedy": Remedy.RETRAIN, "open_heals": 0, "frozen": None, "settle": settle}
    for objection in objections(Limits(), history, NOW, **facts):
        assert objection.until is not None
        just_before = objections(Limits(), history, objection.until - timedelta(microseconds=1), **facts)
        assert objection.limit in [other.limit for other in just_before]
        assert objection.limit not in [other.limit for other in objections(Limits(), history, objection.until, **facts)]

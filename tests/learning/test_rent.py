"""The rent that an ageing champion pays, and the training that is due when it comes to the
price.
"""

from dataclasses import replace

import pytest

from modelmedic.steps.contracts.ageing import Ageing
from modelmedic.steps.core.learning.rent import GAPS, WEEK, MeasuredWeek, after, cost, due, error, excess, interval, per_day, unseen


def week(a_day: float, age: float = 0.0, *, days: float = WEEK, rented: float = WEEK, level: float = 1.0) -> MeasuredWeek:
    """Pilots that lose `a_day` more, as a share, for each day of their age."""
    return MeasuredWeek(days, [(gap * WEEK, a_day * gap * WEEK) for gap in GAPS], a_day * age, rented, level)


def after_weeks(a_day: float, weeks: int) -> Ageing:
    state = unseen()
    for number in range(weeks):
        state = after(state, week(a_day, number * WEEK))
    return state


def test_ageing_comes_to_what_the_pilots_show() -> None:
    assert per_day(after_weeks(0.01, 60)) == pytest.approx(0.01, rel=0.15)
    assert per_day(after_weeks(0.0, 60)) < 0.0004, "the prior fades as weeks come in"


def test_a_model_that_gets_better_with_age_pays_nothing_for_it() -> None:
    state = after_weeks(-0.005, 20)
    assert per_day(state) == 0.0
    assert interval(state, 100.0) is None
    assert not due(state, 100.0, age=140.0)


def test_even_ageing_is_due_after_the_best_interval() -> None:
    """sqrt(2 price / ageing) is when the rent of even ageing has come to the price."""
    state, age, price = replace(after_weeks(0.01, 60), paid=0.0), 0.0, 100.0
    best = interval(state, price)
    while not due(state, price, age):
        state, age = after(state, week(0.01, age)), age + WEEK
    assert best is not None
    assert age == pytest.approx(best, abs=WEEK)


def test_the_rent_is_paid_for_the_days_since_the_last_training() -> None:
    whole, half = (after(unseen(), week(0.01, 70.0, rented=rented)) for rented in (WEEK, WEEK / 2))
    assert half.paid == pytest.approx(whole.paid / 2)


def test_rent_grows_with_the_loss_that_the_price_is_a_share_of() -> None:
    single, double = (after(unseen(), week(0.01, 70.0, level=level)).paid for level in (1.0, 2.0))
    assert double == pytest.approx(2 * single)


def test_two_halves_of_a_week_tell_what_the_week_tells() -> None:
    whole = after(unseen(), week(0.01))
    halves = after(after(unseen(), week(0.01, days=WEEK / 2, rented=WEEK / 2)), week(0.01, days=WEEK / 2, rented=WEEK / 2))
    assert halves.weight == pytest.approx(whole.weight, rel=0.05)
    assert per_day(halves) == pytest.approx(per_day(whole), rel=0.05)


def test_weeks_that_disagree_leave_a_larger_error() -> None:
    steady = after_weeks(0.01, 10)
    loud = unseen()
    for number in range(10):
        loud = after(loud, week(0.02 if number % 2 else 0.0))
    assert error(unseen()) is None
    assert error(steady) == pytest.approx(0.0, abs=1e-6)
    assert (error(loud) or 0.0) > 0.001


def test_a_week_without_older_pilots_adds_no_evidence() -> None:
    state = after(unseen(), MeasuredWeek(WEEK, (), 0.0, WEEK))
    assert state.weight == pytest.approx(unseen().weight)
    assert cost(state, 0.0) > 0.0, "the prior is charged until something is known"


def test_the_excess_is_a_share_of_what_the_newer_lose_in_the_mean_of_their_kinds() -> None:
    assert excess([2.0, 6.0], [1.0, 4.0]) == pytest.approx((1.0 + 0.5) / 2)
    assert excess([0.5, 1.1], [0.0, 1.0]) == pytest.approx(0.1), "a kind that loses nothing measures nothing"
    assert excess([0.5], [0.0]) == 0.0

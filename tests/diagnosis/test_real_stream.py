"""A year of real flights: the world moves all the time, and no such movement is broken data."""

from datetime import UTC, datetime, timedelta

import pytest

from modelmedic.examples.flights.faults import BAD_RELEASE, as_asked
from modelmedic.examples.flights.stream import CATEGORICAL, NUMERIC, Flights
from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.diagnosis import Context, Release
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Remedy
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.diagnosis.diagnosis import find_cause
from modelmedic.steps.core.diagnosis.estimate import estimate
from modelmedic.steps.core.quality.checks import pair_problems
from modelmedic.steps.core.statistics.residuals import labelled_rows
from modelmedic.steps.core.tables.pairing import pair
from tests.benchmarks.flights import ROLES as ANSWERED
from tests.benchmarks.flights import answered

ROLES = Roles(time="time_hour", features=(*NUMERIC, *CATEGORICAL), categorical=CATEGORICAL, segments=("carrier", "origin"))
FORTNIGHT = timedelta(days=14)


@pytest.fixture(scope="module")
def flights() -> Flights:
    return Flights(0.4)


def fortnight(month: int, day: int) -> Window:
    end = datetime(2013, month, day, tzinfo=UTC)
    return Window(end - FORTNIGHT, end)


@pytest.mark.parametrize("month", range(3, 13))
def test_no_real_month_is_taken_for_broken_data(flights: Flights, month: int) -> None:
    reference = flights.between(Window(datetime(2013, 2, 14, tzinfo=UTC), datetime(2013, 3, 1, tzinfo=UTC)))
    current = flights.between(fortnight(month, 28))
    assert [problem.detail for problem in pair_problems(pair(reference, current, ROLES))] == []


def test_a_feed_that_really_broke_is_found(flights: Flights) -> None:
    reference = flights.between(Window(datetime(2013, 8, 1, tzinfo=UTC), datetime(2013, 8, 29, tzinfo=UTC)))
    current = as_asked(flights.between(fortnight(9, 20)))
    assert {problem.column for problem in pair_problems(pair(reference, current, ROLES))} == {"temp", "distance"}


DAYS = [(3, 22), (4, 22), (5, 8), (6, 8), (7, 15), (8, 15), (9, 8), (10, 8), (11, 22), (12, 22)]


@pytest.mark.parametrize(("month", "day"), DAYS)
def test_no_real_fortnight_s_labels_are_taken_for_wrong(month: int, day: int) -> None:
    """The labels of the last two days have not come, whatever was answered; rows of one day share
    what no column knows.
    """
    end = datetime(2013, month, day, tzinfo=UTC)
    current = answered().window(Window(end - FORTNIGHT, end), known=end)
    found = find_cause(answered().reference, current, ANSWERED, Context())
    assert Cause.LABEL_QUALITY not in (found.cause, *found.also), found.sentence


@pytest.mark.parametrize("month", [9, 10, 11])
def test_autumn_in_which_the_model_loses_nothing_asks_for_no_retraining(month: int) -> None:
    end = datetime(2013, month, 28, tzinfo=UTC)
    current = answered().window(Window(end - FORTNIGHT, end), known=end)
    assert decide(find_cause(answered().reference, current, ANSWERED, Context())).wanted is not Remedy.RETRAIN


def test_a_release_that_took_early_for_late_is_rolled_back() -> None:
    end = BAD_RELEASE + timedelta(days=14)
    current = answered().window(Window(BAD_RELEASE, end), released=BAD_RELEASE, known=end)
    context = Context(releases=(Release(BAD_RELEASE, "2", "1"),))
    found = find_cause(answered().reference, current, ANSWERED, context)
    assert (found.cause, decide(found).wanted) == (Cause.BAD_RELEASE, Remedy.ROLLBACK), found.sentence


@pytest.mark.parametrize("month", [4, 6, 9, 12])
def test_the_estimate_without_labels_admits_how_far_real_months_stray(month: int) -> None:
    end = datetime(2013, month, 28, tzinfo=UTC)
    both = pair(answered().reference, answered().window(Window(end - 2 * FORTNIGHT, end)), ANSWERED)
    found, rows = estimate(both), labelled_rows(both)
    assert found is not None
    assert rows is not None
    assert found.low <= rows.loss[1].mean() <= found.high

"""A year of real flights: the world moves all the time, and nothing of that is broken data."""

from datetime import UTC, datetime, timedelta

import pytest

from examples.flights.faults import as_asked
from examples.flights.stream import CATEGORICAL, NUMERIC, Flights
from steps.contracts.detection import Roles
from steps.contracts.window import Window
from steps.core.pairing import pair
from steps.core.quality import check

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
    assert [problem.detail for problem in check(pair(reference, current, ROLES))] == []


def test_a_feed_that_really_broke_is_found(flights: Flights) -> None:
    reference = flights.between(Window(datetime(2013, 8, 1, tzinfo=UTC), datetime(2013, 8, 29, tzinfo=UTC)))
    current = as_asked(flights.between(fortnight(9, 20)))
    assert {problem.column for problem in check(pair(reference, current, ROLES))} == {"temp", "distance"}

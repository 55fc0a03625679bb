"""The plan of a replay: the first champion's part, then windows without a gap."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from modelmedic.steps.backtesting.plan import plan_replay
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.window import Window
from tests.benchmarks.backtest.streams import policy

DAY = timedelta(days=1)
YEAR = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 12, 30, tzinfo=UTC))


def test_default_is_the_history_that_a_retraining_would_have_then_months() -> None:
    found = plan_replay(policy("any"), YEAR)
    assert found.first == Window(YEAR.start, datetime(2024, 5, 1, tzinfo=UTC))  # 120 days, to the nearest month
    assert [window.start.month for window in found.windows] == [5, 6, 7, 8, 9, 10, 11, 12]
    assert all(before.end == after.start for before, after in pairwise(found.windows))
    assert found.replay == Window(found.first.end, YEAR.end)


def test_more_history_than_there_is_leaves_most_of_it_to_the_replay() -> None:
    half = Window(YEAR.start, YEAR.start + 200 * DAY)
    assert plan_replay(policy("any"), half, every=14 * DAY).first.length == 80 * DAY


def test_short_replay_is_told_by_the_detection_window() -> None:
    found = plan_replay(policy("any"), Window(YEAR.start, YEAR.start + 170 * DAY), YEAR.start + 120 * DAY)
    assert [window.length for window in found.windows] == [14 * DAY, 14 * DAY, 14 * DAY, 8 * DAY]


@pytest.mark.parametrize(("until", "first"), [(0.25, YEAR.length / 4), (YEAR.start + 40 * DAY, 40 * DAY)])
def test_bootstrap_ends_where_it_is_told(until: datetime | float, first: timedelta) -> None:
    assert plan_replay(policy("any"), YEAR, until).first.length == first


def test_few_days_at_the_end_belong_to_the_window_before() -> None:
    found = plan_replay(policy("any"), Window(YEAR.start, datetime(2024, 12, 3, tzinfo=UTC)))
    assert found.windows[-1] == Window(datetime(2024, 11, 1, tzinfo=UTC), datetime(2024, 12, 3, tzinfo=UTC))


@pytest.mark.parametrize(("until", "every", "said"), [(YEAR.end, None, "inside of the data"), (0.5, timedelta(days=365), "holds 1 window")])
def test_nothing_left_to_replay_is_an_error(until: datetime | float, every: timedelta | None, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        plan_replay(policy("any"), YEAR, until, every)

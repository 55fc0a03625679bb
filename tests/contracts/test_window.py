"""Windows are half-open spans in UTC, and durations are read strictly."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.window import Window, format_duration, parse_duration


def test_the_end_does_not_belong_to_the_window() -> None:
    window = Window(datetime(2026, 1, 1), datetime(2026, 1, 8))
    assert datetime(2026, 1, 1) in window
    assert datetime(2026, 1, 8) not in window


def test_a_moment_of_another_zone_is_compared_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    window = Window(datetime(2026, 1, 1, 9, tzinfo=east), datetime(2026, 1, 2, tzinfo=UTC))
    assert window.start == datetime(2026, 1, 1, tzinfo=UTC)


def test_touching_windows_do_not_overlap() -> None:
    first = Window(datetime(2026, 1, 1), datetime(2026, 1, 2))
    assert not first.overlaps(Window(datetime(2026, 1, 2), datetime(2026, 1, 3)))


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(BadInput, match="before it starts"):
        Window(datetime(2026, 1, 2), datetime(2026, 1, 1))


@given(st.integers(min_value=1, max_value=10**7))
def test_a_formatted_duration_reads_back(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert parse_duration(format_duration(span)) == span


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "-7d", "7days", "1.5h", "7d;"])
def test_anything_but_numbers_with_units_is_no_duration(text: str) -> None:
    with pytest.raises(BadInput, match="such as 30m or 7d"):
        parse_duration(text)

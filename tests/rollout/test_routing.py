"""Twenty percent are twenty percent, spread evenly."""

from hypothesis import given
from hypothesis import strategies as st

from modelmedic.steps.core.rollout.routing import to_canary


@given(start=st.integers(0, 10**6), percent=st.integers(0, 100))
def test_of_any_hundred_requests_in_a_row_exactly_the_percent_are_the_canarys(start: int, percent: int) -> None:
    assert sum(to_canary(number, percent) for number in range(start, start + 100)) == percent


def test_the_canarys_requests_are_spread() -> None:
    assert [number for number in range(20) if to_canary(number, 20)] == [4, 9, 14, 19]

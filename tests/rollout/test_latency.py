"""The 95th percentile that canaries and champions are compared by."""

import pytest

from modelmedic.steps.core.statistics.latency import p95


@pytest.mark.parametrize(("times", "expected"), [([], None), ([3.0], 3.0), ([2.0, 1.0], 2.0), (range(100, 0, -1), 96), (range(1, 21), 20)])
def test_percentile_is_a_measured_time(times: list[float], expected: float | None) -> None:
    assert p95(times) == expected

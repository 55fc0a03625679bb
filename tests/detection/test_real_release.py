"""Real flights, whose lateness goes by whole days: a good model's bad weeks alarm nobody, a release
that loses is seen at once.
"""

from datetime import UTC, datetime

import pytest

from modelmedic.examples.flights.faults import BAD_RELEASE
from modelmedic.examples.flights.year import EVERY, POLICY
from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.steps.contracts.detection import Performance, Roles
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.detection.thresholds import alarm_level, calibrate
from modelmedic.steps.core.detection.verdict import performance
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from modelmedic.steps.core.profiles.profiler import profile_table
from tests.benchmarks.flights import MARCH, answered

ROLES = Roles(target="delayed", prediction="p")
DETECT = load_policy(POLICY).detect


class Monitor:
    """Looks at windows as the policy asks for, with thresholds from the reference that a bootstrap
    keeps.
    """

    def __init__(self) -> None:
        reference = answered().reference.select(["p", "delayed"])
        self._reference = profile_table(choose_layout(reference, ROLES), reference)
        alpha = alarm_level(DETECT.falseAlarmsPerYear, DETECT.window, DETECT.persistence.hits)
        self._thresholds = calibrate(reference, self._reference.layout, 5000, alpha=alpha, explicit={}, version="1")

    def look(self, end: datetime, released: datetime | None = None) -> Performance:
        """The window that ends then; the bad version answers from `released` on."""
        rows = answered().window(Window(end - DETECT.window, end), released=released).select(["p", "delayed"])
        found = performance(self._reference, profile_table(self._reference.layout, rows), self._thresholds)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def monitor() -> Monitor:
    return Monitor()


def test_a_release_that_answers_the_wrong_way_round_degrades_windows_within_three_weeks(monitor: Monitor) -> None:
    """By the windows alone: the audit of releases sees it at its first look."""
    looks = [monitor.look(BAD_RELEASE + EVERY * week, BAD_RELEASE) for week in (1, 2, 3)]
    assert looks[-1].degraded


def test_it_is_seen_in_every_month_in_which_it_costs_a_fifth_of_the_loss(monitor: Monitor) -> None:
    looks = [monitor.look(datetime(2013, month, 20, tzinfo=UTC), MARCH) for month in range(3, 13)]
    costly = [look.degraded for look in looks if look.current > 1.2 * look.reference]
    assert all(costly)
    assert len(costly) >= 6


def test_the_good_version_is_not_degraded_by_ordinary_weeks(monitor: Monitor) -> None:
    looks = [monitor.look(MARCH + EVERY * week) for week in range(2, 7)]
    assert [look.degraded for look in looks] == [False] * 5

"""Thresholds hold at the stated rate on windows that the calibration never saw; a shift of 0.1
standard deviations is found.
"""

from datetime import timedelta

import pytest

from modelmedic.steps.contracts.detection import Roles, Thresholds
from modelmedic.steps.core.detection.thresholds import alarm_level, calibrate
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from tests.benchmarks.detection.alarms import Count, count
from tests.benchmarks.detection.worlds import Kind
from tests.data.log import rows

QUIET = (Kind(500, 4, 5), Kind(1_000, 4, 20), Kind(2_000, 2, 40))
ALIKE = (Kind(1_000, 8, 5, alike=0.9), Kind(2_000, 8, 4, alike=0.99), Kind(2_000, 3, 4, days=0.7))
SHIFTED = (Kind(10_000, 1, 5),)


def together(kinds: tuple[Kind, ...], windows: int, *, shift: float = 0.0, turned: float = 0.0) -> Count:
    whole = Count()
    for _, found in count(kinds, 11, windows, shift=shift, turned=turned):
        for name in ("windows", "alarms", "runs", "incidents", "named"):
            setattr(whole, name, getattr(whole, name) + getattr(found, name))
    return whole


def test_quiet_windows_alarm_no_more_than_once_in_a_hundred() -> None:
    found = together(QUIET, 54)
    assert (found.windows, found.alarms <= 1, found.incidents) == (54, True, 0)


def test_rows_that_are_like_their_neighbours_raise_no_incidents() -> None:
    assert together(ALIKE, 135).incidents == 0


def test_a_release_that_answers_the_wrong_way_round_is_found_in_the_same_worlds() -> None:
    found = together(ALIKE, 36, turned=0.5)
    assert found.incidents == found.runs


def test_a_shift_of_a_tenth_of_a_deviation_is_found_and_named() -> None:
    found = together(SHIFTED, 30, shift=0.1)
    assert found.named >= 0.95 * found.runs


@pytest.mark.slow
def test_the_same_holds_over_many_windows() -> None:
    quiet, alike, shifted = together(QUIET, 900), together(ALIKE, 600), together(SHIFTED, 300, shift=0.1)
    assert quiet.alarms <= 0.01 * quiet.windows
    assert alike.incidents <= 0.01 * alike.runs
    assert shifted.named >= 0.95 * shifted.runs


def test_the_level_follows_from_the_rate() -> None:
    hour, week = timedelta(hours=1), timedelta(days=7)
    assert alarm_level(1.0, hour, 2) == pytest.approx(0.8 * 2 / 8760)
    assert alarm_level(1.0, hour, 2) < alarm_level(4.0, hour, 2) < alarm_level(52.0, week, 2) == pytest.approx(0.8 * 0.006)


def test_a_reference_of_a_few_rows_has_the_stated_defaults_only() -> None:
    table = rows(150)
    made = calibrate(table, choose_layout(table, Roles()), 100, alpha=0.004, explicit={"age": 0.3}, version="4")
    assert made == Thresholds(0.004, {"age": 0.3}, model_version="4")


def test_small_windows_need_larger_effects() -> None:
    table = rows(5000)
    layout = choose_layout(table, Roles(time="asked_at", id="request_id"))
    small, large = (calibrate(table, layout, n, alpha=0.005, explicit={}, version="1") for n in (300, 50_000))
    assert small.effect["age"] > 1.5 * large.effect["age"]
    assert (small.replayed, small.model_version) == (31, "1")

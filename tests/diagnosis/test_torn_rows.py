"""Columns and labels that stand apart from what everything else lets expect: joined late, filled
with noise, mixed in one segment. Where they lie is named, unless its own column is broken.
"""

from collections.abc import Callable

import numpy as np
import pytest

from modelmedic.steps.contracts.detection import Problem, ProblemKind, Segment
from modelmedic.steps.contracts.diagnosis import Context, Diagnosis
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.data_quality import suspect
from modelmedic.steps.core.diagnosis.diagnosis import find_cause
from modelmedic.steps.core.quality.given import Errors
from modelmedic.steps.core.quality.late_rows import late_by
from tests.worlds.stream import FORTNIGHT, ROLES, hours, table

NOW = 36 * 7 * 24
RANDOM = np.random.default_rng(11)
WHOLE, LAST_THIRD = slice(NOW, NOW + FORTNIGHT), slice(NOW + 2 * FORTNIGHT // 3, NOW + FORTNIGHT)


def diagnosed(column: str, rows: slice, change: Callable[[np.ndarray], np.ndarray], where: str = "") -> Diagnosis:
    columns = hours()
    inside = np.zeros(len(columns["y"]), dtype=bool)
    inside[rows] = True
    if where:
        inside &= columns["sky"] == where
    columns[column][inside] = change(columns[column][inside])
    past, current = table(columns, NOW - 14 * FORTNIGHT, NOW), table(columns, NOW, NOW + FORTNIGHT)
    return find_cause(table(columns, NOW - 3 * FORTNIGHT, NOW), current, ROLES, Context(), past)


@pytest.mark.parametrize(("rows", "by"), [(WHOLE, 9), (LAST_THIRD, 9), (LAST_THIRD, 57)], ids=["whole", "since a moment", "days"])
def test_labels_that_are_late_since_a_moment_are_told_with_the_delay(rows: slice, by: int) -> None:
    late = hours()["y"][rows.start - by : rows.stop - by]
    found = diagnosed("y", rows, lambda _: late)
    assert found.cause is Cause.LABEL_QUALITY, found.sentence
    assert f"of {by} rows before" in found.sentence


def test_a_column_that_is_late_is_broken_though_its_own_values_look_as_ever() -> None:
    late = hours()["temp"][NOW - 12 : NOW + FORTNIGHT - 12]
    found = diagnosed("temp", WHOLE, lambda _: late)
    assert (found.cause, found.columns[:1]) == (Cause.DATA_QUALITY, ("temp",)), found.sentence


def test_a_column_in_another_unit_is_broken_in_a_month_that_the_past_never_had() -> None:
    """April in °F, after July to March in °C: beyond all that the column ever was."""
    week = 7 * 24
    columns, april = hours(70 * week), 66 * week
    columns["temp"][april:] = columns["temp"][april:] * 1.8 + 32
    past, current = table(columns, 26 * week, april), table(columns, april, april + FORTNIGHT)
    found = find_cause(past, current, ROLES, Context(), past)
    assert (found.cause, found.columns[:1]) == (Cause.DATA_QUALITY, ("temp",)), found.sentence


def test_labels_that_were_mixed_in_one_segment_are_told_with_it() -> None:
    found = diagnosed("y", WHOLE, RANDOM.permutation, "rain")
    assert (found.cause, found.segment) == (Cause.LABEL_QUALITY, Segment("sky", "rain")), found.sentence


def test_a_law_that_turned_in_one_segment_is_the_worlds() -> None:
    found = diagnosed("y", WHOLE, lambda y: np.round(900 - 1.5 * y), "rain")
    assert found.cause in (Cause.CONCEPT_DRIFT, Cause.INSUFFICIENT_EVIDENCE), found.sentence


def test_rows_of_one_delay_are_a_stale_feed_though_each_is_too_coarse_to_be_known_again() -> None:
    columns = hours()
    columns["temp"] = np.round(columns["temp"] / 0.2) * 0.2
    for name in ("temp", "wind", "sky"):
        columns[name][WHOLE] = columns[name][NOW - 5 * 24 : NOW + FORTNIGHT - 5 * 24].copy()
    past, current = table(columns, NOW - 14 * FORTNIGHT, NOW), table(columns, NOW, NOW + FORTNIGHT)
    found = find_cause(table(columns, NOW - 3 * FORTNIGHT, NOW), current, ROLES, Context(), past)
    assert found.cause is Cause.DATA_QUALITY, found.sentence
    assert "120 hours before" in found.sentence


def test_a_clock_that_is_wrong_in_one_segment_is_told_with_it() -> None:
    found = diagnosed("hour", WHOLE, lambda hour: (hour + 5) % 24, "rain")
    assert (found.cause, found.columns[:1], found.segment) == (Cause.DATA_QUALITY, ("hour",), Segment("sky", "rain")), found.sentence


def test_a_segment_of_a_column_that_is_broken_itself_is_none() -> None:
    rain, clear = Segment("sky", "rain"), Segment("sky", "clear")
    worst = Problem(ProblemKind.CONSTANT, "temp", "temp is 1", 0.5, rain)
    assert [each.segment for each in suspect((worst,))] == [rain]
    assert [each.segment for each in suspect((worst, Problem(ProblemKind.REMAPPED, "sky", "mixed", 0.4)))] == [None]
    assert [each.segment for each in suspect((worst, Problem(ProblemKind.NULL_JUMP, "wind", "null", 0.4, clear)))] == [rain]


def test_values_that_fit_no_earlier_rows_better_are_not_late() -> None:
    expected = RANDOM.normal(size=300)
    truth = expected + RANDOM.normal(size=300)
    full = Errors(truth - expected, np.zeros(300, dtype=np.int64), truth - expected, np.arange(300), 0.5, (truth, truth), np.arange(300))
    assert late_by(full) == (0, 1.0)

"""Which rows a challenger learns from: after the change, with mature labels, outside of quarantine, the latest held out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from steps.contracts.diagnosis import Diagnosis
from steps.contracts.training import TrainingPlan
from steps.contracts.window import Window
from steps.contracts.words import Cause, Remedy
from steps.core.training_window import plan, reach, split
from tests.training.worlds import NOW, policy

DAY = timedelta(days=1)
WINDOW = Window(NOW - 7 * DAY, NOW)


def _times(a_day: int, days: int = 80) -> np.ndarray:
    end = int(NOW.timestamp() * 1e6)
    return np.linspace(end - days * 86_400e6, end, a_day * days, endpoint=False).astype(np.int64)


def _plan(
    cause: Cause = Cause.CONCEPT_DRIFT,
    onset: datetime | None = None,
    quarantined: Sequence[Window] = (),
    a_day: int = 200,
    remedy: Remedy = Remedy.RETRAIN,
    **sections: Any,
) -> TrainingPlan:
    found = Diagnosis(cause, 0.9, onset=onset)
    return plan(found, remedy, policy(**sections), WINDOW, quarantined, _times(a_day), NOW)


def test_concept_drift_is_learnt_after_the_onset() -> None:
    made = _plan(onset=NOW - 20 * DAY)
    assert made.enough
    assert made.train.start == NOW - 20 * DAY
    assert "after the onset" in made.reason


def test_covariate_shift_is_learnt_from_the_whole_history() -> None:
    made = _plan(Cause.COVARIATE_SHIFT, onset=NOW - 5 * DAY)
    assert made.train.start == NOW - 61 * DAY  # 60 days before the last mature label


def test_labels_that_have_not_matured_are_left_out() -> None:
    assert _plan(onset=NOW - 20 * DAY).holdout.end == NOW - DAY


def test_latest_share_is_held_out_by_time() -> None:
    made = _plan(Cause.COVARIATE_SHIFT)
    assert made.train.end == made.holdout.start
    assert abs(made.holdout_rows / (made.rows + made.holdout_rows) - 0.25) < 0.01


def test_too_few_rows_after_the_onset_are_filled_up_and_the_reason_says_so() -> None:
    made = _plan(onset=NOW - 3 * DAY)
    assert made.enough
    assert made.train.start < NOW - 3 * DAY
    assert "older ones from" in made.reason
    assert made.rows >= 500


def test_change_that_is_too_young_to_be_judged_by_is_a_no() -> None:
    made = _plan(onset=NOW - DAY)
    assert not made.enough
    assert "0 mature labels" in made.reason


def test_too_few_rows_at_all_are_a_no_with_its_reason() -> None:
    made = _plan(Cause.COVARIATE_SHIFT, a_day=5)
    assert not made.enough
    assert "300 labelled rows" in made.reason
    assert "800 are needed" in made.reason


def test_quarantined_spans_are_neither_learnt_from_nor_counted() -> None:
    span = Window(NOW - 30 * DAY, NOW - 20 * DAY)
    made, without = _plan(Cause.COVARIATE_SHIFT, quarantined=[span]), _plan(Cause.COVARIATE_SHIFT)
    assert made.excluded == (span,)
    assert made.rows + made.holdout_rows == without.rows + without.holdout_rows - 2000


def test_everything_in_quarantine_is_a_no() -> None:
    assert not _plan(quarantined=[Window(NOW - 80 * DAY, NOW)]).enough


def test_correction_needs_recent_rows_only_and_fewer() -> None:
    made = _plan(Cause.LABEL_SHIFT, remedy=Remedy.RECALIBRATE)
    assert made.train.start == NOW - 15 * DAY
    assert "correction" in made.reason


def test_no_row_at_all_is_a_no() -> None:
    found = plan(Diagnosis(Cause.CONCEPT_DRIFT, 0.9), Remedy.RETRAIN, policy(), WINDOW, (), np.empty(0, dtype=np.int64), NOW)
    assert not found.enough
    assert not split(policy(), np.empty(0, dtype=np.int64)).enough


def test_rows_of_one_moment_cannot_be_parted() -> None:
    made = split(policy(), np.full(5000, 1_700_000_000_000_000, dtype=np.int64))
    assert not made.enough
    assert "of one moment" in made.reason


@settings(max_examples=20, deadline=None)
@given(
    times=st.lists(st.integers(0, 70 * 24 * 3600), min_size=800, max_size=1500),
    onset=st.integers(0, 90),
    start=st.integers(0, 80),
    length=st.integers(0, 30),
)
def test_counts_agree_with_windows_whatever_the_rows(times: list[int], onset: int, start: int, length: int) -> None:
    first = int((NOW - 70 * DAY).timestamp() * 1e6)
    stamps = np.sort(np.array(times, dtype=np.int64) * 1_000_000 + first)
    span = Window(NOW - 80 * DAY + start * DAY, NOW - 80 * DAY + (start + length) * DAY)
    made = plan(Diagnosis(Cause.CONCEPT_DRIFT, 0.9, onset=NOW - onset * DAY), Remedy.RETRAIN, policy(), WINDOW, (span,), stamps, NOW)
    if made.enough:
        inside = stamps[(stamps < int(span.start.timestamp() * 1e6)) | (stamps >= int(span.end.timestamp() * 1e6))]
        for window, counted in ((made.train, made.rows), (made.holdout, made.holdout_rows)):
            low, high = (int(moment.timestamp() * 1e6) for moment in (window.start, window.end))
            assert ((inside >= low) & (inside < high)).sum() == counted
        assert made.holdout.end == reach(policy(), NOW).end

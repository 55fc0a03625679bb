"""The rows that a challenger learns from: after the change, with mature labels, outside of
quarantine, the latest held out.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Remedy
from modelmedic.steps.core.training.training_rows import plans, reach, split
from tests.worlds.training import NOW, policy

DAY = timedelta(days=1)
WINDOW = Window(NOW - 7 * DAY, NOW)


def _times(a_day: int, days: int = 80) -> np.ndarray:
    end = int(NOW.timestamp() * 1e6)
    return np.linspace(end - days * 86_400e6, end, a_day * days, endpoint=False).astype(np.int64)


def _plans(
    cause: Cause = Cause.CONCEPT_DRIFT,
    onset: datetime | None = None,
    quarantined: Sequence[Window] = (),
    a_day: int = 200,
    remedy: Remedy = Remedy.RETRAIN,
    retraining: bool = False,
    waited: bool = False,
    **sections: Any,
) -> tuple[TrainingPlan, ...]:
    found = Diagnosis(cause, 0.9, onset=onset)
    return plans(found, remedy, policy(**sections), WINDOW, quarantined, _times(a_day), NOW, retraining=retraining, waited=waited)


def _plan(*given: Any, **named: Any) -> TrainingPlan:
    return _plans(*given, **named)[0]


def test_concept_drift_is_learnt_after_the_onset_and_from_all_rows_and_judged_on_the_same_ones() -> None:
    after, whole = _plans(onset=NOW - 20 * DAY)
    assert after.enough
    assert after.train.start == NOW - 20 * DAY
    assert "after the onset" in after.reason
    assert whole.train.start == NOW - 61 * DAY
    assert after.holdout == whole.holdout
    assert after.holdout_rows == whole.holdout_rows


def test_half_of_a_new_concept_is_learnt_and_never_less_than_training_needs() -> None:
    after, _ = _plans(onset=NOW - 20 * DAY)
    assert after.holdout_rows == pytest.approx(200 * 7, abs=2)  # a detection window
    young, _ = _plans(onset=NOW - 5 * DAY)
    assert young.rows >= 500
    assert young.holdout_rows == pytest.approx(200 * 4 - 500, abs=1)


def test_new_concept_of_which_a_few_days_bring_rows_enough_waits_for_them_but_not_for_ever() -> None:
    (waiting,) = _plans(onset=NOW - 3 * DAY)
    assert not waiting.enough
    assert waiting.waiting
    assert "400 labels are known since then; 700 are needed to train a challenger" in waiting.reason
    (whole,) = _plans(onset=NOW - 3 * DAY, waited=True)
    assert whole.enough
    assert whole.train.start == NOW - 61 * DAY


def test_new_concept_that_would_take_weeks_to_show_rows_enough_is_not_waited_for() -> None:
    (whole,) = _plans(onset=NOW - 3 * DAY, retrain={"minRows": 3000})
    assert whole.enough


def test_onset_that_an_earlier_incident_found_is_remembered() -> None:
    found = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, onset=NOW - 2 * DAY)
    after, _ = plans(found, Remedy.RETRAIN, policy(), WINDOW, (), _times(200), NOW, since=NOW - 20 * DAY)
    assert after.train.start == NOW - 20 * DAY


def test_covariate_shift_is_learnt_from_the_whole_history() -> None:
    made = _plan(Cause.COVARIATE_SHIFT, onset=NOW - 5 * DAY)
    assert made.train.start == NOW - 61 * DAY  # 60 days before the last mature label


def test_labels_that_have_not_matured_are_left_out() -> None:
    assert _plan(onset=NOW - 20 * DAY).holdout.end == NOW - DAY


def test_newest_window_is_held_out_by_time() -> None:
    made = _plan(Cause.COVARIATE_SHIFT)
    assert made.train.end == made.holdout.start
    assert abs(made.holdout.length - WINDOW.length) < timedelta(hours=1)


def test_no_more_than_the_share_is_held_out_and_no_less_than_judges() -> None:
    long = _plan(Cause.COVARIATE_SHIFT, detect={"window": "60d"})
    assert abs(long.holdout_rows / (200 * 60) - 0.25) < 0.01
    assert _plan(Cause.COVARIATE_SHIFT, validate={"minLabels": 3000}).holdout_rows == 3000


def test_reference_gets_days_of_the_whole_history_that_nobody_learns_from() -> None:
    made = _plan(Cause.COVARIATE_SHIFT)
    days = [span.length for span in made.beside]
    assert len(days) == 6
    assert set(days) == {DAY}
    assert made.beside[0].start < made.train.start + 8 * DAY
    assert made.beside[-1].end <= made.train.end
    assert made.rows == 200 * 54 - 6 * 200 - (made.holdout_rows - 200 * 6)


def test_nothing_is_set_apart_where_the_rows_are_few() -> None:
    assert _plan(Cause.COVARIATE_SHIFT, retrain={"minRows": 10_500}).beside == ()


def test_correction_may_be_tried_against_a_full_training() -> None:
    line, whole = _plans(Cause.LABEL_SHIFT, remedy=Remedy.RECALIBRATE, retraining=True)
    assert (line.remedy, whole.remedy) == (Remedy.RECALIBRATE, Remedy.RETRAIN)
    assert line.holdout == whole.holdout
    assert line.beside == (line.train,)  # two numbers learn nothing of any one row


def test_harm_that_shows_in_too_few_labels_to_judge_by_trains_nothing() -> None:
    made = _plan(quarantined=[Window(NOW - 9 * DAY, NOW)])
    assert not made.enough
    assert "0 mature labels" in made.reason


def test_too_few_rows_at_all_train_nothing_and_say_why() -> None:
    made = _plan(Cause.COVARIATE_SHIFT, a_day=5)
    assert not made.enough
    assert "300 labelled rows" in made.reason
    assert "800 are needed" in made.reason


def test_quarantined_spans_are_neither_learnt_from_nor_counted() -> None:
    span = Window(NOW - 30 * DAY, NOW - 20 * DAY)
    made = _plan(Cause.COVARIATE_SHIFT, quarantined=[span])
    assert made.excluded == (span,)
    assert made.rows + made.holdout_rows <= 200 * (60 - 10)


def test_everything_in_quarantine_trains_nothing() -> None:
    assert not _plan(quarantined=[Window(NOW - 80 * DAY, NOW)]).enough


def test_correction_needs_recent_rows_only_and_fewer() -> None:
    made = _plan(Cause.LABEL_SHIFT, remedy=Remedy.RECALIBRATE)
    assert made.train.start == NOW - 15 * DAY
    assert "correction" in made.reason


def test_no_row_at_all_trains_nothing() -> None:
    (found,) = plans(Diagnosis(Cause.CONCEPT_DRIFT, 0.9), Remedy.RETRAIN, policy(), WINDOW, (), np.empty(0, dtype=np.int64), NOW)
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
    found = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, onset=NOW - onset * DAY)
    for made in plans(found, Remedy.RETRAIN, policy(), WINDOW, (span,), stamps, NOW):
        if made.enough:
            judged, learnt = (_inside(stamps, window, (span,)) for window in (made.holdout, made.train))
            assert judged == made.holdout_rows
            assert learnt - sum(_inside(stamps, apart, (span,)) for apart in made.beside) == made.rows
            assert made.holdout.end == reach(policy(), NOW).end


def _inside(stamps: np.ndarray, window: Window, outside: Sequence[Window]) -> int:
    def within(span: Window) -> np.ndarray:
        low, high = (round(moment.timestamp() * 1e6) for moment in (span.start, span.end))
        return (stamps >= low) & (stamps < high)

    keep = within(window)
    for span in outside:
        keep &= ~within(span)
    return int(keep.sum())

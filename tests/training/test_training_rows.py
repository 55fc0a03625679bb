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
from modelmedic.steps.core.training.training_rows import plans, reach, sharing, split
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
    **sections: Any,
) -> tuple[TrainingPlan, ...]:
    found = Diagnosis(cause, 0.9, onset=onset)
    return plans(found, remedy, policy(**sections), WINDOW, quarantined, _times(a_day), NOW, retraining=retraining)


def _plan(*given: Any, **named: Any) -> TrainingPlan:
    return _plans(*given, **named)[0]


def test_ways_of_weighting_are_judged_on_the_same_rows_and_reach_as_far_as_they_weigh() -> None:
    halved, long, alike = _plans(Cause.AGEING)
    assert (halved.halving, long.halving, alike.halving) == (30 * DAY, 120 * DAY, None)
    assert halved.train.start == long.train.start == reach(policy(), NOW).start == NOW - 241 * DAY
    assert alike.train.start == NOW - 61 * DAY  # 60 days before the last mature label
    assert halved.holdout == long.holdout == alike.holdout
    assert "half as much for every 30d of age" in halved.reason


def test_concept_drift_may_be_learnt_from_the_rows_after_the_onset_alone() -> None:
    *ways, after = _plans(onset=NOW - 20 * DAY)
    assert after.enough
    assert after.new
    assert after.train.start == NOW - 20 * DAY
    assert "after the onset" in after.reason
    assert not any(way.new for way in ways)
    assert {way.holdout for way in ways} == {after.holdout}


def test_what_is_taught_after_a_turn_may_still_leave_out_the_rows_before_it() -> None:
    found = Diagnosis(Cause.AGEING, 0.9)
    *ways, after = plans(found, Remedy.RETRAIN, policy(), WINDOW, (), _times(200), NOW, turned=NOW - 30 * DAY)
    assert (after.new, after.train.start) == (True, NOW - 30 * DAY)
    assert [way.new for way in ways] == [False, False, False]
    assert len(plans(found, Remedy.RETRAIN, policy(), WINDOW, (), _times(200), NOW, turned=NOW - 400 * DAY)) == 3  # beyond the reach


def test_half_of_a_new_concept_is_learnt_as_far_as_enough_is_left_to_judge_by() -> None:
    assert _plans(onset=NOW - 20 * DAY)[-1].holdout_rows == pytest.approx(200 * 7, abs=2)  # a detection window
    young = _plans(onset=NOW - 5 * DAY)[-1]
    assert young.new
    assert young.rows == pytest.approx(400, abs=50)  # but what is set apart
    assert young.holdout_rows == pytest.approx(400, abs=1)


def test_new_concept_of_few_rows_is_not_waited_for() -> None:
    ways = _plans(onset=NOW - 2 * DAY)  # 200 labels are known since
    assert all(way.enough and not way.new for way in ways)
    assert ways[0].holdout_rows == 200


def test_stream_of_few_rows_is_judged_on_as_many_as_there_are() -> None:
    few = {"a_day": 8, "validate": {}, "retrain": {"minRows": 300}}
    assert _plan(Cause.AGEING, **few).holdout_rows == 158  # a quarter of 632, where 500 are aimed at
    assert not _plan(Cause.AGEING, **{**few, "validate": {"minLabels": 501}}).enough  # somebody said so


def test_twin_is_judged_on_rows_that_what_serves_may_learn_and_cautious_people_need_them_twice() -> None:
    few = {"a_day": 12, "retrain": {"minRows": 900}, "validate": {}}
    assert _plan(Cause.AGEING, **few).rows + _plan(Cause.AGEING, **few).holdout_rows == 948
    assert not _plan(Cause.AGEING, **{**few, "retrain": {"minRows": 900, "risk": "cautious"}}).enough


def test_onset_that_an_earlier_incident_found_is_remembered() -> None:
    found = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, onset=NOW - 2 * DAY)
    *_, after = plans(found, Remedy.RETRAIN, policy(), WINDOW, (), _times(200), NOW, since=NOW - 20 * DAY)
    assert after.train.start == NOW - 20 * DAY


def test_covariate_shift_is_learnt_from_all_rows_within_reach() -> None:
    ways = _plans(Cause.COVARIATE_SHIFT, onset=NOW - 5 * DAY)
    assert not any(way.new for way in ways)
    assert ways[0].train.start == NOW - 241 * DAY


def test_rows_that_the_champion_has_learnt_judge_nobody() -> None:
    def of(taught: datetime) -> TrainingPlan:
        return plans(Diagnosis(Cause.AGEING, 0.9), Remedy.RETRAIN, policy(), WINDOW, (), _times(200), NOW, taught=taught)[0]

    assert of(NOW - 3 * DAY).holdout.start == NOW - 3 * DAY
    assert of(NOW - 40 * DAY) == _plan(Cause.AGEING)
    assert not of(NOW - 1.5 * DAY).enough
    assert "only 100 labels since 20 March, up to when the champion has learnt; `validate.minLabels` asks for" in of(NOW - 1.5 * DAY).reason


def test_labels_that_have_not_matured_are_left_out() -> None:
    assert _plan(onset=NOW - 20 * DAY).holdout.end == NOW - DAY


def test_newest_window_is_held_out_by_time() -> None:
    made = _plan(Cause.COVARIATE_SHIFT)
    assert made.train.end == made.holdout.start
    assert abs(made.holdout.length - WINDOW.length) < timedelta(hours=1)


def test_no_more_than_the_share_is_held_out_and_no_less_than_somebody_asked_for() -> None:
    long = _plan(Cause.COVARIATE_SHIFT, detect={"window": "60d"})
    assert abs(long.holdout_rows / (200 * 79) - 0.25) < 0.01
    assert _plan(Cause.COVARIATE_SHIFT, validate={"minLabels": 3000}).holdout_rows == 3000


def test_reference_gets_days_of_the_whole_history_that_nobody_learns_from() -> None:
    made = _plan(Cause.COVARIATE_SHIFT)
    days = [span.length for span in made.beside]
    assert len(days) == 7
    assert set(days) == {DAY}
    assert made.train.end - 60 * DAY <= made.beside[0].start < made.train.end - 52 * DAY  # retrain.history, not all of the reach
    assert made.beside[-1].end <= made.train.end
    assert made.rows == 200 * 79 - 7 * 200 - made.holdout_rows


def test_nothing_is_set_apart_where_the_rows_are_few() -> None:
    assert _plan(Cause.COVARIATE_SHIFT, retrain={"minRows": 13_500}).beside == ()


def test_correction_may_be_tried_against_a_full_training() -> None:
    line, whole, *_ = _plans(Cause.LABEL_SHIFT, remedy=Remedy.RECALIBRATE, retraining=True)
    assert (line.remedy, whole.remedy) == (Remedy.RECALIBRATE, Remedy.RETRAIN)
    assert line.holdout == whole.holdout
    assert line.beside == (line.train,)  # two numbers learn nothing of any one row


def test_harm_that_shows_in_too_few_labels_to_judge_by_trains_nothing() -> None:
    made = _plan(quarantined=[Window(NOW - 9 * DAY, NOW)])
    assert not made.enough
    assert "only 0 labels since 15 March, from when on the harm shows" in made.reason
    assert "broken" not in made.reason


def test_labels_that_do_not_count_are_not_called_missing() -> None:
    found = Diagnosis(Cause.CONCEPT_DRIFT, 0.9)
    made = plans(found, Remedy.RETRAIN, policy(), WINDOW, (Window(NOW - 9 * DAY, NOW),), _times(200), NOW, doubtful=336)[0]
    assert made.reason.endswith("; 336 labelled rows look as broken ones do and do not count yet")


def test_too_few_rows_at_all_train_nothing_and_say_why() -> None:
    made = _plan(Cause.COVARIATE_SHIFT, a_day=5)
    assert not made.enough
    assert "only 395 labels since 24 July 2025; `retrain.minRows` asks for 500 to learn from" in made.reason
    assert "`validate.minLabels` for 200 to judge by" in made.reason


def test_quarantined_spans_are_neither_learnt_from_nor_counted() -> None:
    span = Window(NOW - 30 * DAY, NOW - 20 * DAY)
    made = _plan(Cause.COVARIATE_SHIFT, quarantined=[span])
    assert made.excluded == (span,)
    assert made.rows + made.holdout_rows <= 200 * (79 - 10)


def test_everything_in_quarantine_trains_nothing() -> None:
    assert not _plan(quarantined=[Window(NOW - 80 * DAY, NOW)]).enough


def test_correction_needs_recent_rows_only_and_fewer() -> None:
    made = _plan(Cause.LABEL_SHIFT, remedy=Remedy.RECALIBRATE)
    assert made.train.start == NOW - 15 * DAY
    assert "correction" in made.reason


def test_half_of_the_rows_in_doubt_teach_and_the_newer_half_judges() -> None:
    plan, doubtful = _plan(Cause.DATA_QUALITY), [Window(NOW - 9 * DAY, NOW - 5 * DAY), Window(NOW - 6 * DAY, NOW)]
    shared = sharing(plan, _times(200), doubtful)
    assert shared.enough
    assert shared.holdout == Window(NOW - 5 * DAY, plan.holdout.end)
    assert shared.train == Window(plan.train.start, shared.holdout.start)
    assert shared.holdout_rows == 4 * 200
    assert shared.rows + shared.holdout_rows == plan.rows + plan.holdout_rows
    assert sharing(plan, _times(200), [Window(NOW - 40 * DAY, NOW - DAY)]).holdout == plan.holdout


def test_too_few_labels_of_the_rows_in_doubt_teach_nothing_and_say_so() -> None:
    shared = sharing(_plan(Cause.DATA_QUALITY), _times(200), [Window(NOW - 1.5 * DAY, NOW)])
    assert not shared.enough
    assert shared.reason == "only 100 labels of the rows that are set aside are known; 200 are needed to teach and to judge by"


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

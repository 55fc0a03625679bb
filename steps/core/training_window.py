"""Which labelled rows a challenger learns from, and which it is judged on."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from steps.contracts.diagnosis import Diagnosis
from steps.contracts.policy import Policy
from steps.contracts.training import TrainingPlan
from steps.contracts.window import Window
from steps.contracts.words import Cause, Remedy

Times = npt.NDArray[np.int64]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST_CORRECTED = 200  # rows that a line is fitted on
_RECENT = timedelta(days=14)  # what a correction is fitted on when the cause sets no onset


def plan(
    diagnosis: Diagnosis, remedy: Remedy, policy: Policy, window: Window, quarantined: Sequence[Window], times: Times, now: datetime
) -> TrainingPlan:
    """The windows for training and, latest, for the holdout.

    `times` are the labelled rows' times (µs since 1970, ascending) within `reach`. Only rows whose labels have matured count
    (time < now - data.labels.delay), and none of a quarantined span. Where the onset leaves too few rows, older ones are taken in
    and the reason says so; where there are too few at all, `enough` is False.
    """
    limits = reach(policy, now)
    kept = _outside(times[(times >= _us(limits.start)) & (times < _us(limits.end))], quarantined)
    need = _needed(policy, remedy)
    start, reason = _start(diagnosis, remedy, policy, window, limits)
    inside = kept[kept >= _us(start)]
    excluded = tuple(span for span in quarantined if span.overlaps(limits))
    if diagnosis.cause is Cause.CONCEPT_DRIFT and len(inside) < policy.validation.minLabels:
        reason = f"only {len(inside)} mature labels outside of quarantine are younger than the onset, {start:%Y-%m-%d %H:%MZ}; "
        reason += f"{policy.validation.minLabels} of them are needed to judge by: older rows teach what does not hold any more"
        return _no(remedy, Window(start, limits.end), excluded, reason)
    if len(inside) < need and len(kept) > len(inside):
        older = kept[-need:] if len(kept) > need else kept
        reason += f"; these are only {len(inside)} rows, so older ones from {_moment(older[0]):%Y-%m-%d %H:%MZ} on are learnt from too"
        start, inside = _moment(older[0]), older
    if len(inside) < need:
        reason = f"{len(inside)} labelled rows in {limits} outside of quarantine; {need} are needed to train on and to judge by"
        return _no(remedy, Window(start, limits.end), excluded, reason)
    return _split(remedy, inside, policy, Window(start, limits.end), excluded, reason)


def split(policy: Policy, times: Times) -> TrainingPlan:
    """The windows of a first training on all rows; `times` as in `plan`."""
    need = _needed(policy, Remedy.RETRAIN)
    if len(times) < need:
        reason = f"there are {len(times)} labelled rows; {need} are needed to train on and to judge by"
        return _no(Remedy.RETRAIN, Window(_EPOCH, _EPOCH), (), reason)
    whole = Window(_moment(times[0]), _moment(times[-1]) + timedelta(microseconds=1))
    return _split(Remedy.RETRAIN, times, policy, whole, (), "the first champion learns from the older rows and is judged by the later ones")


def _split(remedy: Remedy, times: Times, policy: Policy, whole: Window, excluded: tuple[Window, ...], reason: str) -> TrainingPlan:
    """The latest share for the holdout. Rows of one moment are never parted."""
    cut = _moment(times[min(int(np.ceil(len(times) * (1 - policy.retrain.holdout))), len(times) - 1)])
    rows = int((times < _us(cut)).sum())
    if not rows:
        reason = f"all {len(times)} labelled rows in {whole} are of one moment; expected some to train on and later ones to judge by"
        return _no(remedy, whole, excluded, reason)
    return TrainingPlan(
        remedy, Window(whole.start, cut), Window(cut, whole.end), excluded, reason, rows=rows, holdout_rows=len(times) - rows
    )


def _no(remedy: Remedy, whole: Window, excluded: tuple[Window, ...], reason: str) -> TrainingPlan:
    return TrainingPlan(remedy, whole, Window(whole.end, whole.end), excluded, reason, enough=False)


def reach(policy: Policy, now: datetime) -> Window:
    """The span in which labels have matured, as far back as training may look."""
    end = now - policy.data.labels.delay
    return Window(end - policy.retrain.history, end)


def _start(diagnosis: Diagnosis, remedy: Remedy, policy: Policy, window: Window, limits: Window) -> tuple[datetime, str]:
    """Where training begins, and why; never before the reach."""
    onset = min(diagnosis.onset or window.start, limits.end)
    if remedy is Remedy.RECALIBRATE:
        since = min(max(diagnosis.onset or limits.end - _RECENT, limits.start), limits.end)
        return since, f"a correction is fitted on recent rows, from {since:%Y-%m-%d %H:%MZ} on"
    if diagnosis.cause is Cause.CONCEPT_DRIFT and onset > limits.start:
        return onset, f"the concept changed, so only rows after the onset ({onset:%Y-%m-%d %H:%MZ}) teach it"
    words = f"{policy.retrain.history.days} d of history" if policy.retrain.history.days else "the history"
    return limits.start, f"{words} and the new regime together: what was learnt before still holds"


def _needed(policy: Policy, remedy: Remedy) -> int:
    """Rows for retrain.minRows to learn from and validate.minLabels to be judged by, by the shares that retrain.holdout sets."""
    share = policy.retrain.holdout
    least = _LEAST_CORRECTED if remedy is Remedy.RECALIBRATE else policy.retrain.minRows
    return int(np.ceil(max(least / (1 - share), policy.validation.minLabels / share)))


def _outside(times: Times, spans: Sequence[Window]) -> Times:
    for span in spans:
        times = times[(times < _us(span.start)) | (times >= _us(span.end))]
    return times


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=int(microseconds))

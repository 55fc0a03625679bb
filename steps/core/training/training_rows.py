"""The choice of labelled rows: those that a challenger learns from, those that it is judged on, and
those that become its reference.

| rows      | choice                                 | use                                       |
|-----------|----------------------------------------|-------------------------------------------|
| holdout   | the newest: a detection window of them | the gates: better where the harm was seen |
| set apart | every eighth day of what is older      | the new reference, of a whole season      |
| the rest  | from each of a few starts on           | training                                  |

Where a change begins is an estimate, and whether the older rows still teach anything is an
empirical question: the starts that the cause allows are all tried on the same holdout (`plans`),
and its labels choose. A model of all rows loses where the old regime contradicts the new one; a
model of the few new rows loses where most of what was learnt still holds (Klinkenberg and Joachims
2000 choose the window of training data by the error on the newest batch in the same way).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Remedy

Times = npt.NDArray[np.int64]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST_CORRECTED = 200  # rows that a line is fitted on
_LEAST_SHOWN = 200  # rows since the harm shows, among those that a challenger is judged on
_RECENT = timedelta(days=14)  # what a correction is fitted on when the cause sets no onset
_EVERY = 8  # of so many blocks one is set apart
_LEAST_BLOCKS = 24  # blocks of a day each, shorter where the history has fewer days


@dataclass(frozen=True, slots=True)
class _Start:
    """One way to choose the rows, with its reason in words."""

    remedy: Remedy
    at: datetime
    reason: str
    new: bool = False  # only rows of the new concept


def plans(
    diagnosis: Diagnosis,
    remedy: Remedy,
    policy: Policy,
    window: Window,
    quarantined: Sequence[Window],
    times: Times,
    now: datetime,
    *,
    since: datetime | None = None,
    retraining: bool = False,
    waited: bool = False,
) -> tuple[TrainingPlan, ...]:
    """The trainings to try, all judged on the same holdout; one plan with `enough` False and its
    reason where none is possible.

    `times` are the labelled rows' times (µs since 1970, ascending) within `reach`. Only rows whose
    labels have matured count (time < now - data.labels.delay), and none of a quarantined span.
    `since` is the onset that an earlier incident of this champion found; a window cannot show an
    onset that lies before it. `retraining` allows a full training beside a correction; `waited`
    says that waiting for more rows of a new concept is over.
    """
    limits = reach(policy, now)
    onset = max(min(since or limits.end, diagnosis.onset or window.start, limits.end), limits.start)
    kept = _without_spans(times[(times >= _us(limits.start)) & (times < _us(limits.end))], quarantined)
    excluded = tuple(span for span in quarantined if span.overlaps(limits))
    starts = [_reach_back(start, policy, kept) for start in _starts(diagnosis, remedy, policy, onset, limits, retraining)]
    possible = [start for start in starts if _training_rows(start, policy, kept) >= _least_rows(start.remedy, policy)]
    if not possible:
        need = _needed_rows(policy, remedy)
        reason = f"{len(kept)} labelled rows in {limits} outside of quarantine; {need} are needed to train on and to judge by"
        return (_no_plan(remedy, limits, excluded, reason),)
    shown = min(onset, window.start)
    young = int((kept >= _us(shown)).sum())
    least = min(policy.validation.minLabels, _LEAST_SHOWN)
    if young < least:
        reason = f"only {young} mature labels outside of quarantine are younger than {shown:%Y-%m-%d %H:%MZ}, since when the harm shows; "
        return (_no_plan(remedy, limits, excluded, f"{reason}{least} of them are needed to judge by"),)
    if starts[0].new and (why := _too_young(starts[0], policy, kept, soon=len(possible) < len(starts) and not waited)):
        return (replace(_no_plan(remedy, limits, excluded, why), waiting=True),)
    held = min(_holdout_rows(start, policy, kept) for start in possible)
    if starts[0].new:
        held = min(held, int((kept >= _us(starts[0].at)).sum()) - policy.validation.minLabels)  # as many of the new ones are learnt from
    made = [_plan(start, policy, kept, held, limits, excluded) for start in possible]
    return tuple(plan for plan in made if plan.enough) or (made[0],)


def split(policy: Policy, times: Times) -> TrainingPlan:
    """The windows of a first training on all rows; `times` as in `plans`. The latest share is held
    out.
    """
    need = _needed_rows(policy, Remedy.RETRAIN)
    if len(times) < need:
        reason = f"there are {len(times)} labelled rows; {need} are needed to train on and to judge by"
        return _no_plan(Remedy.RETRAIN, Window(_EPOCH, _EPOCH), (), reason)
    whole = Window(_moment(times[0]), _moment(times[-1]) + timedelta(microseconds=1))
    held = len(times) - min(int(np.ceil(len(times) * (1 - policy.retrain.holdout))), len(times) - 1)
    start = _Start(Remedy.RETRAIN, whole.start, "the first champion learns from the older rows and is judged by the later ones")
    return _plan(start, policy, times, held, whole, (), apart=False)


def reach(policy: Policy, now: datetime) -> Window:
    """The span in which labels have matured, as far back as training may go."""
    end = now - policy.data.labels.delay
    return Window(end - policy.retrain.history, end)


def _starts(diagnosis: Diagnosis, remedy: Remedy, policy: Policy, onset: datetime, limits: Window, retraining: bool) -> Iterator[_Start]:
    """The starts that the cause allows, its first choice first; none lies before the reach."""
    words = f"{policy.retrain.history.days} d of history" if policy.retrain.history.days else "the history"
    whole = _Start(Remedy.RETRAIN, limits.start, f"{words} and the new regime together: what was learnt before may still hold")
    if remedy is Remedy.RECALIBRATE:
        since = min(max(diagnosis.onset or limits.end - _RECENT, limits.start), limits.end)
        yield _Start(remedy, since, f"a correction is fitted on recent rows, from {since:%Y-%m-%d %H:%MZ} on")
        if retraining:
            yield whole
        return
    if diagnosis.cause is Cause.CONCEPT_DRIFT and onset > limits.start:
        yield _Start(remedy, onset, f"the concept changed, so only rows after the onset ({onset:%Y-%m-%d %H:%MZ}) are trained on", new=True)
    yield whole


def _reach_back(start: _Start, policy: Policy, kept: Times) -> _Start:
    """A correction that has too few rows takes in older ones, and says so."""
    need, inside = _needed_rows(policy, start.remedy), int((kept >= _us(start.at)).sum())
    if start.remedy is not Remedy.RECALIBRATE or inside >= need or len(kept) < need:
        return start
    since = _moment(kept[-need])
    return _Start(start.remedy, since, f"{start.reason}; these are only {inside} rows, so older ones from {since:%Y-%m-%d %H:%MZ} on too")


def _holdout_rows(start: _Start, policy: Policy, kept: Times) -> int:
    """Rows to judge by: those of a detection window, at least validate.minLabels, and at most
    retrain.holdout of what there is.

    Of a new concept's rows at most half, and no more than leaves retrain.minRows of them: a model
    that saw none of it cannot know it.
    """
    if not len(kept):
        return policy.validation.minLabels
    newest = int((kept >= kept[-1] - policy.detect.window // timedelta(microseconds=1)).sum())
    inside = int((kept >= _us(start.at)).sum())
    share = inside - max(policy.retrain.minRows, inside // 2) if start.new else int(np.ceil(policy.retrain.holdout * inside))
    return max(policy.validation.minLabels, min(newest, share))


def _too_young(start: _Start, policy: Policy, kept: Times, *, soon: bool) -> str:
    """The reason to wait, else empty: all the new rows would be needed to judge by, so that a
    challenger would learn nothing of them.

    `soon`: or the new rows are too few to be learnt from alone, and a few days bring what is
    missing.
    """
    inside, least = int((kept >= _us(start.at)).sum()), 2 * policy.validation.minLabels
    need = policy.retrain.minRows + policy.validation.minLabels
    window = policy.detect.window // timedelta(microseconds=1)
    near = need - inside <= int((kept >= kept[-1] - window).sum()) / 2  # rows of half a detection window
    if inside >= least and not (soon and near):
        return ""
    return (
        f"the concept changed at {start.at:%Y-%m-%d %H:%MZ}, and {inside} labels are known since then; "
        f"{need if soon and near else least} are needed to train a challenger and to judge it"
    )


def _training_rows(start: _Start, policy: Policy, kept: Times) -> int:
    return int((kept >= _us(start.at)).sum()) - _holdout_rows(start, policy, kept)


def _plan(
    start: _Start, policy: Policy, kept: Times, held: int, limits: Window, excluded: tuple[Window, ...], *, apart: bool = True
) -> TrainingPlan:
    """The plan of one start. Rows of one moment are never parted."""
    inside = kept[kept >= _us(start.at)]
    cut = _moment(inside[max(len(inside) - held, 0)])
    learnt = inside[inside < _us(cut)]
    if not len(learnt):
        whole = Window(start.at, limits.end)
        reason = f"all {len(inside)} labelled rows in {whole} are of one moment; expected some to train on and later ones to judge by"
        return _no_plan(start.remedy, whole, excluded, reason)
    train = Window(start.at, cut)
    beside = _windows_beside(start.remedy, train, learnt, policy) if apart else ()
    taught = learnt if start.remedy is Remedy.RECALIBRATE else _without_spans(learnt, beside)
    return TrainingPlan(
        start.remedy,
        train,
        Window(cut, limits.end),
        excluded,
        start.reason,
        rows=len(taught),
        holdout_rows=len(inside) - len(learnt),
        beside=beside,
    )


def _windows_beside(remedy: Remedy, train: Window, learnt: Times, policy: Policy) -> tuple[Window, ...]:
    """The windows that the reference holds beside the holdout: the blocks that are set apart, or
    all rows of a correction, because its two numbers learn nothing of any one row. Empty where too
    few rows would be left to learn from.
    """
    if remedy is Remedy.RECALIBRATE:
        return (train,)
    first = Window(_moment(learnt[0]), train.end)
    block = min(timedelta(days=1), first.length / _LEAST_BLOCKS)
    blocks = [first.end - block * number for number in range(_EVERY, int(first.length / block) + 1, _EVERY)]
    apart = tuple(Window(start, start + block) for start in reversed(blocks))
    return apart if len(_without_spans(learnt, apart)) >= _least_rows(remedy, policy) else ()


def _no_plan(remedy: Remedy, whole: Window, excluded: tuple[Window, ...], reason: str) -> TrainingPlan:
    return TrainingPlan(remedy, whole, Window(whole.end, whole.end), excluded, reason, enough=False)


def _least_rows(remedy: Remedy, policy: Policy) -> int:
    return _LEAST_CORRECTED if remedy is Remedy.RECALIBRATE else policy.retrain.minRows


def _needed_rows(policy: Policy, remedy: Remedy) -> int:
    """Rows to learn from, and validate.minLabels to be judged by, by the shares that
    retrain.holdout sets.
    """
    share = policy.retrain.holdout
    return int(np.ceil(max(_least_rows(remedy, policy) / (1 - share), policy.validation.minLabels / share)))


def _without_spans(times: Times, spans: Sequence[Window]) -> Times:
    for span in spans:
        times = times[(times < _us(span.start)) | (times >= _us(span.end))]
    return times


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=int(microseconds))

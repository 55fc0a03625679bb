"""The choice of labelled rows: those that a challenger learns from, those that it is judged on, and
those that become its reference.

| rows      | choice                                 | use                                       |
|-----------|----------------------------------------|-------------------------------------------|
| holdout   | the newest: a detection window of them | the gates: better where the harm was seen |
| set apart | every eighth day of what is older      | the new reference, of a whole season      |
| the rest  | by one of the ways of `plans`          | training                                  |

The newest rows teach the most, so they are held out of the model that is judged (the twin) and not
of the one that serves: that one learns in the same way from all of them.

How much an older row still tells is an empirical question. The ways are tried on the known rows
before one of them is carried out (core.training.ways); Klinkenberg and Joachims (2000) choose a
window of training data by its error on the newest batch in the same manner.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.window import Window, format_duration
from modelmedic.steps.contracts.words import Cause, Remedy, Risk

Times = npt.NDArray[np.int64]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REACH = 4  # times retrain.history: by then a row that halves every half of it counts 1/256
_LEAST_CORRECTED = 200  # rows that a line is fitted on
_LEAST_SHOWN = 100  # rows since the harm shows, among those that a challenger is judged on
_LEAST_NEW = 100  # rows of a new concept that a model of nothing else learns from
_RECENT = timedelta(days=14)  # what a correction is fitted on when the cause sets no onset
_EVERY = 8  # of so many blocks one is set apart
_LEAST_BLOCKS = 24  # blocks of a day each, shorter where the history has fewer days


@dataclass(frozen=True, slots=True)
class _Start:
    """One way to choose and weight the rows, with its reason in words."""

    remedy: Remedy
    at: datetime
    reason: str
    new: bool = False  # only rows of the new concept
    halving: timedelta | None = None


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
    taught: datetime | None = None,
    turned: datetime | None = None,
    retraining: bool = False,
    doubtful: int = 0,
) -> tuple[TrainingPlan, ...]:
    """The trainings to choose from, all judged on the same holdout: a correction first where the
    remedy asks for one, then the ways of weighting, the one that most real streams favour first.
    One plan with `enough` False and its reason where none is possible.

    `times` are the labelled rows' times (µs since 1970, ascending) within `reach`. Only rows whose
    labels have matured count (time < now - data.labels.delay), and none of a quarantined span.
    `since` is the onset that an earlier incident of this champion found; a window cannot show an
    onset that lies before it. The champion has learnt the rows before `taught`, so that they judge
    nobody. A champion of before was taught the rows since `turned` alone, because the concept had
    changed. `retraining` allows a full training beside a correction. `doubtful` labelled rows are
    not among `times`, because they look as broken ones do.
    """
    limits = reach(policy, now)
    onset = max(min(since or limits.end, diagnosis.onset or window.start, limits.end), limits.start)
    kept = _without_spans(times[(times >= _us(limits.start)) & (times < _us(limits.end))], quarantined)
    excluded = tuple(span for span in quarantined if span.overlaps(limits))
    unseen = int((kept >= _us(taught)).sum()) if taught is not None else len(kept)
    held = min(_holdout_rows(policy, kept), unseen)
    starts = [_reach_back(start, policy, kept) for start in _starts(diagnosis, remedy, policy, onset, limits, turned, retraining)]
    possible = [start for start in starts if _teaches(start, policy, kept, held)]
    if not possible:
        reason = f"only {len(kept)} labels since {_day(limits.start, now)}; {_asked_for(remedy, policy)}"
        return (_no_plan(remedy, limits, excluded, reason),)
    if unseen < policy.validation.least_labels:
        words = f"only {unseen} labels since {_day(taught or now, now)}, up to when the champion has learnt"
        return (_no_plan(remedy, limits, excluded, f"{words}; `validate.minLabels` asks for {policy.validation.least_labels} to judge by"),)
    shown = min(onset, window.start)
    young = int((kept >= _us(shown)).sum())
    if young < _LEAST_SHOWN and diagnosis.cause is not Cause.AGEING:
        reason = f"only {young} labels since {_day(shown, now)}, from when on the harm shows"
        left = f"; {doubtful} labelled rows look as broken ones do and do not count yet" if doubtful else ""
        return (_no_plan(remedy, limits, excluded, f"{reason}; {_LEAST_SHOWN} are needed to judge by{left}"),)
    if diagnosis.cause is Cause.CONCEPT_DRIFT:
        new = int((kept >= _us(onset)).sum())
        held = min(held, max(new // 2, policy.validation.least_labels))  # the other half of the new ones is learnt from
    made = [_plan(start, policy, kept, held, limits, excluded) for start in possible]
    return tuple(plan for plan in made if plan.enough) or (made[0],)


def sharing(plan: TrainingPlan, times: Times, doubtful: Sequence[Window]) -> TrainingPlan:
    """The plan with a holdout that leaves at least half of the rows in doubt to be learnt from;
    `times` as in `plans`. Without enough of them the plan says so.
    """
    inside = np.unique(np.concatenate([times[(times >= _us(span.start)) & (times < _us(span.end))] for span in doubtful]))
    inside = inside[inside < _us(plan.holdout.end)]
    if len(inside) < 2 * _LEAST_NEW:
        reason = f"only {len(inside)} labels of the rows that are set aside are known; {2 * _LEAST_NEW} are needed to teach and to judge by"
        return replace(plan, enough=False, reason=reason)
    cut = max(plan.holdout.start, _moment(inside[len(inside) // 2]))
    kept = _without_spans(times[(times >= _us(plan.train.start)) & (times < _us(plan.holdout.end))], plan.excluded)
    held = int((kept >= _us(cut)).sum())
    return replace(
        plan,
        train=Window(plan.train.start, cut),
        holdout=Window(cut, plan.holdout.end),
        rows=plan.rows + plan.holdout_rows - held,
        holdout_rows=held,
    )


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
    return Window(end - _REACH * policy.retrain.history, end)


def _starts(
    diagnosis: Diagnosis, remedy: Remedy, policy: Policy, onset: datetime, limits: Window, turned: datetime | None, retraining: bool
) -> Iterator[_Start]:
    """The starts that the cause allows, in the order of `plans`; none lies before the reach."""
    if remedy is Remedy.RECALIBRATE:
        since = min(max(diagnosis.onset or limits.end - _RECENT, limits.start), limits.end)
        yield _Start(remedy, since, f"a correction is fitted on recent rows, from {since:%Y-%m-%d %H:%MZ} on")
        if not retraining:
            return
    history, whole = policy.retrain.history, format_duration(_REACH * policy.retrain.history)
    for halving in (history / 2, 2 * history):
        reason = f"rows of the last {whole} count, half as much for every {format_duration(halving)} of age"
        yield _Start(Remedy.RETRAIN, limits.start, reason, halving=halving)
    last = max(limits.end - history, limits.start)
    yield _Start(Remedy.RETRAIN, last, f"rows of the last {format_duration(history)} count alike: what was learnt before may still hold")
    if diagnosis.cause is Cause.CONCEPT_DRIFT and onset > last:
        reason = f"the concept changed, so only rows after the onset ({onset:%Y-%m-%d %H:%MZ}) are trained on"
        yield _Start(Remedy.RETRAIN, onset, reason, new=True)
    elif turned is not None and turned > limits.start:
        reason = f"the concept changed before, so only rows after that ({turned:%Y-%m-%d %H:%MZ}) are trained on"
        yield _Start(Remedy.RETRAIN, turned, reason, new=True)


def _reach_back(start: _Start, policy: Policy, kept: Times) -> _Start:
    """A correction that has too few rows takes in older ones, and says so."""
    need, inside = _needed_rows(policy, start.remedy), int((kept >= _us(start.at)).sum())
    if start.remedy is not Remedy.RECALIBRATE or inside >= need or len(kept) < need:
        return start
    since = _moment(kept[-need])
    return _Start(start.remedy, since, f"{start.reason}; these are only {inside} rows, so older ones from {since:%Y-%m-%d %H:%MZ} on too")


def _holdout_rows(policy: Policy, kept: Times) -> int:
    """Rows to judge by: those of a detection window, validate.minLabels where these are fewer, and
    at most retrain.holdout of what there is, so that a stream of few rows is judged on as many as
    it has (24 a day of bikes: 336 a window).
    """
    least = policy.validation.least_labels
    if not len(kept):
        return least
    newest = int((kept >= kept[-1] - policy.detect.window // timedelta(microseconds=1)).sum())
    share = int(np.ceil(policy.retrain.holdout * len(kept)))
    return min(max(newest, policy.validation.minLabels), max(share, least))


def _teaches(start: _Start, policy: Policy, kept: Times, held: int) -> bool:
    """True when there are rows enough for the start: to judge by, and to teach what serves. A twin
    learns nothing of the holdout and may do with half; under `cautious` the same model serves.
    """
    inside, least = int((kept >= _us(start.at)).sum()), _least_rows(start.remedy, policy)
    if start.new:
        return inside >= policy.validation.least_labels + _LEAST_NEW
    twin = policy.retrain.risk is not Risk.CAUTIOUS and start.remedy is Remedy.RETRAIN
    return inside >= least and inside - held >= (least / 2 if twin else least)


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
        new=start.new,
        halving=start.halving,
    )


def _windows_beside(remedy: Remedy, train: Window, learnt: Times, policy: Policy) -> tuple[Window, ...]:
    """The windows that the reference holds beside the holdout: the blocks that are set apart, or
    all rows of a correction, because its two numbers learn nothing of any one row. Empty where too
    few rows would be left to learn from. They reach back by retrain.history, however far the
    training does.
    """
    if remedy is Remedy.RECALIBRATE:
        return (train,)
    first = Window(max(_moment(learnt[0]), train.end - policy.retrain.history), train.end)
    block = min(timedelta(days=1), first.length / _LEAST_BLOCKS)
    blocks = [first.end - block * number for number in range(_EVERY, int(first.length / block) + 1, _EVERY)]
    apart = tuple(Window(start, start + block) for start in reversed(blocks))
    return apart if len(_without_spans(learnt, apart)) >= _least_rows(remedy, policy) else ()


def _no_plan(remedy: Remedy, whole: Window, excluded: tuple[Window, ...], reason: str) -> TrainingPlan:
    return TrainingPlan(remedy, whole, Window(whole.end, whole.end), excluded, reason, enough=False)


def _day(moment: datetime, now: datetime) -> str:
    """`29 October`, with its year when that is another one."""
    return f"{moment.day} {moment:%B}" if moment.year == now.year else f"{moment.day} {moment:%B %Y}"


def _asked_for(remedy: Remedy, policy: Policy) -> str:
    """The sentence on how many labels the policy asks for."""
    judge = f"`validate.minLabels` for {policy.validation.least_labels} to judge by"
    if remedy is Remedy.RECALIBRATE:
        return f"a correction asks for {_LEAST_CORRECTED} to learn from, {judge}"
    return f"`retrain.minRows` asks for {policy.retrain.minRows} to learn from, {judge}"


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

"""Recurrence: whether an alarm shows more than the one before it. A lasting fault is one incident,
a fault that grew is another.
"""

from datetime import timedelta

from modelmedic.steps.contracts.detection import ColumnShift, Performance, Verdict
from modelmedic.steps.contracts.words import VerdictState

SILENT_FOR = timedelta(days=28)  # for so long a fault that people have seen and that has not grown is not reported again
_OF_COLUMNS = frozenset({"level", "nulls", "repeats", "unusual"})
_GROWN_Z = 2.33  # one-sided, 1 %
_GROWN_LOSS = 0.03  # of the reference's loss: the least rise that counts anywhere


def news(before: Verdict, now: Verdict) -> str:
    """The words for what `now` shows beyond `before`, both verdicts on one model version; empty
    when it is the same fault and no larger.

    Broken data is always news, because it spreads. Otherwise news is a loss that was not known to
    have risen, or that rose beyond noise once more; another column; an effect that grew by a whole
    threshold, which is as far as quiet stretches of the reference differ; the same of a segment; a
    sudden change of a column that had not moved.
    """
    if now.state is VerdictState.BROKEN:
        return "the data is broken"
    return _loss_news(before, now) or _shift_news(before, now) or _segment_news(before, now) or _change_news(before, now)


def _loss_news(before: Verdict, now: Verdict) -> str:
    realised, known = now.performance, before.performance
    if realised is None or not realised.degraded:
        return ""
    if known is None or not known.degraded:
        return "the loss has risen since"
    if _grew(known, realised):
        return f"mean {realised.loss} rose on, from {known.current:.4g} to {realised.current:.4g}"
    return "the predictions have stopped following the labels since" if realised.let_go and not known.let_go else ""


def _grew(known: Performance, realised: Performance) -> bool:
    rise = realised.current - known.current
    error = (known.standard_error**2 + realised.standard_error**2) ** 0.5
    return rise > _GROWN_Z * error and rise > _GROWN_LOSS * realised.reference


def _shift_news(before: Verdict, now: Verdict) -> str:
    known = {shift.column: shift for shift in before.shifts if shift.shifted}
    for shift in now.shifts:
        if shift.shifted and not shift.acknowledged and _further(known.get(shift.column), shift):
            return f"{shift.column} moved {'further' if shift.column in known else 'since'}"
    return ""


def _segment_news(before: Verdict, now: Verdict) -> str:
    """A column that had moved over all rows is no news where it moves in a segment alone."""
    known = {part.segment: part for part in before.segments}
    moved = {shift.column for shift in before.shifts if shift.shifted}
    for part in now.segments:
        where, was = f"where {part.segment.column} is {part.segment.value}", known.get(part.segment)
        if part.performance and (was is None or was.performance is None or _grew(was.performance, part.performance)):
            return f"{where}, the loss has risen since"
        shifts = {shift.column: shift for shift in was.shifts} if was else {}
        for shift in part.shifts:
            if shift.column not in moved and _further(shifts.get(shift.column), shift):
                return f"{where}, {shift.column} moved {'further' if shift.column in shifts else 'since'}"
    return ""


def _change_news(before: Verdict, now: Verdict) -> str:
    known = {shift.column for shift in before.shifts if shift.shifted}.union(*(change.columns for change in before.changes))
    harmed = any(change.harms for change in before.changes) or (before.performance is not None and before.performance.degraded)
    for change in now.changes:
        kind, _, column = change.quantity.partition(":")
        if change.harms and not harmed:
            return "the loss has risen since"
        if kind in _OF_COLUMNS and column not in known:
            return f"{column} changed since"
    return ""


def _further(known: ColumnShift | None, shift: ColumnShift) -> bool:
    return known is None or shift.effect > known.effect + shift.threshold

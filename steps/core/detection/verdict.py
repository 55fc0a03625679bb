"""The verdict on one current window: broken, degraded, drifted, quiet, or insufficient. The monitor
calls it on every run.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from modelmedic.steps.contracts.detection import HALF, Performance, SuddenChange, Thresholds, Verdict
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Task, VerdictState
from modelmedic.steps.core.detection.calibration_slope import calibration_slope
from modelmedic.steps.core.detection.profile_quality import profile_problems
from modelmedic.steps.core.detection.profile_shift import profile_shifts
from modelmedic.steps.core.profiles.profile import Profile
from modelmedic.steps.core.tables.probability import normal_tail

LEAST_ROWS = 100
LEAST_LABELS = 50
_LOSS_LEVEL = 0.25  # of alpha: the loss is one test beside the columns'
_ENORMOUS = 0.2  # of the reference's loss


@dataclass(frozen=True, slots=True)
class VerdictContext:
    """The verdict's inputs beside the two windows.

    `labelled` is the window whose labels have matured, where that is not the current one;
    `maturity` the share of its rows that need a label, 0..1. `acknowledged` columns raise no alarm.
    `window` is the span that the current rows were asked for in.
    """

    labelled: Profile | None = None
    maturity: float = 0.0
    least_rows: int = LEAST_ROWS
    acknowledged: Collection[str] = ()
    window: Window | None = None
    whole: bool = True  # no part of the window was left out on purpose


def judge_profiles(reference: Profile, current: Profile, thresholds: Thresholds, context: VerdictContext | None = None) -> Verdict:
    """The verdict on two profiles of one layout; broken data is looked for before any shift."""
    context = context or VerdictContext()
    broken = profile_problems(reference, current, context.window if context.whole else None, thresholds.design)
    enough = reference.rows >= LEAST_ROWS and current.rows >= context.least_rows
    shifts = profile_shifts(reference, current, thresholds) if enough else ()
    moved = tuple(replace(s, acknowledged=s.column in context.acknowledged) for s in shifts)
    realised = performance(reference, context.labelled or current, thresholds, context.maturity)
    if broken and current.rows:
        state = VerdictState.BROKEN
    elif not enough:
        state = VerdictState.INSUFFICIENT
    elif realised is not None and realised.degraded:
        state = VerdictState.DEGRADED
    else:
        state = VerdictState.DRIFTED if any(s.shifted and not s.acknowledged for s in moved) else VerdictState.QUIET
    verdict = Verdict(state, current.rows, reference.rows, moved, broken, realised, context.window)
    return replace(verdict, sentence=_sentence(verdict, context.least_rows))


def with_changes(verdict: Verdict, changes: Collection[SuddenChange], acknowledged: Collection[str] = ()) -> Verdict:
    """The verdict with the sudden changes that the last look did not know: one that harms makes it
    degraded, another one drifted. Changes of acknowledged columns alone are left out.
    """
    news = tuple(change for change in changes if not change.columns or set(change.columns) - set(acknowledged))
    if not news:
        return verdict
    state = verdict.state
    if state is not VerdictState.BROKEN:
        harmed = state is VerdictState.DEGRADED or any(change.harms for change in news)
        state = VerdictState.DEGRADED if harmed else VerdictState.DRIFTED
    first = min(news, key=lambda change: change.onset)
    told = f"{_named(first.quantity)} left its past about {first.onset:%Y-%m-%dT%H:%MZ}"
    sentence = f"{verdict.sentence}; {told}" if verdict.alarming else told
    return replace(verdict, state=state, changes=news, sentence=sentence)


def _named(quantity: str) -> str:
    """A watched quantity in words."""
    kind, _, of = quantity.partition(":")
    column, _, value = of.partition("=")
    if kind == "loss" and of:
        return f"the loss where {column} is {value}"
    return {
        "level": of,
        "nulls": f"the share of nulls in {of}",
        "repeats": f"the share of repeated values in {of}",
        "unusual": f"the share of unusual values in {of}",
        "answer": "the answer",
        "loss": "the loss",
        "slope": "the error's slope over the answers",
    }[kind]


def performance(reference: Profile, labelled: Profile, thresholds: Thresholds, maturity: float = 0.0) -> Performance | None:
    """The loss of the labelled window against the reference's; None while too few labels are known.

    Three ways to be degraded: a mean beyond what stretches of the reference differ by (Welch's z
    with their design effect); a calibration slope that lost half of itself; a rise so large that no
    stretch of the reference came half as far.
    """
    before, after = reference.losses, labelled.losses
    task, unit = reference.layout.task, reference.layout.loss_unit
    if task is None or min(before.rows, after.rows) < LEAST_LABELS or labelled.labels < maturity * labelled.rows:
        return None
    was, now = before.mean(unit), after.mean(unit)
    plain = (before.variance(unit) / before.rows + after.variance(unit) / after.rows) ** 0.5
    error = plain * max(thresholds.loss_design, 1.0) ** 0.5
    level = thresholds.alpha * _LOSS_LEVEL / 2
    p_value = _tail(now - was, error)
    left, lost = _slope_left(reference, labelled, thresholds, level)
    enormous = now - was > max(_ENORMOUS, 2 * thresholds.loss_usual) * was and _tail(now - was, plain) < level
    degraded = lost or enormous or (p_value < level and now - was > thresholds.loss_effect * was)
    return Performance("log_loss" if task is Task.BINARY else "squared_error", was, now, error, p_value, after.rows, degraded, left)


def _slope_left(reference: Profile, labelled: Profile, thresholds: Thresholds, level: float) -> tuple[float | None, bool]:
    """The share of the reference's slope that is left, and whether half of it or more was lost
    beyond noise.
    """
    before, after = calibration_slope(reference), calibration_slope(labelled)
    if before is None or after is None or before.slope <= 0:
        return None, False
    error = (max(thresholds.hold_design, 1.0) * (before.error**2 + after.error**2)) ** 0.5
    lost = after.slope < HALF * before.slope and _tail(before.slope - after.slope, error) < level
    return after.slope / before.slope, lost


def _tail(rise: float, error: float) -> float:
    return normal_tail(rise / error) if error > 0 else float(rise <= 0)


def _sentence(verdict: Verdict, least_rows: int) -> str:
    realised, shifted = verdict.performance, [s for s in verdict.shifts if s.shifted]
    if verdict.state is VerdictState.BROKEN:
        return f"the data is broken: {verdict.problems[0].detail}"
    if verdict.state is VerdictState.INSUFFICIENT:
        return (
            f"the reference has {verdict.reference_rows} rows and the current window {verdict.rows}; "
            f"at least {LEAST_ROWS} and {least_rows} are needed"
        )
    if verdict.state is VerdictState.DEGRADED and realised is not None:
        held = f"; the slope of the label on the answer is {realised.hold:.0%} of what it was" if realised.let_go else ""
        rose = "rose" if realised.current > realised.reference else "moved"
        return f"mean {realised.loss} {rose} from {realised.reference:.4g} to {realised.current:.4g} on {realised.labels} labels{held}"
    if verdict.state is VerdictState.DRIFTED:
        news = [s.column for s in shifted if not s.acknowledged]
        return f"{len(shifted)} of {len(verdict.shifts)} columns drifted, most of all {news[0]}"
    if shifted:
        return f"{', '.join(s.column for s in shifted)} drifted, which an incident before has acknowledged; nothing else did"
    return "no column differs by more than noise"

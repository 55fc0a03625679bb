"""The verdict on one current window: broken, degraded, drifted, quiet, or insufficient. The monitor
calls it on every run.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from modelmedic.steps.contracts.detection import Performance, SegmentFinding, SuddenChange, Thresholds, Verdict
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import VerdictState
from modelmedic.steps.core.detection.loss_rise import performance
from modelmedic.steps.core.detection.profile_quality import profile_problems
from modelmedic.steps.core.detection.profile_shift import profile_shifts
from modelmedic.steps.core.detection.segment_findings import SHARE, segment_findings
from modelmedic.steps.core.profiles.profile import Profile

LEAST_ROWS = 100


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
    parted = replace(thresholds, alpha=thresholds.alpha * SHARE)
    own = parted if reference.layout.cuts else thresholds
    shifts = profile_shifts(reference, current, own) if enough else ()
    moved = tuple(replace(s, acknowledged=s.column in context.acknowledged) for s in shifts)
    labelled = context.labelled or current
    realised = performance(reference, labelled, own, context.maturity)
    told = {*context.acknowledged, *(s.column for s in moved if s.shifted)}
    parts = segment_findings(reference, current, labelled, parted, context.maturity, told) if enough else ()
    if broken and current.rows:
        state = VerdictState.BROKEN
    elif not enough:
        state = VerdictState.INSUFFICIENT
    elif (realised is not None and realised.degraded) or any(part.performance for part in parts):
        state = VerdictState.DEGRADED
    else:
        state = VerdictState.DRIFTED if parts or any(s.shifted and not s.acknowledged for s in moved) else VerdictState.QUIET
    verdict = Verdict(state, current.rows, reference.rows, moved, broken, realised, context.window, segments=parts)
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


def _sentence(verdict: Verdict, least_rows: int) -> str:
    realised, shifted = verdict.performance, [s for s in verdict.shifts if s.shifted]
    if verdict.state is VerdictState.BROKEN:
        return f"the data is broken: {verdict.problems[0].detail}"
    if verdict.state is VerdictState.INSUFFICIENT:
        return (
            f"the reference has {verdict.reference_rows} rows and the current window {verdict.rows}; "
            f"at least {LEAST_ROWS} and {least_rows} are needed"
        )
    if realised is not None and realised.degraded:
        return _risen(realised)
    if verdict.state is VerdictState.DEGRADED:
        first = verdict.segments[0]
        assert first.performance is not None
        return f"where {first.segment.column} is {first.segment.value}, {_risen(first.performance)}"
    news = [s.column for s in shifted if not s.acknowledged]
    if news:
        return f"{len(shifted)} of {len(verdict.shifts)} columns drifted, most of all {news[0]}"
    if verdict.segments:
        return _in_segments(verdict.segments)
    if shifted:
        return f"{', '.join(s.column for s in shifted)} drifted, which an incident before has acknowledged; nothing else did"
    return "no column differs by more than noise"


def _risen(realised: Performance) -> str:
    held = f"; the slope of the label on the answer is {realised.hold:.0%} of what it was" if realised.let_go else ""
    rose = "rose" if realised.current > realised.reference else "moved"
    return f"mean {realised.loss} {rose} from {realised.reference:.4g} to {realised.current:.4g} on {realised.labels} labels{held}"


def _in_segments(found: Sequence[SegmentFinding]) -> str:
    segment, column = found[0].segment, found[0].shifts[0].column
    others = f", and columns in {len(found) - 1} other segments" if len(found) > 1 else ""
    return f"where {segment.column} is {segment.value}, {column} drifted{others}; over all rows no more did than noise"

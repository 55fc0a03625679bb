"""The verdict on two windows whose rows lie side by side in memory, segments included."""

from steps.contracts.detection import ColumnShift, Performance, Problem, Thresholds, Verdict
from steps.contracts.words import Task, VerdictState
from steps.core.pairing import Pair
from steps.core.quality import check
from steps.core.residuals import Labelled, labelled, one_sided
from steps.core.shift import shifts
from steps.core.verdict import LEAST_ROWS


def judge_rows(both: Pair, thresholds: Thresholds) -> Verdict:
    """The verdict on a pair of windows; the data itself is asked before its distribution is."""
    problems = check(both)
    rows = labelled(both)
    moved = shifts(both, thresholds) if min(both.rows) >= LEAST_ROWS else ()
    performance = _performance(rows) if rows else None
    state = _state(both, problems, moved, performance)
    sentence = _sentence(state, both, problems, moved, performance)
    return Verdict(state, both.rows[1], both.rows[0], moved, problems, performance, sentence=sentence)


def _performance(rows: Labelled) -> Performance:
    name = "log_loss" if rows.task is Task.BINARY else "squared_error"
    before, after = float(rows.loss[0].mean()), float(rows.loss[1].mean())
    error = abs((after - before) / rows.loss_z) if rows.loss_z else 0.0
    return Performance(name, before, after, error, one_sided(rows.loss_z), len(rows.loss[1]), rows.harmed)


def _state(both: Pair, problems: tuple[Problem, ...], moved: tuple[ColumnShift, ...], performance: Performance | None) -> VerdictState:
    if problems and both.rows[1]:
        return VerdictState.BROKEN
    if min(both.rows) < LEAST_ROWS:
        return VerdictState.INSUFFICIENT
    if performance is not None and performance.degraded:
        return VerdictState.DEGRADED
    return VerdictState.DRIFTED if any(s.shifted for s in moved) else VerdictState.QUIET


def _sentence(
    state: VerdictState, both: Pair, problems: tuple[Problem, ...], moved: tuple[ColumnShift, ...], performance: Performance | None
) -> str:
    if state is VerdictState.BROKEN:
        return f"the data is broken: {problems[0].detail}"
    if state is VerdictState.INSUFFICIENT:
        return f"the windows have {both.rows[0]} and {both.rows[1]} rows; {LEAST_ROWS} in each are the least that is judged"
    if state is VerdictState.DEGRADED and performance is not None:
        return f"mean {performance.loss} rose from {performance.reference:.4g} to {performance.current:.4g} on {performance.labels} labels"
    if state is VerdictState.DRIFTED:
        names = [s.column for s in moved if s.shifted]
        return f"{len(names)} of {len(moved)} columns drifted, most of all {names[0]}"
    return "no column differs by more than noise"

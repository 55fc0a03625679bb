"""The scoring: the rules for a right answer, and the tables per kind, in sum, and of how often a
stated confidence was deserved.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.words import Cause, Remedy
from tests.benchmarks.fault_bench.planting import Truth

_CALM = (Cause.NONE, Cause.SEASONAL)


@dataclass(frozen=True)
class Mark:
    """One case, judged."""

    world: str
    kind: str
    seed: int
    held_out: bool
    truth: Truth
    cause: str
    columns: tuple[str, ...]
    segment: tuple[str, str] | None
    confidence: float
    remedy: str
    seconds: float
    right_cause: bool
    strict: bool
    wrong_retrain: bool
    missed: bool
    false_alarm: bool
    weak: bool = False
    sentence: str = ""
    rivals: tuple[tuple[str, bool, bool], ...] = ()  # name, whether it named a right column first, whether it says drift


def mark(
    world: str, kind: str, seed: int, held_out: bool, truth: Truth, found: Diagnosis, remedy: Remedy, seconds: float, *, weak: bool = False
) -> Mark:
    segment = (found.segment.column, found.segment.value) if found.segment else None
    right = found.cause in truth.causes
    alarming = found.cause not in (*_CALM, Cause.INSUFFICIENT_EVIDENCE)
    planted = not set(truth.causes) & {Cause.NONE, Cause.SEASONAL, Cause.INSUFFICIENT_EVIDENCE}
    return Mark(
        world, kind, seed, held_out, truth, found.cause.value, found.columns, segment, found.confidence, remedy.value, seconds,
        right_cause=right,
        strict=right and _right_column(truth, found.columns) and _right_place(truth, segment),
        wrong_retrain=remedy is Remedy.RETRAIN and not truth.may_retrain,
        missed=planted and found.cause in (*_CALM, Cause.INSUFFICIENT_EVIDENCE),
        false_alarm=not planted and alarming,
        weak=weak,
        sentence=found.sentence,
    )  # fmt: skip


def _right_column(truth: Truth, columns: tuple[str, ...]) -> bool:
    return not truth.columns or (bool(columns) and columns[0] in truth.columns)


def _right_place(truth: Truth, segment: tuple[str, str] | None) -> bool:
    if truth.region:
        return segment is not None and segment[0] == truth.region[0] and _overlap(segment[1], *truth.region[1:]) >= 0.4
    if truth.segment == "any":
        return True
    return segment == truth.segment


def _overlap(text: str, low: float, high: float) -> float:
    """Jaccard's index of two intervals; an open end counts as the closed one's where both are
    open.
    """
    try:
        a, b = (float(part) for part in text.strip("[)").split(","))
    except ValueError:
        return 0.0
    both = [v for v in (a, b, low, high) if np.isfinite(v)]
    floor, ceiling = min(both) - 1, max(both) + 1
    if not np.isfinite(low) or not np.isfinite(high):  # open: compare the one finite edge in units of its own size
        edge, found = (low, a) if np.isfinite(low) else (high, b)
        other = b if np.isfinite(low) else a
        return float(not np.isfinite(other)) * float(np.isclose(edge, found, rtol=0.15, atol=0.15 * abs(edge)) or np.isfinite(found))
    a, b = max(a, floor), min(b, ceiling)
    shared = max(min(b, high) - max(a, low), 0)
    return shared / max(max(b, high) - min(a, low), 1e-12)


def table(marks: list[Mark]) -> str:
    kinds = list(dict.fromkeys(m.kind for m in marks))
    head = f"{'kind':34} {'n':>4} {'cause':>6} {'strict':>6} {'retrain':>7} {'missed':>6}  said instead"
    lines = [head, "-" * len(head)]
    for kind in kinds:
        rows = [m for m in marks if m.kind == kind]
        wrong = [f"{m.cause}" for m in rows if not m.right_cause]
        said = ", ".join(f"{c} x{wrong.count(c)}" for c in dict.fromkeys(wrong))
        lines.append(f"{kind:34} {len(rows):4} {_share(m.right_cause for m in rows):6.0%} {_share(m.strict for m in rows):6.0%} "
                     f"{sum(m.wrong_retrain for m in rows):7} {sum(m.missed for m in rows):6}  {said}")  # fmt: skip
    return "\n".join(lines)


def summary(marks: list[Mark]) -> dict[str, float]:
    """Shares 0..1 and counts over all cases."""
    sure = np.array([m.confidence for m in marks])
    right = np.array([m.right_cause for m in marks], dtype=float)
    result = {
        "cases": len(marks),
        "kinds": len({m.kind for m in marks}),
        "cause": _share(m.right_cause for m in marks),
        "strict": _share(m.strict for m in marks),
        "wrong_retrains": sum(m.wrong_retrain for m in marks),
        "missed": sum(m.missed for m in marks),
        "false_alarms": sum(m.false_alarm for m in marks),
        "brier": float(np.mean((sure - right) ** 2)) if len(marks) else 0.0,
        "ece": expected_calibration_error(sure, right),
        "median_seconds": float(np.median([m.seconds for m in marks])) if marks else 0.0,
    }
    ours = [m for m in marks if m.truth.columns]
    result["column_first"] = _share(bool(m.columns) and m.columns[0] in m.truth.columns for m in ours)
    return result


def beside(marks: list[Mark]) -> str:
    """Ours beside the rivals': who retrains whenever something drifted is judged by that habit."""
    head = f"{'':24} {'right column first':>18} {'wrong retrains':>15} {'quiet, alarmed':>15} {'missed':>8}"
    ours = [(bool(m.columns) and m.columns[0] in m.truth.columns, m.wrong_retrain, m.false_alarm, m.missed) for m in marks]
    lines = [head, _line("modelmedic", marks, ours)]
    for number, (name, _, _) in enumerate(marks[0].rivals):
        told = [(m, *m.rivals[number][1:], _calm(m)) for m in marks]
        found = [(first, drifted and not m.truth.may_retrain, drifted and calm, not (drifted or calm)) for m, first, drifted, calm in told]
        lines.append(_line(name, marks, found))
    return "\n".join(lines)


def _calm(m: Mark) -> bool:
    return bool(set(m.truth.causes) & {Cause.NONE, Cause.SEASONAL, Cause.INSUFFICIENT_EVIDENCE})


def _line(name: str, marks: list[Mark], found: list[tuple[bool, bool, bool, bool]]) -> str:
    """Each part out of the cases in which it can happen."""
    can = [(bool(m.truth.columns), not m.truth.may_retrain, _calm(m), not _calm(m)) for m in marks]
    parts = [f"{sum(f[k] and c[k] for f, c in zip(found, can, strict=True))} of {sum(c[k] for c in can)}" for k in range(4)]
    return f"{name:24} {parts[0]:>18} {parts[1]:>15} {parts[2]:>15} {parts[3]:>8}"


def expected_calibration_error(sure: np.ndarray, right: np.ndarray, bins: int = 10) -> float:
    """Guo et al. (2017), with equal-width bins."""
    which = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [abs(sure[which == b].mean() - right[which == b].mean()) * (which == b).mean() for b in range(bins) if (which == b).any()]
    return float(np.sum(gaps))


def reliability(marks: list[Mark]) -> str:
    lines = ["said       n   right"]
    for low, high in ((0, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 0.95), (0.95, 0.98), (0.98, 1.01)):
        rows = [m for m in marks if low <= m.confidence < high]
        if rows:
            lines.append(f"{np.mean([m.confidence for m in rows]):.2f}   {len(rows):5}   {_share(m.right_cause for m in rows):.2f}")
    return "\n".join(lines)


def _share(values: Iterable[bool]) -> float:
    listed = list(values)
    return float(np.mean(listed)) if listed else 0.0

"""Problems of a window as a whole: rows that occur twice, rows of the reference delivered again,
hours without any row.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.detection import Problem, ProblemKind
from modelmedic.steps.core.tables.arrays import distinct
from modelmedic.steps.core.tables.pairing import Pair

_LEAST_ROWS = 100
_RICH = 0.95  # share of different rows in the reference above which two equal rows are no accident
_Keys = npt.NDArray[np.uint64]


def window_problems(pair: Pair) -> Iterator[Problem]:
    if min(pair.rows) < _LEAST_ROWS:
        return
    before, after = (_keys(pair, window) for window in ("reference", "current"))
    once = distinct(before)[0]
    if len(once) >= _RICH * len(before):
        yield from _repeated_rows(1 - len(once) / len(before), after)
        yield from _stale_rows(before, once, after)
    yield from _clock(pair)
    yield from _gap(pair)


def _clock(pair: Pair) -> Iterator[Problem]:
    """Rows stamped far away from all the others, or with no time at all."""
    if pair.time is None:
        return
    before, after = (np.isfinite(t) for t in pair.time)
    lost = float((~after).mean() - (~before).mean())
    if lost > 0.03:
        yield Problem(ProblemKind.NULL_JUMP, pair.time_name, f"column {pair.time_name} is null in {lost:.0%} more of the rows", lost)
    known, old = pair.time[1][after], pair.time[0][before]
    if min(len(known), len(old)) < _LEAST_ROWS:
        return
    early, middle, late = np.quantile(known, [0.25, 0.5, 0.75])
    far = 20 * max(float(late - early), float(np.quantile(old, 0.9) - np.quantile(old, 0.1)), 86400.0)
    away = np.abs(known - middle) > far
    share = float(away.mean())
    if share > 0.003 and away.sum() >= 5:
        kind = ProblemKind.FUTURE if float(np.median(known[away])) > middle else ProblemKind.STALE
        yield Problem(kind, pair.time_name, f"{share:.1%} of the rows have a time far away from all the others", share)


def _keys(pair: Pair, window: str) -> _Keys:
    """One number per row, equal where all its features are (FNV's multiply and xor over the
    bits).
    """
    rows = pair.rows[0 if window == "reference" else 1]
    key = np.full(rows, 14695981039346656037, dtype=np.uint64)
    for column in pair.columns:
        values = getattr(column, window)
        bits = np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)
        key = (key ^ bits) * np.uint64(1099511628211)
        key ^= key >> np.uint64(29)
    return key


def _repeated_rows(before: float, keys: _Keys) -> Iterator[Problem]:
    after = 1 - len(distinct(keys)[0]) / len(keys)
    if after - before > 0.05:
        sentence = f"{after:.0%} of the rows repeat another row, {before:.0%} did in the reference"
        yield Problem(ProblemKind.DUPLICATED_ROWS, None, sentence, after - before)


def _stale_rows(before: _Keys, once: _Keys, after: _Keys) -> Iterator[Problem]:
    """Rows of the reference delivered again; the same table twice is a comparison with itself and
    no problem.
    """
    sought = np.sort(after)  # a binary search finds sorted values several times faster
    old = float((once[np.minimum(np.searchsorted(once, sought), len(once) - 1)] == sought).mean())
    if old > 0.1 and not (len(before) == len(after) and (before == after).all()):
        yield Problem(ProblemKind.STALE, None, f"{old:.0%} of the rows are rows of the reference over again", old)


def _gap(pair: Pair) -> Iterator[Problem]:
    """A pause in the window that is longer than any that the reference had, and in which many rows
    would have come.
    """
    if pair.time is None:
        return
    before, after = (np.sort(t[np.isfinite(t)]) for t in pair.time)
    if min(len(before), len(after)) < _LEAST_ROWS:
        return
    gaps = np.sort(np.diff(after))
    longest, usual = float(gaps[-1]), max(float(np.diff(before).max()), float(gaps[-3]))  # a pause every night is a rhythm
    span, known = float(after[-1] - after[0]), float(before[-1] - before[0])
    lost = longest / span if span else 0.0
    expected = longest * len(before) / known if known else 0.0
    if lost > 0.1 and longest > 5 * usual and longest < known and expected > 50:
        sentence = f"the window has no row during {longest / 3600:.1f} hours of its {span / 3600:.1f}"
        yield Problem(ProblemKind.TRUNCATED, None, sentence, lost)

"""Problems of a window as a whole: rows that occur twice, rows of the reference delivered again,
hours without any row.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.detection import Problem, ProblemKind
from modelmedic.steps.core.tables.arrays import Mask, distinct
from modelmedic.steps.core.tables.pairing import Column, Pair

_LEAST_ROWS = 100
_RICH = 0.95  # share of different rows in the reference above which two equal rows are no accident
_OVERLAP = 0.9  # of the reference's rows since then; a batch that was delivered again is a part of them
RowKeys = npt.NDArray[np.uint64]


def window_problems(pair: Pair) -> Iterator[Problem]:
    if min(pair.rows) < _LEAST_ROWS:
        return
    before, after = row_keys(pair.columns, "reference", pair.rows[0]), row_keys(pair.columns, "current", pair.rows[1])
    once = distinct(before)[0]
    if len(once) >= _RICH * len(before):
        yield from _repeated_rows(1 - len(once) / len(before), after)
        yield from _stale_rows(before, once, after[~_same_moment(pair)])
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


def row_keys(columns: Sequence[Column], window: Literal["reference", "current"], rows: int) -> RowKeys:
    """One number per row of a window, equal where all values of the columns are (FNV's multiply and
    xor over the bits), shape (rows,).
    """
    key = np.full(rows, 14695981039346656037, dtype=np.uint64)
    for column in columns:
        bits = np.ascontiguousarray(getattr(column, window), dtype=np.float64).view(np.uint64)
        key = (key ^ bits) * np.uint64(1099511628211)
        key ^= key >> np.uint64(29)
    return key


def _repeated_rows(before: float, keys: RowKeys) -> Iterator[Problem]:
    after = 1 - len(distinct(keys)[0]) / len(keys)
    if after - before > 0.05:
        sentence = f"{after:.0%} of the rows repeat another row, {before:.0%} did in the reference"
        yield Problem(ProblemKind.DUPLICATED_ROWS, None, sentence, after - before)


def _same_moment(pair: Pair) -> Mask:
    """The current rows that the reference has as well because the windows overlap: from their first
    moment on (nearly) every row of the reference is one of the current window's. Windows of which
    the current one has nothing newer do not overlap: nothing has come.
    """
    none = np.zeros(pair.rows[1], dtype=bool)
    if pair.time is None:
        return none
    before, after = pair.time
    shared = np.isin(after, before[np.isfinite(before)])
    if not shared.any() or (shared.all() and len(after) < len(before)):
        return none
    there = np.isin(before[before >= after[shared].min()], after)
    return shared if there.mean() > _OVERLAP else none


def _stale_rows(before: RowKeys, once: RowKeys, after: RowKeys) -> Iterator[Problem]:
    """Rows of the reference delivered again, at another time."""
    if not len(after):
        return
    sought = np.sort(after)  # a binary search finds sorted values several times faster
    old = float((once[np.minimum(np.searchsorted(once, sought), len(once) - 1)] == sought).mean())
    if old > 0.1 and not (len(before) == len(after) and (before == after).all()):  # a table beside itself
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

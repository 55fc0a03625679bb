"""The comparison of two windows that a page's pictures show: distributions of the columns to blame,
and the loss and the residuals on labelled rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.detection import ColumnShift, Problem, Roles, Segment, Thresholds
from modelmedic.steps.core.quality.checks import pair_problems
from modelmedic.steps.core.statistics.residuals import LabelledRows, labelled_rows
from modelmedic.steps.core.statistics.shift import shifts
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.pairing import Column, Pair, finite, pair
from modelmedic.steps.reporting.pictures.values import Bins, Breakdown, CodeShare, ColumnComparison, GroupMeans, Mean

MOST_COLUMNS = 8
_BINS = 28
_CODES = 9
_CELLS = 10
_Z = 1.96  # of a 95 % interval
_LEAST = 15  # labelled rows before a mean is drawn


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both windows side by side. `loss` is the name of the loss, `whole` its mean over all labelled
    rows, `losses` are its means by segment, `residuals` the mean residuals by column.
    """

    rows: tuple[int, int]
    columns: tuple[ColumnComparison, ...] = ()
    loss: str = ""
    whole: GroupMeans | None = None
    losses: tuple[Breakdown, ...] = ()
    residuals: tuple[Breakdown, ...] = ()


def compare(
    reference: pa.Table,
    current: pa.Table,
    roles: Roles,
    *,
    blamed: Sequence[str] = (),
    segment: Segment | None = None,
    measured: Sequence[ColumnShift] = (),
) -> Comparison:
    """The columns to blame first, then those that moved most. `measured` are the numbers of the
    verdict, which are shown instead of the sample's.

    Raises BadInput when the two tables share no feature.
    """
    both = pair(reference, current, roles)
    problems = pair_problems(both)
    known = {shift.column: shift for shift in (measured or _measured(both))}
    names = _worth_drawing(both, tuple(blamed), problems, tuple(known.values()))
    rows = labelled_rows(both)
    return Comparison(
        rows=both.rows,
        columns=tuple(_draw(both, name, known.get(name), problems, name in blamed) for name in names),
        loss="" if rows is None else "log loss" if rows.task == "binary" else "squared error",
        whole=_part("all rows", rows.loss) if rows else None,
        losses=tuple(_cut(column, rows, rows.loss) for column in _segments(both, segment)) if rows else (),
        residuals=tuple(_cut(both.column(n), rows, rows.residual) for n in _features(both, blamed)[:4]) if rows else (),
    )


def _measured(both: Pair) -> tuple[ColumnShift, ...]:
    return shifts(both, Thresholds()) if min(both.rows) >= 30 else ()


def _features(both: Pair, names: Sequence[str]) -> list[str]:
    there = {column.name for column in both.columns}
    return [name for name in names if name in there]


def _worth_drawing(both: Pair, blamed: tuple[str, ...], problems: tuple[Problem, ...], known: tuple[ColumnShift, ...]) -> tuple[str, ...]:
    """The columns to draw: at least the four largest movers, so that a page without a shift shows
    that there is none.
    """
    moved = [shift.column for shift in known if shift.shifted] or []
    largest = [shift.column for shift in known][:4]
    drawable = {column.name for column in both.columns} | {*both.missing, *both.retyped, "prediction"}
    wanted = dict.fromkeys([*blamed, *(p.column for p in problems if p.column), *moved, *largest])
    return tuple(name for name in wanted if name in drawable)[:MOST_COLUMNS]


def _draw(both: Pair, name: str, shift: ColumnShift | None, problems: tuple[Problem, ...], blamed: bool) -> ColumnComparison:
    own = tuple(problem for problem in problems if problem.column == name)
    column = next((column for column in both.columns if column.name == name), None)
    if column is None and name == "prediction" and both.prediction is not None:
        column = Column(name, True, *both.prediction)
    if column is None:
        return ColumnComparison(name, shift, own, blamed=blamed)
    nulls = (column.null_share(column.reference), column.null_share(column.current))
    if not column.numeric:
        return ColumnComparison(name, shift, own, nulls, codes=_codes(column), blamed=blamed)
    values = finite(column.reference), finite(column.current)
    middles = (float(np.median(values[0])), float(np.median(values[1]))) if all(len(v) for v in values) else None
    return ColumnComparison(name, shift, own, nulls, middles, _bins(*values), blamed=blamed)


def _bins(reference: Floats, current: Floats) -> Bins | None:
    """Equal bins over the bulk of both windows; whole numbers of a small range get a bin each."""
    windows = [w for w in (reference, current) if len(w)]
    if not windows:
        return None
    low = min(float(np.quantile(w, 0.002)) for w in windows)
    high = max(float(np.quantile(w, 0.998)) for w in windows)
    merged = np.concatenate(windows)
    whole = high - low <= 60 and bool(np.all(merged == np.round(merged)))
    edges = np.arange(np.floor(low) - 0.5, np.ceil(high) + 1) if whole else np.linspace(low, high if high > low else low + 1, _BINS + 1)
    shares = [_shares(window, edges) for window in (reference, current)]
    beyond = tuple(max(1.0 - float(share.sum()), 0.0) if len(w) else 0.0 for share, w in zip(shares, (reference, current), strict=True))
    return Bins(tuple(edges.tolist()), tuple(shares[0].tolist()), tuple(shares[1].tolist()), (beyond[0], beyond[1]))


def _shares(window: Floats, edges: Floats) -> Floats:
    return np.histogram(window, bins=edges)[0] / max(len(window), 1)


def _codes(column: Column) -> tuple[CodeShare, ...]:
    """The codes that moved most, by their size in the reference, and all others as one."""
    count = len(column.vocabulary)
    shares = []
    for window in (column.reference, column.current):
        codes = np.asarray(window, dtype=np.int64)
        shares.append(np.bincount(codes[codes >= 0], minlength=count) / max(len(codes), 1))
    weight = np.abs(shares[1] - shares[0]) + 0.25 * np.maximum(shares[0], shares[1])
    chosen = sorted(np.argsort(-weight, kind="stable")[:_CODES], key=lambda n: -max(shares[0][n], shares[1][n]))
    shown = [CodeShare(column.vocabulary[n], float(shares[0][n]), float(shares[1][n])) for n in chosen]
    rest = [float(share.sum() - share[chosen].sum()) for share in shares]
    if count > _CODES:
        shown.append(CodeShare(f"{count - _CODES} others", rest[0], rest[1]))
    return tuple(shown)


def _segments(both: Pair, segment: Segment | None) -> list[Column]:
    first = [column for column in both.columns if segment and column.name == segment.column]
    return [*first, *(column for column in both.segmenting if column not in first)][:2]


def _cut(column: Column, rows: LabelledRows, values: tuple[Floats, Floats]) -> Breakdown:
    """Parts in the order of the column's bins, or of how much the mean changed and how many rows
    that touches.
    """
    cells = column.cells
    parts = []
    for index, label in enumerate(cells.names):
        inside = [window[mask] == index for window, mask in zip((cells.reference, cells.current), rows.masks, strict=True)]
        part = _part(label, (values[0][inside[0]], values[1][inside[1]]))
        if part.reference or part.current:
            parts.append(part)
    if not column.numeric:
        parts = sorted(parts, key=_weight, reverse=True)[:_CELLS]
    return Breakdown(column.name, tuple(parts))


def _weight(part: GroupMeans) -> float:
    if part.reference is None or part.current is None:
        return 0.0
    return abs(part.current.value - part.reference.value) * float(np.sqrt(min(part.current.rows, part.reference.rows)))


def _part(label: str, values: tuple[Floats, Floats]) -> GroupMeans:
    return GroupMeans(label, _mean(values[0]), _mean(values[1]))


def _mean(values: Floats) -> Mean | None:
    if len(values) < _LEAST:
        return None
    middle, error = float(values.mean()), float(values.std() / np.sqrt(len(values)))
    return Mean(middle, middle - _Z * error, middle + _Z * error, len(values))

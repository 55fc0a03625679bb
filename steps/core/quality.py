"""Is the data itself broken? Asked before anything else, everywhere and in single segments.

Every check compares with what the reference already did: a column that was half null stays unremarkable at half null.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from steps.contracts.detection import Problem, ProblemKind, Segment
from steps.core.pairing import Cells, Column, Floats, Pair
from steps.core.shift import finite

_LEAST_ROWS = 40  # of a segment, in both windows
_SCALES = (1e6, 1e3, 3600.0, 100.0, 60.0, 24.0, 12.0, 10.0, 7.0, 3.28084, 2.54, 2.20462, 1.60934, 4.184)
_SCALES_BY_SIZE = tuple(sorted({s for scale in _SCALES for s in (scale, 1 / scale)} | {-1.0}))
_QUANTILES = np.linspace(0.02, 0.98, 49)


def check(pair: Pair) -> tuple[Problem, ...]:
    """All problems, the one that touches most rows first; a problem of one segment names it."""
    found = list(_schema(pair))
    for column in pair.columns:
        everywhere = list(_column(column, column.reference, column.current))
        local = list(_in_segments(pair, column))
        found.extend(_prefer_local(everywhere, local))
    found.extend(_duplicates(pair))
    return tuple(sorted(found, key=lambda p: (-p.share, p.column or "", p.kind)))


def _schema(pair: Pair) -> Iterator[Problem]:
    for name in pair.missing:
        yield Problem(ProblemKind.MISSING_COLUMN, name, f"column {name} is missing from the current window", 1.0)
    for name in pair.retyped:
        yield Problem(ProblemKind.TYPE_CHANGED, name, f"column {name} changed its type between the windows", 1.0)


def _prefer_local(everywhere: list[Problem], local: list[Problem]) -> list[Problem]:
    """A segment that holds (nearly) all of a problem's rows explains it better than the whole window does."""
    kept = []
    for problem in everywhere:
        same = [p for p in local if p.kind is problem.kind]
        best = max(same, key=lambda p: p.share, default=None)
        kept.append(best if best is not None and best.share >= 0.8 * problem.share else problem)
    if not everywhere and local:
        kept.append(max(local, key=lambda p: p.share))
    return kept


def _column(column: Column, reference: npt.NDArray[np.generic], current: npt.NDArray[np.generic]) -> Iterator[Problem]:
    """What is wrong with these rows of one column; at most one problem of each kind."""
    n, m = len(reference), len(current)
    if min(n, m) < _LEAST_ROWS:
        return
    before, after = column.null_share(reference), column.null_share(current)
    noise = 6 * np.sqrt(max(before * (1 - before), 1 / n) * (1 / n + 1 / m))
    if after - before > max(0.03, noise):
        yield Problem(ProblemKind.NULL_JUMP, column.name, f"column {column.name} is {after:.0%} null, was {before:.0%}", after - before)
    if after > 0.98:
        return
    yield from _numbers(column.name, reference, current) if column.numeric else _codes(column, reference, current)


def _numbers(name: str, reference: npt.NDArray[np.generic], current: npt.NDArray[np.generic]) -> Iterator[Problem]:
    infinite = float(np.isinf(np.asarray(current, dtype=np.float64)).mean())
    if infinite > 0.001 and not np.isinf(np.asarray(reference, dtype=np.float64)).any():
        yield Problem(ProblemKind.INFINITE, name, f"column {name} is infinite in {infinite:.1%} of the rows", infinite)
    old, new = finite(reference), finite(current)
    if min(len(old), len(new)) < _LEAST_ROWS or old.std() == 0:
        return
    value, share = _stuck(old, new)
    if share > 0:
        yield Problem(ProblemKind.CONSTANT, name, f"column {name} is stuck at {value:.6g} in {share:.0%} of the rows", share)
        return
    scale = changed_unit(old, new)
    if scale:
        yield Problem(ProblemKind.UNIT_CHANGE, name, f"column {name} looks {scale}: a unit has changed", 1.0)


def _stuck(old: Floats, new: Floats) -> tuple[float, float]:
    """A value and the share of rows by which it gained, when one value suddenly fills a third of a column or more."""
    values, counts = np.unique(new, return_counts=True)
    value, share = float(values[counts.argmax()]), counts.max() / len(new)
    before = float((old == value).mean())
    spread_out = len(np.unique(old)) > 20
    if share == 1.0 and before < 0.9:
        return value, share - before
    return (value, share - before) if spread_out and share - before > 0.3 and before < 0.1 else (value, 0.0)


def changed_unit(old: Floats, new: Floats) -> str:
    """The words for a change of unit, or nothing: the quantiles lie on one line through a known factor (or °C/°F)."""
    before, after = np.quantile(old, _QUANTILES), np.quantile(new, _QUANTILES)
    spread = float(before.std())
    if spread == 0 or len(np.unique(before)) < 8 or np.abs(after - before).mean() < 0.3 * spread:
        return ""
    noise = 0.05 + 3 / np.sqrt(min(len(old), len(new)))
    for scale in _SCALES_BY_SIZE:
        scaled = np.sort(before * scale)
        if scale > 0 and np.abs(after - scaled).mean() < min(noise, 0.12) * abs(scale) * spread:
            return f"multiplied by {scale:.4g}" if scale >= 1 else f"divided by {1 / scale:.4g}"
        if scale == -1.0 and abs(before.mean()) > 1.5 * spread and np.abs(after - scaled).mean() < 0.12 * spread:
            return "negated"
    for words, scaled in (("converted from °C to °F", before * 1.8 + 32), ("converted from °F to °C", (before - 32) / 1.8)):
        if np.abs(after - scaled).mean() < min(noise, 0.1) * scaled.std():
            return words
    return ""


def _codes(column: Column, reference: npt.NDArray[np.generic], current: npt.NDArray[np.generic]) -> Iterator[Problem]:
    values = len(column.vocabulary)
    windows = [np.asarray(window, dtype=np.int64) for window in (reference, current)]
    before, after = (np.bincount(w[w >= 0], minlength=values) for w in windows)
    if not before.sum() or not after.sum():
        return
    unseen = float(after[before == 0].sum() / len(current))
    if unseen > 0.02:
        worst = column.vocabulary[int(np.where(before == 0, after, -1).argmax())]
        sentence = f"column {column.name} has values that the reference never had in {unseen:.0%} of the rows, most often {worst!r}"
        yield Problem(ProblemKind.UNSEEN_CATEGORIES, column.name, sentence, unseen)
    elif (after > 0).sum() == 1 and before[after.argmax()] / before.sum() < 0.9 and (before > 0).sum() > 1:
        value = column.vocabulary[int(after.argmax())]
        yield Problem(ProblemKind.CONSTANT, column.name, f"column {column.name} is {value!r} in every row", 1.0)


def _in_segments(pair: Pair, column: Column) -> Iterator[Problem]:
    """The same checks inside every segment whose rows outside show nothing of the kind."""
    for cells in (c.cells for c in pair.segmenting if c.name != column.name):
        for number in _worth_a_look(column, cells):
            inside, before = cells.current == number, cells.reference == number
            found = [p for p in _column(column, column.reference[before], column.current[inside]) if p.share >= 0.2]
            if not found:
                continue
            elsewhere = {p.kind for p in _column(column, column.reference[~before], column.current[~inside])}
            segment = Segment(cells.column, cells.labels[number])
            for problem in (p for p in found if p.kind not in elsewhere):
                sentence = f"where {segment.column} is {segment.value}, {problem.detail}"
                yield Problem(problem.kind, problem.column, sentence, problem.share * float(inside.mean()), segment)


def _worth_a_look(column: Column, cells: Cells) -> list[int]:
    """Cells with enough rows in which null share, centre or spread moved: the others cannot show a problem."""
    count = len(cells.labels)
    sizes = [np.bincount(w, minlength=count) for w in (cells.reference, cells.current)]
    enough = (sizes[0] >= _LEAST_ROWS) & (sizes[1] >= _LEAST_ROWS)
    enough[-1] = False  # nulls are no segment
    if not column.numeric:
        return [int(i) for i in np.flatnonzero(enough)]
    profiles = []
    for window, which, size in ((column.reference, cells.reference, sizes[0]), (column.current, cells.current, sizes[1])):
        values = np.asarray(window, dtype=np.float64)
        known = np.isfinite(values)
        held = np.maximum(np.bincount(which[known], minlength=count), 1)
        mean = np.bincount(which[known], values[known], minlength=count) / held
        square = np.bincount(which[known], values[known] ** 2, minlength=count) / held
        profiles.append((held / np.maximum(size, 1), mean, np.sqrt(np.maximum(square - mean**2, 0))))
    (known_a, mean_a, std_a), (known_b, mean_b, std_b) = profiles
    scale = np.maximum(std_a, 1e-12)
    moved = (np.abs(known_a - known_b) > 0.03) | (np.abs(mean_a - mean_b) > 0.25 * scale) | (np.abs(std_b / scale - 1) > 0.25)
    return [int(i) for i in np.flatnonzero(enough & moved)]


def _duplicates(pair: Pair) -> Iterator[Problem]:
    """Rows that stand twice, where the columns are rich enough that two equal rows are no accident."""
    rich = [c for c in pair.columns if c.numeric and len(np.unique(c.reference[:5000])) > 200]
    if len(rich) < 2 or min(pair.rows) < _LEAST_ROWS:
        return
    before, after = (_repeated(np.column_stack([getattr(c, w) for c in rich])) for w in ("reference", "current"))
    if after - before > 0.05:
        sentence = f"{after:.0%} of the rows repeat another row, {before:.0%} did in the reference"
        yield Problem(ProblemKind.DUPLICATED_ROWS, None, sentence, after - before)


def _repeated(matrix: Floats) -> float:
    rows = np.ascontiguousarray(matrix).view(np.dtype((np.void, matrix.dtype.itemsize * matrix.shape[1]))).ravel()
    return 1 - len(np.unique(rows)) / len(rows)

"""Two witnesses beside a column's own values: the other columns and the calendar, which say what
its values should be; and the labels, which say whether the column has let go of them.

Each is a memory of the past (a forest over the other columns and the phases of the clock), grown on
every other stretch of blocks so that no block is judged by a forest that has seen it, and its
errors are compared with their own past like any other statistic.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelmedic.steps.core.quality.past import Past, bits, block_means, middle_ranks, surprise
from modelmedic.steps.core.statistics.clock import phase
from modelmedic.steps.core.statistics.crossfit import thin_mask
from modelmedic.steps.core.statistics.trees import binning, grow
from modelmedic.steps.core.tables.arrays import Floats, Integers, Mask
from modelmedic.steps.core.tables.pairing import Column

_MOST_ROWS = 12_000
_LEAST_ROWS = 300
_ROUNDS = 40
_FAR = 0.98  # quantile of the past's errors; beyond it a value is far from where it should be
_HELPS = 0.02  # of the labels' squared error that a column takes away, before the labels are its witness
_STANDS_BY = 0.5  # of that, which it still has to take away
_YEAR = 300 * 86_400.0  # of past, before the season of the year can be a feature


@dataclass(frozen=True)
class Errors:
    """The errors of a memory, in the order of time: of past rows with their blocks, and of current
    rows; `rows` are the current rows' numbers, `places` the past ones';
    `truth` are the values that were to be remembered. `explained`: the share of the past's
    variance, 0..1.
    """

    past: Floats
    block: Integers
    current: Floats
    rows: Integers
    explained: float
    truth: tuple[Floats, Floats]
    places: Integers


def clock_columns(past: Past, known: frozenset[str]) -> tuple[Column, ...]:
    """The phases of the clock as columns; `known` are the phases that a column already gives."""
    if not past.timed or past.lore.time is None:
        return ()
    before, after = past.lore.time
    span = float(past.middle[-1] - past.middle[0])
    wanted = [name for name, least in (("hour", 2 * 86_400.0), ("weekday", 14 * 86_400.0), ("month", _YEAR)) if span > least]
    found = []
    for name in wanted:
        if name not in known:
            values = [phase(name, t).astype(np.float64) for t in (before, after)]
            found.append(Column(f"clock {name}", True, values[0], values[1]))
    return tuple(found)


def as_numbers(column: Column, label: Floats | None = None) -> tuple[Floats, Floats]:
    """A column as its rank in the past, 0 to 1, NaN for null, in both windows; codes in the order
    of their label's mean, or of their frequency.
    """
    if column.numeric:
        ordered = column.ordered[0]
        ordered = ordered[:: max(len(ordered) // 20_000, 1)]
        if not len(ordered):
            return np.full(len(column.reference), np.nan), np.full(len(column.current), np.nan)
        first, second = (_ranked(ordered, np.asarray(w, dtype=np.float64)) for w in (column.reference, column.current))
        return first, second
    words = len(column.vocabulary)
    codes = [np.asarray(w, dtype=np.int64) for w in (column.reference, column.current)]
    size = np.bincount(codes[0][codes[0] >= 0], minlength=words)
    order = size.astype(np.float64)
    if label is not None:
        known = (codes[0] >= 0) & np.isfinite(label)
        total = np.bincount(codes[0][known], label[known], minlength=words)
        count = np.bincount(codes[0][known], minlength=words)
        middle = float(label[known].mean()) if known.any() else 0.0
        order = (total + 5 * middle) / (count + 5)
    place = np.empty(words + 1)
    place[np.argsort(order, kind="stable")] = (np.arange(words) + 0.5) / max(words, 1)
    place[words] = np.nan
    first, second = (place[np.where(c < 0, words, c)] for c in codes)
    return first, second


def _ranked(ordered: Floats, values: Floats) -> Floats:
    return np.where(np.isnan(values), np.nan, middle_ranks(ordered, values))


def errors(past: Past, columns: Sequence[Column], target: tuple[Floats, Floats], rounds: int = _ROUNDS) -> Errors | None:
    """The errors of a memory of `target` (in the windows' own order, NaN for unknown) by the
    columns; None with too little to learn from.
    """
    first, second = past.order
    block = np.full(len(target[0]), -1, dtype=np.int64)
    block[first] = past.block
    rows = thin_mask(np.isfinite(target[0]) & (block >= 0), _MOST_ROWS)
    here = thin_mask(np.isfinite(target[1]), _MOST_ROWS)
    values = target[0][rows]
    if rows.sum() < _LEAST_ROWS or here.sum() < 20 or not columns or values.var() == 0:
        return None
    side = (block[rows] // max(past.blocks // 8, 1)) % 2
    cut = binning(tuple(columns), values, rows)
    bins, now = cut.bins(0, rows), cut.bins(1, here)
    expected, today = np.empty(len(values)), np.empty(int(here.sum()))
    position = np.empty(len(second), dtype=np.int64)
    position[second] = np.arange(len(second))
    order = np.argsort(position[here])
    turn = np.empty(len(order), dtype=np.int64)
    turn[order] = np.arange(len(order)) % 2
    for part in (0, 1):
        mine = side == part
        if min(mine.sum(), (~mine).sum()) < _LEAST_ROWS // 3:
            return None
        forest = grow(np.ascontiguousarray(bins[:, mine]), values[mine], rounds)
        expected[~mine] = forest.predict(np.ascontiguousarray(bins[:, ~mine]))
        chosen = turn == part
        today[chosen] = forest.predict(np.ascontiguousarray(now[:, chosen]))
    position = np.empty(len(first), dtype=np.int64)
    position[first] = np.arange(len(first))
    place = np.argsort(position[rows])
    left = values - expected
    explained = max(1 - float((left**2).mean() / values.var()), 0.0)
    truth = (values[place], target[1][here][order])
    return Errors(
        left[place],
        block[rows][place],
        (target[1][here] - today)[order],
        np.flatnonzero(here)[order],
        explained,
        truth,
        np.flatnonzero(rows)[place],
    )


def within(found: Errors, inside: tuple[Mask, Mask]) -> Errors:
    """The errors of a segment's rows alone."""
    before, after = inside[0][found.places], inside[1][found.rows]
    truth = (found.truth[0][before], found.truth[1][after])
    return Errors(
        found.past[before], found.block[before], found.current[after], found.rows[after], found.explained, truth, found.places[before]
    )


def read_errors(past: Past, found: Errors) -> dict[str, float]:
    """The p-values of the errors' mean, size, far values and of a break within the window."""
    far = float(np.quantile(np.abs(found.past), _FAR)) + 1e-9
    size = len(found.current)
    result = {}
    for name, function in (
        ("offset", lambda e: e),
        ("size", np.abs),
        ("far", lambda e: (np.abs(e) > far).astype(np.float64)),
    ):
        each, today = function(found.past), function(found.current)
        history = block_means(found.block, each, past.blocks)
        result[name] = surprise(past, history, float(today.mean()), float(each.std() / np.sqrt(size)))
    breaks = np.array([_break(found.past[found.block == b]) for b in range(past.blocks)])
    result["break"] = surprise(past, breaks, _break(found.current), 0.05)
    return result


def _break(values: Floats) -> float:
    """The largest step that a change of the mean within the rows can be, in standard deviations of
    the rest (a scan of all moments but the outer eighths).
    """
    n = len(values)
    if n < 40:
        return np.nan
    at = np.arange(n // 8, n - n // 8, max(n // 64, 1))
    total = np.concatenate([[0.0], np.cumsum(values)])
    step = np.abs(total[at] / at - (total[-1] - total[at]) / (n - at))
    return float(step.max() / (values.std() + 1e-9))


@dataclass(frozen=True)
class LabelWitness:
    """What the labels say: the errors of a memory of them by all columns, and how unusual their
    size is.
    """

    label: tuple[Floats, Floats]
    columns: tuple[Column, ...]
    full: Errors
    excess: float  # of the mean squared error over its usual size
    bits: float

    def against(self, past: Past, column: Column) -> float:
        """The evidence in powers of ten that the labels obey the others and no longer this column:
        the memory without it has become better than the one with it, and errs as it always did.
        Negative where the labels stand by the column: it tells as much of them as it always did, so
        that whatever moved it moved the world.
        """
        without = errors(past, [c for c in self.columns if c.name != column.name], self.label)
        if without is None or len(without.past) != len(self.full.past):
            return 0.0
        gain = self.full.past**2 - without.past**2
        today = self.full.current**2 - without.current**2
        history = block_means(self.full.block, gain, past.blocks)
        usual = float(np.nanmean(history))
        helps = usual < -_HELPS * float((without.past**2).mean())
        if helps and float(today.mean()) < _STANDS_BY * usual:
            return -1.0
        if float(today.mean()) <= usual:
            return 0.0
        left = float((without.current**2).mean() - (without.past**2).mean())
        if self.excess > 0 and left > 0.6 * self.excess:
            return 0.0
        return bits(surprise(past, history, float(today.mean()), float(gain.std() / np.sqrt(len(today)))))


def label_witness(past: Past, columns: Sequence[Column]) -> LabelWitness | None:
    """The witness; None without labels in both windows."""
    if past.lore.target is None:
        return None
    before, after = past.lore.target
    label = as_numbers(Column("label", True, before, after)) if len(np.unique(before[:500])) > 2 else (before, after)
    full = errors(past, columns, label)
    if full is None:
        return None
    history = block_means(full.block, full.past**2, past.blocks)
    now = float((full.current**2).mean())
    p_value = surprise(past, history, now, float((full.past**2).std() / np.sqrt(len(full.current))))
    excess = now - float(np.nanmean(history))
    return LabelWitness(label, tuple(columns), full, excess, bits(p_value) if excess > 0 else 0.0)

"""Paired losses summed in blocks of time, because rows of one day err together."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np

from modelmedic.steps.contracts.comparison import LossBlock
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.tables.arrays import Floats

DAY = 86_400.0  # seconds
_LEAST_BLOCKS = 10  # of the rows from before a release
_LEAST_IN_BLOCK = 20  # rows


def daily(seconds: Floats, served: Floats, other: Floats) -> tuple[LossBlock, ...]:
    """A block for each UTC day; `seconds` since 1970 and losses per row, shapes (n,)."""
    return _blocks(np.floor(seconds / DAY) * DAY, served, other)


def block_starts(seconds: Floats, window: float) -> Floats:
    """The start of each row's block: a day, or a tenth of a `window` (seconds) of fewer days."""
    length = min(DAY, max(window / _LEAST_BLOCKS, 1.0))
    return np.asarray(np.floor(seconds / length) * length)


def short(seconds: Floats, served: Floats, other: Floats) -> tuple[LossBlock, ...]:
    """Ten blocks or more of alike rows, none longer than a day where the rows allow it: of at least
    twenty rows, in the order of time.
    """
    order = np.argsort(seconds, kind="stable")
    days = len(np.unique(np.floor(seconds / DAY)))
    count = max(1, min(max(days, _LEAST_BLOCKS), len(seconds) // _LEAST_IN_BLOCK))
    place = np.arange(len(seconds)) * count // max(len(seconds), 1)
    starts = seconds[order][np.searchsorted(place, np.arange(count))] if len(seconds) else np.empty(0)
    return _blocks(starts[place] if len(seconds) else starts, served[order], other[order])


def in_order(seconds: Floats, served: Floats, other: Floats, rows: int) -> tuple[LossBlock, ...]:
    """A block for every so many `rows` in the order of time; what is left over waits for more."""
    order = np.argsort(seconds, kind="stable")[: len(seconds) // rows * rows]
    starts = np.repeat(seconds[order][::rows], rows)
    return _blocks(starts + np.repeat(np.arange(len(order) // rows), rows) * 1e-6, served[order], other[order])


def _blocks(starts: Floats, served: Floats, other: Floats) -> tuple[LossBlock, ...]:
    each, where = np.unique(starts, return_inverse=True)
    rows = np.bincount(where, minlength=len(each))
    means = [np.bincount(where, loss, minlength=len(each)) / np.maximum(rows, 1) for loss in (served, other)]
    return tuple(
        LossBlock(datetime.fromtimestamp(start, UTC), int(n), float(a), float(b)) for start, n, a, b in zip(each, rows, *means, strict=True)
    )


def merged(*parts: Iterable[LossBlock]) -> tuple[LossBlock, ...]:
    """Blocks of the same start as one, in the order of time."""
    sums: dict[datetime, tuple[int, float, float]] = {}
    for block in (block for part in parts for block in part):
        rows, served, other = sums.get(block.start, (0, 0.0, 0.0))
        sums[block.start] = (rows + block.rows, served + block.rows * block.served, other + block.rows * block.other)
    return tuple(LossBlock(start, rows, a / rows, b / rows) for start, (rows, a, b) in sorted(sums.items()) if rows)


def outside(blocks: Iterable[LossBlock], aside: Iterable[Window]) -> tuple[LossBlock, ...]:
    """The blocks of days that no quarantined span touches."""
    spans, day = tuple(aside), timedelta(seconds=DAY)
    return tuple(block for block in blocks if not any(span.start - day < block.start < span.end for span in spans))


def whole(blocks: Iterable[LossBlock], judged: datetime | None) -> tuple[LossBlock, ...]:
    """The days that are over, as far as labels are judged (None: not at all)."""
    return tuple(block for block in blocks if judged is not None and block.start + timedelta(seconds=DAY) <= judged)


def means(blocks: Iterable[LossBlock]) -> tuple[float, float]:
    """The mean loss per row of the version that serves and of the other; NaN without a row."""
    each = tuple(blocks)
    rows = np.array([block.rows for block in each], dtype=np.float64)
    if not rows.sum():
        return float("nan"), float("nan")
    return tuple(float(np.average([getattr(b, name) for b in each], weights=rows)) for name in ("served", "other"))  # type: ignore[return-value]

"""The past of a stream, cut into blocks as long as the current window, and how unusual a statistic
of today is beside its own history in them. Every claim of the diagnosis is measured here.

A statistic is compared with its level over the blocks, with its step from the block before (as long
a step as lies between the past and the current window: what trends or seasons move is differenced),
and with the blocks of the same phase of the day, the week and the year. The least of the three
distances counts, so that one innocent reading is enough. Distances are read from Student's t: with
few blocks its tails are heavy, and nothing but an overwhelming change is believed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import chdtrc, stdtr

from modelmedic.steps.core.tables.arrays import Floats, Integers, Mask
from modelmedic.steps.core.tables.pairing import Pair

_MOST_BLOCKS = 40
_WANTED_BLOCKS = 8  # a past that has fewer as long as the current window is cut into shorter ones
_LEAST_ROWS = 40  # of a block
_HEAVIEST = 10.0  # degrees of freedom at most where blocks differ by more than sampling explains
_LEAST_FREEDOM = 3.0
_WANDERS = 0.01  # p-value of blocks that differ by sampling alone
_PERIODS = (86_400.0, 7 * 86_400.0, 365.25 * 86_400.0)
_SLACK = 21 * 86_400.0  # of the year's phase


@dataclass(frozen=True)
class Past:
    """The past (the pair's reference side) in blocks. `order`: the rows of past and current in the
    order of their time; `block`: the block of each past row in that order, -1 for none; `middle`:
    each block's and the current window's middle, in seconds, or rows where there is no time.
    """

    lore: Pair
    order: tuple[Integers, Integers]
    block: Integers
    middle: Floats
    now: float
    step: float
    length: float  # of the current window
    windows: float  # the past's length in current windows
    timed: bool

    @property
    def blocks(self) -> int:
        return len(self.middle)

    @cached_property
    def sizes(self) -> Integers:
        return np.bincount(self.block[self.block >= 0], minlength=self.blocks)

    @cached_property
    def stride(self) -> int:
        """Every how many of the current rows are read where order matters: a long past is
        thinned.
        """
        return max(round(self.lore.rows[1] * self.step / max(self.length, 1e-9) / float(np.median(self.sizes))), 1)

    @cached_property
    def neighbours(self) -> tuple[Mask, Mask]:
        """For all past rows but the first, and for all current rows that are read but the first, in
        their order: whether the row before is as near in time as rows of this stream are.
        """
        if not self.timed or self.lore.time is None:
            return np.diff(self.block) == 0, np.ones(max(len(self.order[1][:: self.stride]) - 1, 0), dtype=bool)
        before, after = (t[o] for t, o in zip(self.lore.time, (self.order[0], self.order[1][:: self.stride]), strict=True))
        gaps = np.diff(before)
        usual = 1.5 * float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 0.0
        return (gaps <= usual) & (np.diff(self.block) == 0), np.diff(after) <= usual

    @cached_property
    def lag(self) -> int:
        """The number of blocks from the last one to the current window, at least 1."""
        return max(round((self.now - float(self.middle[-1])) / self.step), 1)

    @cached_property
    def alike(self) -> tuple[Mask, ...]:
        """For each period of the calendar that is longer than two windows, the blocks at the
        current window's phase.
        """
        if not self.timed:
            return ()
        found = []
        for period in _PERIODS:
            if 2 * self.step > period:
                continue
            slack = _SLACK if period > 8e6 else self.step * 0.75
            apart = np.abs((self.middle - self.now + period / 2) % period - period / 2)
            near = (apart <= slack) & (np.abs(self.middle - self.now) > 0.5 * period)
            if near.any():
                found.append(near)
        return tuple(found)

    def means(self, values: Floats, known: Mask | None = None) -> tuple[Floats, Integers]:
        """The mean of a value per past row, in the past's order, in every block, and the rows
        counted. NaN for a block without any.
        """
        keep = self.block >= 0 if known is None else (self.block >= 0) & known
        size = np.bincount(self.block[keep], minlength=self.blocks)
        total = np.bincount(self.block[keep], values[keep], minlength=self.blocks)
        return np.where(size > 0, total / np.maximum(size, 1), np.nan), size


def past_of(lore: Pair) -> Past | None:
    """The past of a pair whose reference side holds the earlier rows; None with too few of them for
    four blocks.
    """
    rows, current = lore.rows
    timed = lore.time is not None and all(np.isfinite(t).mean() > 0.9 for t in lore.time)
    if timed:
        assert lore.time is not None
        before, after = (np.where(np.isfinite(t), t, np.nanmedian(t)) for t in lore.time)
        timed = float(np.ptp(before)) > 0
    if not timed:
        before, after = np.arange(rows, dtype=np.float64), np.arange(rows, rows + current, dtype=np.float64)
    first, second = (np.argsort(t, kind="stable") for t in (before, after))
    moments, now = before[first], after[second]
    length = float(now[int(0.99 * (current - 1))] - now[int(0.01 * (current - 1))]) / 0.98 if current > 1 else 0.0
    span = float(moments[-1] - moments[0]) * (1 + 1 / rows)
    most = min(_MOST_BLOCKS, rows // _LEAST_ROWS)
    if most < 4 or span <= 0:
        return None
    windows = span / length if length > 0 else float(_MOST_BLOCKS)
    count = int(min(max(windows, _WANTED_BLOCKS), most))
    step = length if windows >= count and length > 0 else span / count
    edges = moments[-1] - step * np.arange(count, -1, -1.0)
    block = np.searchsorted(edges, moments, side="left") - 1
    block[moments < edges[0]] = -1
    block = np.minimum(block, count - 1)
    size = np.bincount(block[block >= 0], minlength=count)
    kept = size >= max(_LEAST_ROWS, 0.2 * float(np.median(size)))
    if kept.sum() < 4:
        return None
    place = np.where(kept, np.cumsum(kept) - 1, -1)
    block = np.where(block >= 0, place[block], -1)
    middle = ((edges[1:] + edges[:-1]) / 2)[kept]
    return Past(lore, (first, second), block, middle, float(np.median(now)), step, length or step, windows, timed)


def block_means(block: Integers, values: Floats, count: int) -> Floats:
    """The mean of the values in each of `count` blocks; NaN for those with fewer than ten."""
    size = np.bincount(block, minlength=count)
    return np.where(size >= 10, np.bincount(block, values, minlength=count) / np.maximum(size, 1), np.nan)


def middle_ranks(ordered: Floats, values: Floats) -> Floats:
    """The ranks of values among ascending ones, 0 to 1; equal ones share the middle of theirs."""
    return (np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")) / (2 * len(ordered))


def surprise(past: Past, history: Floats, value: float, error: float = 0.0) -> float:
    """The p-value of a value beside its history, shape (blocks,); NaN where a block has none.
    `error` is the standard error of the value by sampling alone.
    """
    known = np.isfinite(history)
    if known.sum() < 4 or not np.isfinite(value):
        return 1.0
    held, place = history[known], np.flatnonzero(known)
    count = len(held)
    spread = float(held.var(ddof=1))
    scale = max(spread, error**2, 1e-18)
    level = abs(value - float(held.mean())) / np.sqrt(scale * (1 + 1 / count))
    step = abs(value - float(held[-1])) / np.sqrt(max(_step_square(held, place, past.lag), 2 * error**2, 1e-18))
    distance = min(level, step)
    for mask in past.alike:
        chosen = held[mask[known]]
        if len(chosen):
            within = max(_step_square(held, place, 1), 2 * error**2, 1e-18)
            distance = min(distance, float(np.abs(value - chosen).min()) / np.sqrt(within))
    surplus = max(spread - error**2, 0.0) / scale  # of the blocks' variance over what sampling explains
    freedom = min((count - 1) / max(surplus, 0.05) ** 2, 200.0)
    if error <= 0 or float(chdtrc(count - 1, (count - 1) * spread / error**2)) < _WANDERS:
        freedom = max(min(float(count - 1), 1.5 * past.windows, _HEAVIEST), _LEAST_FREEDOM)
    return float(min(2 * stdtr(freedom, -distance), 1.0))


def _step_square(held: Floats, place: Integers, lag: int) -> float:
    """The mean squared step over `lag` blocks; where the past is too short for as long a step, the
    longest one that it has at least three of, stretched in proportion.
    """
    for tried in range(min(lag, int(place[-1] - place[0])), 0, -1):
        at = {int(p): i for i, p in enumerate(place)}
        pairs = [(i, at[int(p) + tried]) for p, i in at.items() if int(p) + tried in at]
        if len(pairs) >= 3:
            first, second = (np.array(side) for side in zip(*pairs, strict=True))
            return float(((held[second] - held[first]) ** 2).mean()) * (lag / tried) ** 2
    return float(held.var(ddof=1)) * 2


def bits(p_value: float) -> float:
    """The evidence of a p-value in powers of ten."""
    return float(-np.log10(max(p_value, 1e-30)))

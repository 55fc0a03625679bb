"""The statistics of one column in every block of the past and in the current window: what is
compared with its own history.

Numbers are read as their rank in the past, 0 to 1, so that a single wild value of the past (rain of
9,831 mm in an hour) moves nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from modelmedic.steps.core.quality.past import Past, bits, block_means, middle_ranks, surprise
from modelmedic.steps.core.tables.arrays import Floats, Integers, Mask
from modelmedic.steps.core.tables.pairing import FEW, Column

_MOST_VALUES = 60_000  # of the blocks x values table
_COMMON = 0.3  # of the past's rows: runs of such a value are no sensor that hangs


Add = Callable[..., None]  # name, history, value, error, about
_REGIONS = (0.002, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.998)  # shares of the past's rows


@dataclass(frozen=True)
class Reading:
    """A statistic's history over the blocks, its value today, the p-value of that, and for some the
    column's value that it is about.
    """

    name: str
    history: Floats
    value: float
    p_value: float
    about: float | None = None

    @property
    def gained(self) -> float:
        """The value's excess over its history's mean."""
        known = self.history[np.isfinite(self.history)]
        return self.value - float(known.mean()) if len(known) else 0.0

    @property
    def bits(self) -> float:
        return bits(self.p_value)


def read_number(past: Past, column: Column, inside: tuple[Mask, Mask] | None = None) -> dict[str, Reading]:
    """The readings of a number, by name; `inside` selects the rows of a segment in both windows (in
    their own order).
    """
    before, after, block = _rows(past, column, inside)
    count = past.blocks
    found: dict[str, Reading] = {}
    if len(after) < 20:
        return found

    def add(name: str, history: Floats, value: float, error: float, about: float | None = None) -> None:
        found[name] = Reading(name, history, value, surprise(past, history, value, error), about)

    known, here = np.isfinite(before), np.isfinite(after)
    n, m = _count(block, count), len(after)
    share = block_means(block, (~known).astype(np.float64), count)
    add("null", share, float((~here).mean()), _error_of_share(share, n, m))
    if here.sum() < 20 or known.sum() < 100:
        return found
    held, place, now = before[known], block[known], after[here]
    _tails(add, held, place, now, count)
    _values(add, held, place, now, count)
    ordered = np.sort(held[:: max(len(held) // 20_000, 1)])
    ranks, fresh = (middle_ranks(ordered, v) for v in (held, now))
    few = len(fresh)
    for name, each, today in (
        ("mean", ranks, fresh),
        ("spread", np.abs(ranks - 0.5), np.abs(fresh - 0.5)),
        ("low", (ranks < 0.1).astype(np.float64), (fresh < 0.1).astype(np.float64)),
        ("high", (ranks > 0.9).astype(np.float64), (fresh > 0.9).astype(np.float64)),
    ):
        add(name, block_means(place, each, count), float(today.mean()), float(each.std() / np.sqrt(few)))
    _roughness(add, past, ordered, column, inside)
    _runs(add, held, place, now, count)
    return found


def _roughness(add: Add, past: Past, ordered: Floats, column: Column, inside: tuple[Mask, Mask] | None) -> None:
    """The mean step from one row to the next, where both are known and near in time."""
    first, second = past.order[0], past.order[1][:: past.stride]
    sides = []
    for values, order, near, window in zip((column.reference, column.current), (first, second), past.neighbours, (0, 1), strict=True):
        numbers = np.asarray(values, dtype=np.float64)[order]
        ranks = np.where(np.isnan(numbers), np.nan, middle_ranks(ordered, numbers))
        step = np.abs(np.diff(ranks))
        keep = near & np.isfinite(step)
        if inside is not None:
            chosen = inside[window][order]
            keep &= chosen[1:] & chosen[:-1]
        sides.append((step, keep))
    (step, keep), (today, here) = sides
    keep &= past.block[1:] >= 0
    if here.sum() < 20 or here.sum() < 0.3 * len(here) or keep.sum() < 100:
        return
    history = block_means(past.block[1:][keep], step[keep], past.blocks)
    add("rough", history, float(today[here].mean()), float(step[keep].std() / np.sqrt(here.sum()) * 1.3))


def read_codes(past: Past, column: Column, inside: tuple[Mask, Mask] | None = None) -> dict[str, Reading]:
    """The readings of a column of codes, by name."""
    before, after, block = _rows(past, column, inside)
    count, words = past.blocks, len(column.vocabulary)
    found: dict[str, Reading] = {}
    if len(after) < 20 or not words:
        return found

    def add(name: str, history: Floats, value: float, error: float, about: float | None = None) -> None:
        found[name] = Reading(name, history, value, surprise(past, history, value, error), about)

    codes, now = before.astype(np.int64), after.astype(np.int64)
    n, m = _count(block, count), len(now)
    share = block_means(block, (codes < 0).astype(np.float64), count)
    add("null", share, float((now < 0).mean()), _error_of_share(share, n, m))
    table, today = _table(codes, block, count, words), np.bincount(now[now >= 0], minlength=words)
    total, sums = table.sum(axis=0), np.maximum(table.sum(axis=1), 1)
    if not today.sum() or total.sum() < 100:
        return found
    alone = (table > 0).sum(axis=0) == 1
    novel = (table * alone).sum(axis=1) / sums
    fresh = total == 0
    worst = int(np.where(fresh, today, -1).argmax()) if fresh.any() else -1
    add("novel", novel, float(today[fresh].sum() / today.sum()), _error_of_share(novel, n, m), float(worst))
    mix, its = table / sums[:, None], today / today.sum()
    usual = total / total.sum()
    others = (total[None, :] - table) / np.maximum(total.sum() - sums, 1)[:, None]
    apart = np.abs(mix - others).sum(axis=1) / 2
    add("mix", apart, float(np.abs(its - usual).sum() / 2), float(np.sqrt((usual * (1 - usual)).sum() / m)))
    gain = (mix - others).max(axis=1)
    best = int((its - usual).argmax())
    add("pile", gain, float((its - usual)[best]), float(np.sqrt(0.25 / m)), float(best))
    gone = np.where((mix == 0) & (others > 0.01), others, 0.0).sum(axis=1)
    lost = np.where((its == 0) & (usual > 0.01), usual, 0.0)
    add("vanished", gone, float(lost.sum()), 0.01, float(lost.argmax()))
    rare = usual < _COMMON
    _runs_of(add, codes, block, now, count, rare)
    return found


def read(past: Past, column: Column, inside: tuple[Mask, Mask] | None = None) -> dict[str, Reading]:
    return read_number(past, column, inside) if column.numeric else read_codes(past, column, inside)


def _rows(past: Past, column: Column, inside: tuple[Mask, Mask] | None) -> tuple[Floats, Floats, Integers]:
    first, second = past.order[0], past.order[1][:: past.stride]
    before, after = (np.asarray(w, dtype=np.float64) for w in (column.reference[first], column.current[second]))
    keep = past.block >= 0
    if inside is not None:
        keep = keep & inside[0][first]
        after = after[inside[1][second]]
    return before[keep], after, past.block[keep]


def _count(block: Integers, count: int) -> Integers:
    return np.bincount(block, minlength=count)


def _error_of_share(history: Floats, sizes: Integers, rows: int) -> float:
    usual = float(np.nanmean(history)) if np.isfinite(history).any() else 0.0
    return float(np.sqrt(max(usual * (1 - usual), 1 / max(int(sizes.sum()), 1)) / rows) + 0.5 / rows)


def _tails(add: Add, held: Floats, place: Integers, now: Floats, count: int) -> None:
    """The share of values beyond all that the other blocks had, by more than a tenth of their
    width.
    """
    low, high = (np.full(count, fill) for fill in (np.inf, -np.inf))
    np.minimum.at(low, place, held)
    np.maximum.at(high, place, held)
    lowest, highest = np.sort(low)[:2], np.sort(high)[-2:]
    width = 0.1 * max(float(highest[-1] - lowest[0]), 1e-300)
    floor = np.where(low == lowest[0], lowest[1] if len(lowest) > 1 else lowest[0], lowest[0])
    roof = np.where(high == highest[-1], highest[0], highest[-1])
    beyond = (held < floor[place] - width) | (held > roof[place] + width)
    outside = (now < lowest[0] - width) | (now > highest[-1] + width)
    absurd = (now < lowest[0] - 10 * width) | (now > highest[-1] + 10 * width)
    past_absurd = (held < floor[place] - 10 * width) | (held > roof[place] + 10 * width)
    far = block_means(place, past_absurd.astype(np.float64), count)
    add("absurd", far, float(absurd.mean()), _error_of_share(far, np.bincount(place), len(now)))
    history = block_means(place, beyond.astype(np.float64), count)
    about = float(now[outside].mean()) if outside.any() else None
    add("beyond", history, float(outside.mean()), _error_of_share(history, np.bincount(place), len(now)), about)
    for name, share in (("bottom", 0.02), ("top", 0.98)):
        ends = np.array([_quantile(held[place == b], share) for b in range(count)])
        add(name, ends, _quantile(now, share), 0.05 * float(held.max() - held.min()))


def _quantile(values: Floats, share: float) -> float:
    return float(np.partition(values, int(share * (len(values) - 1)))[int(share * (len(values) - 1))]) if len(values) >= 10 else np.nan


def _values(add: Add, held: Floats, place: Integers, now: Floats, count: int) -> None:
    """Piles on one value, and values that no other block has."""
    levels, code = np.unique(np.concatenate([held, now]), return_inverse=True)
    words, m = len(levels), len(now)
    codes, fresh = code[: len(held)], code[len(held) :]
    today = np.bincount(fresh, minlength=words)
    size = np.maximum(np.bincount(place, minlength=count), 1)
    total = np.bincount(codes, minlength=words)
    if words * count <= _MOST_VALUES * 40:
        table = _table(codes, place, count, words)
        others = (total[None, :] - table) / np.maximum(len(held) - size, 1)[:, None]
        gain = (table / size[:, None] - others).max(axis=1)
        inside = (levels >= float(held.min())) & (levels <= float(held.max()))  # how far the column reaches is another reading
        alone = (table * ((table > 0).sum(axis=0) == 1)).sum(axis=1) / size
        best = int((today / m - total / len(held)).argmax())
        few = int((total > 0).sum()) <= FEW and total[best] > 0
        add(
            "level" if few else "pile",
            gain,
            float(today[best] / m - total[best] / len(held)),
            float(np.sqrt(0.05 / m)) + 1 / m,
            float(levels[best]),
        )
        rate = _alone_by_region(table, total)
        add(
            "novel",
            alone - table @ rate / size,
            max(float(today[(total == 0) & inside].sum() / m) - float(today[inside] @ rate[inside]) / m, 0.0),
            float(np.sqrt(max(float(alone.mean()), 1 / len(held)) / m)) + 1 / m,
        )
        alike = int(min(m, np.median(size)))  # counts of different values grow with the rows: as many rows everywhere
        different = np.array([_different(codes[place == b], alike) for b in range(count)])
        now_different = _different(fresh, alike)
        add("values", different, now_different, 0.02 + 1 / float((today > 0).sum()) ** 0.5)


def _alone_by_region(table: Integers, total: Integers) -> Floats:
    """The share of rows whose value no other block had, in the region of each level, shape
    (levels,): where values lie thin, a new one is no news.
    """
    below = (np.cumsum(total) - total / 2) / max(int(total.sum()), 1)
    region = np.searchsorted(_REGIONS, below)
    rows = np.bincount(region, total, minlength=len(_REGIONS) + 1)
    alone = np.bincount(region, total * ((table > 0).sum(axis=0) == 1), minlength=len(_REGIONS) + 1)
    return np.asarray((alone / np.maximum(rows, 1))[region])


def _different(codes: Integers, rows: int) -> float:
    """The logarithm of the number of different values in so many of the rows, evenly chosen; NaN
    where there are fewer.
    """
    if len(codes) < 0.7 * rows:
        return np.nan
    return float(np.log(len(np.unique(codes[np.linspace(0, len(codes) - 1, rows).astype(np.int64)]))))


def _table(codes: Integers, block: Integers, count: int, words: int) -> Integers:
    known = codes >= 0
    return np.bincount(block[known] * words + codes[known], minlength=count * words).reshape(count, words)


def _runs(add: Add, held: Floats, place: Integers, now: Floats, count: int) -> None:
    levels, code = np.unique(np.concatenate([held, now]), return_inverse=True)
    usual = np.bincount(code[: len(held)], minlength=len(levels)) / len(held)
    _runs_of(add, code[: len(held)], place, code[len(held) :], count, usual < _COMMON)


def _runs_of(add: Add, codes: Integers, block: Integers, now: Integers, count: int, rare: Mask) -> None:
    """The longest runs of one value, in powers of two; and of a value that is not common."""
    length, value, where = _run_lengths(codes, block)
    its, kind, _ = _run_lengths(now, np.zeros(len(now), dtype=np.int64))
    for name, chosen, today in (
        ("run", value >= 0, kind >= 0),
        ("rare run", (value >= 0) & rare[np.maximum(value, 0)], (kind >= 0) & rare[np.maximum(kind, 0)]),
    ):
        longest = np.zeros(count)
        np.maximum.at(longest, where[chosen], length[chosen])
        best = int(np.where(today, its, 0).argmax())
        most = float(its[best]) if today.any() else 0.0
        add(name, np.log2(1 + longest), float(np.log2(1 + most)), 0.35, float(kind[best]))


def _run_lengths(codes: Integers, block: Integers) -> tuple[Integers, Integers, Integers]:
    """The length, the value and the block of every run."""
    if not len(codes):
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, empty
    starts = np.flatnonzero(np.concatenate([[True], (codes[1:] != codes[:-1]) | (block[1:] != block[:-1])]))
    return np.diff(np.append(starts, len(codes))), codes[starts], block[starts]

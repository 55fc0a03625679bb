"""A small boosted forest over cells: what a column of numbers is, given the others. Cheap enough to ask for every window.

Trees are oblivious (one split for a whole level, as in CatBoost; Prokhorenkova et al. 2018), the loss is squared (Friedman
2001). Inputs are a column's cells in the order of the target's mean, so that codes need no other treatment.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steps.core.pairing import STEPS, Codes, Column, Floats, Steps

_MOST_ROWS = 8_000
_MOST_COLUMNS = 24
_BINS = STEPS
_RATE = 0.25
_SMOOTHING = 20.0  # rows' worth of "no effect" in every leaf


@dataclass(frozen=True)
class Forest:
    """Levels of (feature, threshold) per tree and a value per leaf."""

    base: float
    trees: tuple[tuple[tuple[tuple[int, int], ...], Floats], ...]
    columns: tuple[int, ...]

    def predict(self, bins: Steps) -> Floats:
        """`bins`: rows x all the columns the forest was offered."""
        result = np.full(len(bins), self.base)
        turned = {feature: np.ascontiguousarray(bins[:, feature]) for feature in self.columns}
        for levels, leaves in self.trees:
            leaf = np.zeros(len(bins), dtype=np.int8)
            for feature, threshold in levels:
                leaf += leaf
                leaf += turned[feature] > threshold
            result += leaves[leaf]
        return result


@dataclass(frozen=True)
class Binning:
    """Every column cut into at most 24 ordered bins: by the reference's quantiles, or a code's by the target's mean."""

    columns: tuple[Column, ...]
    orders: tuple[Codes | None, ...]

    def bins(self, window: int, rows: npt.NDArray[np.bool_]) -> Steps:
        """Rows x columns for the chosen rows of window 0 (reference) or 1 (current)."""
        result = np.empty((int(rows.sum()), len(self.columns)), dtype=np.int8)
        for i, (column, order) in enumerate(zip(self.columns, self.orders, strict=True)):
            if order is None:
                result[:, i] = column.steps[window][rows]
            else:
                codes = np.asarray((column.reference, column.current)[window], dtype=np.int64)[rows]
                result[:, i] = order[np.where(codes < 0, len(order) - 1, codes)]
        return result


def binning(columns: tuple[Column, ...], target: Floats, rows: npt.NDArray[np.bool_]) -> Binning:
    """`rows` selects the reference rows that `target` belongs to."""
    return Binning(columns, tuple(None if c.numeric else _ordered(c, target, rows) for c in columns))


def _ordered(column: Column, target: Floats, rows: npt.NDArray[np.bool_]) -> Codes:
    """For every code (and null, last) its bin: codes in the order of the target's smoothed mean, 24 bins of equal size."""
    codes = np.asarray(column.reference, dtype=np.int64)[rows]
    count = len(column.vocabulary) + 1
    codes = np.where(codes < 0, count - 1, codes)
    size = np.bincount(codes, minlength=count)
    mean = (np.bincount(codes, target, minlength=count) + 10 * target.mean()) / (size + 10)
    order = np.argsort(mean, kind="stable")
    place = np.empty(count, dtype=np.int64)
    filled = (np.cumsum(size[order]) - size[order] / 2) / max(size.sum(), 1)
    place[order] = np.arange(count) if count <= _BINS else np.minimum((filled * _BINS).astype(np.int64), _BINS - 1)
    return place


def grow(bins: Steps, target: Floats, rounds: int = 60, depth: int = 3) -> Forest:
    """A forest of `rounds` trees on at most 8,000 rows (evenly spaced) and the 24 columns that say most on their own."""
    if len(target) > _MOST_ROWS:
        chosen = np.linspace(0, len(target) - 1, _MOST_ROWS).astype(np.int64)
        bins, target = bins[chosen], target[chosen]
    base = float(target.mean())
    columns = _telling(bins, target)
    offered = np.ascontiguousarray(bins[:, columns].T.astype(np.int64))
    left = target - base
    trees = []
    for _ in range(rounds):
        levels, leaf = _levels(offered, left, depth)
        count = np.bincount(leaf, minlength=2**depth)
        values = _RATE * np.bincount(leaf, left, minlength=2**depth) / (count + _SMOOTHING)
        left = left - values[leaf]
        trees.append((tuple((columns[f], t) for f, t in levels), values))
    return Forest(base, tuple(trees), tuple(columns))


def _telling(bins: Steps, target: Floats) -> list[int]:
    """The columns whose bins explain most of the target's variance, and all of them where there are few."""
    if bins.shape[1] <= _MOST_COLUMNS:
        return list(range(bins.shape[1]))
    centred = target - target.mean()
    explained = []
    for i in range(bins.shape[1]):
        size = np.bincount(bins[:, i])
        explained.append(float((np.bincount(bins[:, i], centred) ** 2 / np.maximum(size, 1)).sum()))
    return sorted(int(i) for i in np.argsort(explained)[::-1][:_MOST_COLUMNS])


def _levels(offered: Codes, left: Floats, depth: int) -> tuple[list[tuple[int, int]], Codes]:
    width = _BINS + 2
    leaf = np.zeros(len(left), dtype=np.int64)
    levels = []
    for level in range(depth):
        leaves = 2**level
        best = (-1.0, 0, 0)
        for feature, values in enumerate(offered):
            where = leaf * width + values
            size = np.bincount(where, minlength=leaves * width).reshape(leaves, width)
            total = np.bincount(where, left, minlength=leaves * width).reshape(leaves, width)
            n, s = size.cumsum(axis=1), total.cumsum(axis=1)
            gain = (s**2 / (n + _SMOOTHING) + (s[:, -1:] - s) ** 2 / (n[:, -1:] - n + _SMOOTHING)).sum(axis=0)
            threshold = int(gain[:-1].argmax())
            if gain[threshold] > best[0]:
                best = (float(gain[threshold]), feature, threshold)
        levels.append((best[1], best[2]))
        leaf = 2 * leaf + (offered[best[1]] > best[2])
    return levels, leaf

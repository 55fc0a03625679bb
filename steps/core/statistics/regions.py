"""Regions of a number: the run of neighbouring values inside of which something changed and outside
of which nothing did.
"""

from dataclasses import dataclass

import numpy as np

from modelmedic.steps.core.statistics.residuals import LabelledRows, cell_moments, row_values
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.pairing import Column, cut_at

_BINS = 20


@dataclass(frozen=True)
class Region:
    """The region as a segment's value `[low, high)`, its z, and its labelled rows in both
    windows.
    """

    z: float
    value: str
    inside: tuple[Mask, Mask]


def region(column: Column, rows: LabelledRows) -> Region | None:
    """The run of bins with the largest z by the residuals or, where they cancel, by the loss; None
    unless the rest is as quiet as noise.
    """
    edges = _edges(column)
    if len(edges) < 2:
        return None
    windows = [
        cut_at(np.asarray(w, dtype=np.float64)[m], edges) for w, m in zip((column.reference, column.current), rows.masks, strict=True)
    ]
    sizes = [np.bincount(w, minlength=len(edges) + 2) for w in windows]
    best: tuple[float, int, int] | None = None
    for values in (rows.residual, rows.loss):
        change, error = cell_moments((sizes[0], sizes[1]), (windows[0], windows[1]), row_values(values))
        found = _run(change[:-1], error[:-1])
        if found and (best is None or found[0] > best[0]):
            best = found
    if best is None:
        return None
    z, first, last = best
    chosen = [(w >= first) & (w <= last) for w in windows]
    return Region(z, _value(column, edges, first, last), (chosen[0], chosen[1]))


def _edges(column: Column) -> Floats:
    if column.levels is not None:
        return column.levels[1:]
    values = column.ordered[0]
    if not len(values):
        return np.empty(0)
    return np.unique(values[np.linspace(0, len(values) - 1, _BINS + 1)[1:-1].astype(np.int64)])


def _run(change: Floats, error: Floats) -> tuple[float, int, int] | None:
    """z, first and last cell of the best run; None when no run is clear, or the cells outside of it
    are more than noise.
    """
    known = np.isfinite(change) & (error > 0)
    weight = np.where(known, 1 / np.where(known, error, 1.0), 0.0)
    signal = np.where(known, change, 0.0) * weight
    best = (0.0, 0, 0)
    for first in range(len(change)):
        z = np.abs(np.cumsum(signal[first:])) / np.sqrt(np.maximum(np.cumsum(weight[first:]), 1e-300))
        last = int(z.argmax())
        if z[last] > best[0]:
            best = (float(z[last]), first, first + last)
    z, first, last = best
    outside = np.ones(len(change), dtype=bool)
    outside[first : last + 1] = False
    left = float((signal[outside] ** 2 / np.maximum(weight[outside], 1e-300))[known[outside]].sum())
    freedom = int(known[outside].sum())
    if z < 5 or freedom < 2 or left > max(freedom + 4 * np.sqrt(2 * freedom), 0.12 * z**2):
        return None
    while last + 1 < len(change) and not known[last + 1]:  # too few rows to say otherwise
        last += 1
    while first > 0 and not known[first - 1]:
        first -= 1
    return z, first, last


def _value(column: Column, edges: Floats, first: int, last: int) -> str:
    if column.levels is not None and first == last and len(edges) == len(column.levels) - 1:
        return f"{column.levels[first]:.15g}"
    low = "-inf" if first == 0 else f"{edges[first - 1]:.4g}"
    high = "inf" if last >= len(edges) else f"{edges[last]:.4g}"
    return f"[{low}, {high})"

"""What the reference would be said of itself: one stretch of it held against the rest, as the current window is held against all of it.

Rows of one day share what no column knows, and models err by whole days, so a chi-square or a z over rows that follow one another is
larger than it should be. Its mean over the stretches, per degree of freedom, is the factor (the variance inflation of Rao and Scott 1981);
it counts only where independent rows would hardly show it.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from steps.core.pairing import Column, Floats, Pair
from steps.core.residuals import Labelled, Mask, Structure, cell_z, difference_z

_STRETCHES = 8
_DEPENDENT = 2.6  # normal deviate, as in thresholds: one reference of independent rows in two hundred would show it


def stretches(rows: int, count: int = 4) -> Iterator[npt.NDArray[np.bool_]]:
    """Masks of a few stretches of the reference in the order of its rows, which is their order in time where they have one."""
    edges = np.linspace(0, rows, count + 1).astype(np.int64)
    for start, end in itertools.pairwise(edges):
        inside = np.zeros(rows, dtype=bool)
        inside[start:end] = True
        yield inside


def deflated(columns: tuple[Column, ...], shapes: tuple[Structure, ...], values: Floats, rows: Mask, level: float) -> tuple[Structure, ...]:
    """The shapes that are believed at `level`, each divided by its factor, strongest first; `values` are the reference's, at `rows`."""
    by_name = {column.name: column for column in columns}
    found = [_deflated(by_name[s.column], s, values, rows, len(columns)) if s.p_value < level else s for s in shapes]
    return tuple(sorted(found, key=lambda s: (-s.strength, s.column)))


def _deflated(column: Column, found: Structure, values: Floats, rows: Mask, looks: int) -> Structure:
    statistic = found.statistic / _shape_factor(column, values, rows)
    return replace(found, statistic=statistic, p_value=min(1.0, float(chdtrc(found.freedom, statistic)) * looks))


def _shape_factor(column: Column, values: Floats, rows: Mask) -> float:
    """Sum of z² over the cells and the stretches, each stretch's own mean taken out, per degree of freedom."""
    chosen = np.flatnonzero(rows)
    statistic, freedom = 0.0, 0
    for inside in stretches(len(chosen), _STRETCHES):
        masks = []
        for part in (~inside, inside):
            mask = np.zeros(len(rows), dtype=bool)
            mask[chosen[part]] = True
            masks.append(mask)
        cells = replace(column.cells, current=column.cells.reference)
        z = cell_z(cells, (values[~inside] - values[~inside].mean(), values[inside] - values[inside].mean()), (masks[0], masks[1]))
        z = z[np.isfinite(z)]
        statistic, freedom = statistic + float((z**2).sum()), freedom + max(len(z) - 1, 0)
    return _factor(statistic, freedom)


def offset_factor(values: Floats) -> float:
    """The same of the mean alone, by which a z² of means is to be divided."""
    squares = [difference_z(values[~inside], values[inside]) ** 2 for inside in stretches(len(values), _STRETCHES)]
    return _factor(sum(squares), _STRETCHES - 1)


def _factor(statistic: float, freedom: int) -> float:
    if freedom < 3 or statistic / freedom < 1 + _DEPENDENT * np.sqrt(2 / freedom):
        return 1.0
    return statistic / freedom


def pairs(both: Pair, rows: Labelled) -> Iterator[tuple[Pair, Labelled]]:
    """Each stretch as if it were the current window, the rest as if it were the reference."""
    for inside in stretches(both.rows[0]):
        known = inside[rows.masks[0]]
        yield _turned(both, inside), _within(rows, inside, known)


def _turned(both: Pair, inside: Mask) -> Pair:
    split = tuple(None if part is None else (part[0][~inside], part[0][inside]) for part in (both.target, both.prediction, both.time))
    columns = tuple(replace(c, reference=c.reference[~inside], current=c.reference[inside]) for c in both.columns)
    counts = (int((~inside).sum()), int(inside.sum()))
    return replace(both, columns=columns, rows=counts, target=split[0], prediction=split[1], time=split[2], version=None)


def _within(rows: Labelled, inside: Mask, known: Mask) -> Labelled:
    def split(part: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        return part[0][~known], part[0][known]

    masks = (rows.masks[0][~inside], rows.masks[0][inside])
    residual, loss = split(rows.residual), split(rows.loss)
    return Labelled(rows.task, masks, split(rows.prediction), split(rows.target), residual, loss, rows.imagined)

"""The reference replayed against itself: one stretch of it is compared with the rest, as the
current window is compared with all of it.

Rows of one day share what no column knows, and models err by whole days, so a chi-square or a z
over rows that follow one another is larger than it should be. Its mean over the stretches, per
degree of freedom, is the factor (the variance inflation of Rao and Scott 1981); it counts only
where independent rows would hardly show it.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from modelmedic.steps.core.statistics.residuals import LabelledRows, Structure, cell_z, difference_z, row_values
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.pairing import Column, Pair

_STRETCHES = 8
_SHARED = 1 - 1 / _STRETCHES  # each stretch is in the rest of all the others, so this share of them is independent
_DEPENDENT = 1e-5  # p-value: of two hundred columns of independent rows none should count as dependent by chance


def stretches(rows: int, count: int = 4) -> Iterator[npt.NDArray[np.bool_]]:
    """Masks of `count` stretches of the reference in the order of its rows, which is their order in
    time where they have one.
    """
    edges = np.linspace(0, rows, count + 1).astype(np.int64)
    for start, end in itertools.pairwise(edges):
        inside = np.zeros(rows, dtype=bool)
        inside[start:end] = True
        yield inside


def deflate(columns: tuple[Column, ...], shapes: tuple[Structure, ...], values: Floats, rows: Mask, level: float) -> tuple[Structure, ...]:
    """The shapes that are believed at `level`, each divided by its factor, strongest first;
    `values` are the reference's, at `rows`.

    Dependence is a property of the rows, not of a column: where one column or the mean shows it
    clearly, all factors count.
    """
    by_name = {column.name: column for column in columns}
    found = {s.column: _replay_column(by_name[s.column], values, rows) for s in shapes if s.p_value < level}
    if not found or not any(_clear(*sums) for sums in (*found.values(), _replay_mean(values))):
        return shapes
    changed = [_divide(s, *found[s.column], len(columns)) if s.column in found else s for s in shapes]
    return tuple(sorted(changed, key=lambda s: (-s.strength, s.column)))


def offset_factor(values: Floats) -> float:
    """The factor by which a z² of means is to be divided; 1 where the rows look independent."""
    statistic, freedom = _replay_mean(values)
    return statistic / freedom if _clear(statistic, freedom) else 1.0


def _divide(shape: Structure, statistic: float, freedom: float, looks: int) -> Structure:
    left = shape.statistic / max(statistic / max(freedom, 1.0), 1.0)
    return replace(shape, statistic=left, p_value=min(1.0, float(chdtrc(shape.freedom, left)) * looks))


def _clear(statistic: float, freedom: float) -> bool:
    return freedom >= 1 and float(chdtrc(freedom, statistic)) < _DEPENDENT


def _replay_column(column: Column, values: Floats, rows: Mask) -> tuple[float, float]:
    """z² summed over the cells and the stretches, each stretch's own mean taken out, and its
    degrees of freedom.
    """
    chosen = np.flatnonzero(rows)
    cells = replace(column.cells, current=column.cells.reference)
    statistic, freedom = 0.0, 0
    for inside in stretches(len(chosen), _STRETCHES):
        masks = []
        for part in (~inside, inside):
            mask = np.zeros(len(rows), dtype=bool)
            mask[chosen[part]] = True
            masks.append(mask)
        parts = (values[~inside] - values[~inside].mean(), values[inside] - values[inside].mean())
        z = cell_z(cells, row_values(parts), (masks[0], masks[1]))
        z = z[np.isfinite(z)]
        statistic, freedom = statistic + float((z**2).sum()), freedom + max(len(z) - 1, 0)
    return statistic * _SHARED, freedom * _SHARED


def _replay_mean(values: Floats) -> tuple[float, float]:
    squares = [difference_z(values[~inside], values[inside]) ** 2 for inside in stretches(len(values), _STRETCHES)]
    return sum(squares) * _SHARED, _STRETCHES * _SHARED


def stretch_pairs(both: Pair, rows: LabelledRows) -> Iterator[tuple[Pair, LabelledRows]]:
    """Each stretch in the place of the current window, the rest in the place of the reference."""
    for inside in stretches(both.rows[0]):
        known = inside[rows.masks[0]]
        yield _turn_pair(both, inside), _turn_rows(rows, inside, known)


def _turn_pair(both: Pair, inside: Mask) -> Pair:
    split = tuple(None if part is None else (part[0][~inside], part[0][inside]) for part in (both.target, both.prediction, both.time))
    columns = tuple(replace(c, reference=c.reference[~inside], current=c.reference[inside]) for c in both.columns)
    counts = (int((~inside).sum()), int(inside.sum()))
    return replace(both, columns=columns, rows=counts, target=split[0], prediction=split[1], time=split[2], version=None)


def _turn_rows(rows: LabelledRows, inside: Mask, known: Mask) -> LabelledRows:
    def split(part: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        return part[0][~known], part[0][known]

    masks = (rows.masks[0][~inside], rows.masks[0][inside])
    residual, loss = split(rows.residual), split(rows.loss)
    return LabelledRows(rows.task, masks, split(rows.prediction), split(rows.target), residual, loss, rows.imagined)

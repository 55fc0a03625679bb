"""Residuals of both windows: where the current window's differ from the reference's, and by how
much.

A residual is y - p (binary) or y - prediction. A model that was miscalibrated in the reference is
compared with its own reference residuals, cell by cell, not with zero. Per column, z² over the
cells sums to a chi-square under no change (Hosmer and Lemeshow 1980 use the same cells for one
window); p-values are multiplied by the number of columns.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import chdtrc, ndtr

from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.arrays import Floats, Integers, Mask
from modelmedic.steps.core.tables.pairing import Cells, Column, Pair
from modelmedic.steps.core.tables.row_loss import row_loss

_LEAST_CELL = 20  # labelled rows in both windows before a cell counts


@dataclass(frozen=True)
class LabelledRows:
    """Rows with label and prediction: residual and loss in both windows. Masks select those rows of
    the pair.

    The residual is y less what the reference lets expect of such inputs: the prediction, less the
    error that the model usually makes there. `imagined`: there was no prediction, and the
    reference's memory of the labels stands for it.
    """

    task: Task
    masks: tuple[Mask, Mask]
    prediction: tuple[Floats, Floats]
    target: tuple[Floats, Floats]
    residual: tuple[Floats, Floats]
    loss: tuple[Floats, Floats]
    imagined: bool = False

    @property
    def expected(self) -> tuple[Floats, Floats]:
        """The expectation by the reference, y less the residual; a probability strictly between 0
        and 1 (binary).
        """
        first, second = (y - r for y, r in zip(self.target, self.residual, strict=True))
        if self.task is Task.BINARY:
            return np.clip(first, 0.002, 0.998), np.clip(second, 0.002, 0.998)
        return first, second

    def within(self, chosen: tuple[Mask, Mask]) -> "LabelledRows":
        """The cut with the chosen rows alone; the masks select among the labelled rows of each
        window.
        """
        reference, current = chosen
        return LabelledRows(
            self.task,
            (_narrow(self.masks[0], reference), _narrow(self.masks[1], current)),
            (self.prediction[0][reference], self.prediction[1][current]),
            (self.target[0][reference], self.target[1][current]),
            (self.residual[0][reference], self.residual[1][current]),
            (self.loss[0][reference], self.loss[1][current]),
            self.imagined,
        )

    @property
    def loss_increase(self) -> float:
        return float(self.loss[1].mean() - self.loss[0].mean())

    @property
    def loss_z(self) -> float:
        return difference_z(self.loss[0], self.loss[1])

    @property
    def harmed(self) -> bool:
        """The loss rose by more than noise and by more than 3 % of itself."""
        return self.loss_z > 3 and self.loss_increase > 0.03 * float(self.loss[0].mean())


@dataclass(frozen=True)
class RowValues:
    """One value per row of a window; the moments that every column's cells need are computed
    once.
    """

    values: Floats

    @cached_property
    def squares(self) -> Floats:
        return np.asarray(self.values**2)

    @cached_property
    def variance(self) -> float:
        return float(self.values.var())


@dataclass(frozen=True)
class Structure:
    """The strength with which one column's cells disagree about the change of the residual."""

    column: str
    statistic: float
    freedom: int
    p_value: float  # adjusted over the columns

    @property
    def strength(self) -> float:
        """Standardised: 0 expected under no change, with standard deviation 1."""
        return (self.statistic - self.freedom) / float(np.sqrt(2 * max(self.freedom, 1)))


def labelled_rows(pair: Pair) -> LabelledRows | None:
    """The rows with both label and prediction; None when either window has fewer than 50 of
    them.
    """
    if pair.target is None or pair.prediction is None or pair.task is None:
        return None
    masks = tuple(np.isfinite(y) & np.isfinite(p) for y, p in zip(pair.target, pair.prediction, strict=True))
    if min(mask.sum() for mask in masks) < 50:
        return None
    y = tuple(v[m] for v, m in zip(pair.target, masks, strict=True))
    p = tuple(v[m] for v, m in zip(pair.prediction, masks, strict=True))
    losses = tuple(row_loss(pair.task, a, b) for a, b in zip(y, p, strict=True))
    return LabelledRows(pair.task, (masks[0], masks[1]), (p[0], p[1]), (y[0], y[1]), (y[0] - p[0], y[1] - p[1]), (losses[0], losses[1]))


def _narrow(mask: Mask, chosen: Mask) -> Mask:
    full = mask.copy()
    full[np.flatnonzero(mask)] = chosen
    return full


def difference_z(reference: Floats, current: Floats) -> float:
    """Welch's z of mean(current) - mean(reference)."""
    if min(len(reference), len(current)) < 2:
        return 0.0
    error = np.sqrt(reference.var(ddof=1) / len(reference) + current.var(ddof=1) / len(current))
    return float((current.mean() - reference.mean()) / error) if error > 0 else 0.0


def one_sided(z: float) -> float:
    return float(ndtr(-z))


def structure(
    columns: tuple[Column, ...], values: tuple[Floats, Floats], masks: tuple[Mask, Mask], *, centred: bool
) -> tuple[Structure, ...]:
    """The structure of every column, strongest first; `centred` removes each window's mean, so that
    only the shape over the cells counts.
    """
    if centred:
        values = (values[0] - values[0].mean(), values[1] - values[1].mean())
    samples = row_values(values)
    found = []
    for column in columns:
        z = cell_z(column.cells, samples, masks)
        z = z[np.isfinite(z)]
        freedom = max(len(z) - int(centred), 1)
        statistic = float((z**2).sum())
        p_value = min(1.0, float(chdtrc(freedom, statistic)) * len(columns)) if len(z) > int(centred) else 1.0
        found.append(Structure(column.name, statistic, freedom, p_value))
    return tuple(sorted(found, key=lambda s: (-s.strength, s.column)))


def cell_z(cells: Cells, values: tuple[RowValues, RowValues], masks: tuple[Mask, Mask]) -> Floats:
    """z of the change of the mean in every cell; NaN where a window has too few rows."""
    which = tuple(masked_cells(w, mask) for w, mask in zip((cells.reference, cells.current), masks, strict=True))
    sizes = tuple(np.bincount(w, minlength=len(cells.names)) for w in which)
    change, error = cell_moments((sizes[0], sizes[1]), (which[0], which[1]), values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(change / np.sqrt(error))


def row_values(values: tuple[Floats, Floats]) -> tuple[RowValues, RowValues]:
    return RowValues(values[0]), RowValues(values[1])


def masked_cells(cells: Integers, mask: Mask) -> Integers:
    """The cells of the masked rows; nothing is copied where all rows are masked."""
    return cells if mask.all() else cells[mask]


def cell_moments(
    sizes: tuple[Integers, Integers], which: tuple[Integers, Integers], samples: tuple[RowValues, RowValues]
) -> tuple[Floats, Floats]:
    """Change of the mean in every cell and its squared standard error; NaN where a window has too
    few rows.

    `which`: the cell of every row; `sizes`: the rows of every cell.
    """
    means, errors = [], []
    for size, cell, sample in zip(sizes, which, samples, strict=True):
        held = np.maximum(size, 1)
        mean = np.bincount(cell, sample.values, minlength=len(size)) / held
        variance = np.maximum(np.bincount(cell, sample.squares, minlength=len(size)) / held - mean**2, 0)
        # a cell's own variance is noisy when the cell is small: it is drawn towards the window's
        variance = (variance * size + sample.variance * 10) / (size + 10)
        errors.append(variance / held)
        means.append(mean)
    return _change(sizes, means), errors[0] + errors[1]


def cell_change(sizes: tuple[Integers, Integers], which: tuple[Integers, Integers], samples: tuple[RowValues, RowValues]) -> Floats:
    """The change of `cell_moments` without its error, for half of the work."""
    parts = zip(sizes, which, samples, strict=True)
    return _change(sizes, [np.bincount(cell, s.values, minlength=len(size)) / np.maximum(size, 1) for size, cell, s in parts])


def _change(sizes: tuple[Integers, Integers], means: list[Floats]) -> Floats:
    change = means[1] - means[0]
    change[(sizes[0] < _LEAST_CELL) | (sizes[1] < _LEAST_CELL)] = np.nan
    return change


def promising_codes(columns: tuple[Column, ...], cut: Cells, rows: LabelledRows) -> Floats:
    """For every code of a cut, roughly the p-value that `structure` would give inside it, in one
    pass over all the codes.
    """
    count = len(cut.names)
    codes = (masked_cells(cut.reference, rows.masks[0]), masked_cells(cut.current, rows.masks[1]))
    centred, spread = [], []
    for code, residual in zip(codes, rows.residual, strict=True):
        held = np.maximum(np.bincount(code, minlength=count), 1)
        centred.append(residual - (np.bincount(code, residual, minlength=count) / held)[code])
        spread.append(np.bincount(code, centred[-1] ** 2, minlength=count) / held)
    least = np.ones(count)
    for column in columns:
        width = len(column.cells.names)
        change, error, fine = np.zeros(count * width), np.zeros(count * width), np.ones(count * width, dtype=bool)
        for window, cells in enumerate((column.cells.reference, column.cells.current)):
            joint = codes[window] * width + masked_cells(cells, rows.masks[window])
            size = np.bincount(joint, minlength=count * width)
            change += (2 * window - 1) * np.bincount(joint, centred[window], minlength=count * width) / np.maximum(size, 1)
            error += np.repeat(spread[window], width) / np.maximum(size, 1)
            fine &= size >= _LEAST_CELL
        squares = np.where(fine, change**2 / np.maximum(error, 1e-300), 0.0).reshape(count, width).sum(axis=1)
        freedom = np.maximum(fine.reshape(count, width).sum(axis=1) - 1, 1)
        least = np.minimum(least, chdtrc(freedom, squares) * len(columns))
    return least

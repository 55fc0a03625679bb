"""Importance weights from a cheap domain model: how much more often rows like a reference row occur
in the current window.

w(x) = P(current | x) / P(reference | x) * n / m (Bickel, Brückner and Scheffer 2009), from a forest
that was cross-fitted, so that no row is weighed by a forest that has seen it.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from modelmedic.steps.core.statistics.crossfit import remember, thin_mask
from modelmedic.steps.core.statistics.residuals import LabelledRows
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.pairing import Column, Pair

_SEED = 20090101
_LEAST_ROWS = 300
FEW_ROWS = 1500  # of either window: fewer are too few to thin
_MOST_ROWS = 20_000


def weights(columns: tuple[Column, ...], rows: tuple[Mask, Mask]) -> Floats | None:
    """The weights of the chosen reference rows; None where there are too few rows to learn from."""
    n, m = (int(mask.sum()) for mask in rows)
    if min(n, m) < _LEAST_ROWS or not columns:
        return None
    joined = tuple(_join_windows(c, rows) for c in columns)
    mixed = np.random.default_rng(_SEED).permutation(n + m)
    shuffled = tuple(dataclasses.replace(c, reference=c.reference[mixed]) for c in joined)
    label = (mixed >= n).astype(np.float64)
    memory = remember(shuffled, label, (np.ones(n + m, dtype=bool), np.zeros(1, dtype=bool)), rounds=40)
    if memory is None:
        return None
    chance = np.empty(n + m)
    chance[mixed] = np.clip(memory.reference, 0.01, 0.99)
    first = chance[:n]
    return np.asarray(first / (1 - first) * n / m)


def overlap(columns: tuple[Column, ...], rows: tuple[Mask, Mask]) -> float:
    """The share of the reference that is like the current window: the effective sample of the
    weights (Kong 1992), above 0 to 1.
    """
    weight = weights(columns, (thin_mask(rows[0], _MOST_ROWS), thin_mask(rows[1], _MOST_ROWS)))
    return float(weight.sum() ** 2 / (weight**2).sum() / len(weight)) if weight is not None else 1.0


def _join_windows(column: Column, rows: tuple[Mask, Mask]) -> Column:
    both = np.concatenate([column.reference[rows[0]], column.current[rows[1]]])
    return Column(column.name, column.numeric, both, both[:1], column.vocabulary)


def matched_reference(both: Pair, rows: LabelledRows) -> LabelledRows | None:
    """The rows with the reference thinned to the current window's mix of inputs (rejection
    sampling: the rows kept are independent). None where too few rows are alike.
    """
    weight = weights(both.columns, rows.masks)
    if weight is None:
        return None
    accept = weight / max(float(np.quantile(weight, 0.97)), 1e-9)
    keep: npt.NDArray[np.bool_] = np.random.default_rng(_SEED + 1).random(len(weight)) < accept
    if keep.sum() < _LEAST_ROWS:
        return None
    return rows.within((keep, np.ones(len(rows.target[1]), dtype=bool)))

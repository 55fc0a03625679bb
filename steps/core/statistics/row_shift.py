"""How far columns moved, for row-level windows: the same statistics as the verdict's, read from one
sort of each sample.
"""

import numpy as np
from scipy.special import kolmogorov

from modelmedic.steps.contracts.detection import ColumnShift, Thresholds
from modelmedic.steps.core.statistics import shift
from modelmedic.steps.core.tables.pairing import Column, Floats, Pair

_GRID = 4000  # points of the merged sample at which both distribution functions are read


def movements(pair: Pair, thresholds: Thresholds) -> tuple[ColumnShift, ...]:
    """One entry per feature (and the prediction), the largest effect over its threshold first."""
    return shift.shifts(pair, thresholds, measure)


def measure(column: Column) -> tuple[str, float, float]:
    """Statistic's name, effect and raw p-value of one column, nulls left out (they are data
    quality's matter).
    """
    if not column.numeric:
        return shift.measure(column)
    effect, p_value = _numbers(*column.ordered)
    return "wasserstein/std", effect, p_value


def _numbers(reference: Floats, current: Floats) -> tuple[float, float]:
    if len(reference) < 2 or len(current) < 2:
        return 0.0, 1.0
    merged = np.sort(np.concatenate([reference, current]), kind="stable")
    grid = np.unique(merged[np.linspace(0, len(merged) - 1, min(_GRID, len(merged))).astype(np.int64)])
    gap = np.abs(
        np.searchsorted(reference, grid, side="right") / len(reference) - np.searchsorted(current, grid, side="right") / len(current)
    )
    spread = float(reference.std()) or float(merged.std()) or 1.0
    effect = float(np.sum(gap[:-1] * np.diff(grid))) / spread
    size = np.sqrt(len(reference) * len(current) / (len(reference) + len(current)))
    return effect, float(kolmogorov(size * gap.max()))

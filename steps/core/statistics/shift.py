"""Shifts of columns between two windows of rows: an effect size that matters and a p-value that
holds over all columns.

A p-value alone fires on anything at a million rows and an effect size alone fires on noise at a
thousand, so a column has shifted only when both agree. Effect: first Wasserstein distance over the
reference's standard deviation for numbers, Jensen-Shannon distance (base 2, square root; Lin 1991)
for codes. p-values: two-sample Kolmogorov-Smirnov with Smirnov's asymptotic distribution,
chi-square of homogeneity; adjusted by Benjamini and Hochberg (1995). Numbers are read from one sort
of each sample.
"""

import numpy as np
from scipy.special import chdtrc, kolmogorov

from modelmedic.steps.contracts.detection import ColumnShift, Thresholds
from modelmedic.steps.core.tables.arrays import Floats, Integers
from modelmedic.steps.core.tables.pairing import Column, Pair
from modelmedic.steps.core.tables.probability import benjamini_hochberg

_GRID = 4000  # points of the merged sample at which both distribution functions are read


def measure(column: Column) -> tuple[str, float, float]:
    """Statistic's name, effect and raw p-value of one column. Nulls are left out; they belong to
    the quality checks.
    """
    if column.numeric:
        effect, p_value = _numbers(*column.ordered)
        return "wasserstein/std", effect, p_value
    effect, p_value = _codes(*column.counts)
    return "jensen_shannon", effect, p_value


def shifts(pair: Pair, thresholds: Thresholds) -> tuple[ColumnShift, ...]:
    """The shift of every feature (and the prediction), the largest effect over its threshold
    first.
    """
    columns = list(pair.columns)
    if pair.prediction is not None:
        columns.append(Column("prediction", True, *pair.prediction))
    measured = [measure(column) for column in columns]
    adjusted = benjamini_hochberg(np.array([p for _, _, p in measured], dtype=np.float64))
    found = []
    for column, (statistic, effect, _), p_value in zip(columns, measured, adjusted, strict=True):
        threshold = thresholds.effect.get(column.name, thresholds.default_effect)
        shifted = bool(p_value < thresholds.alpha and effect >= threshold)
        found.append(ColumnShift(column.name, statistic, effect, float(p_value), threshold, shifted))
    return tuple(sorted(found, key=lambda s: (-s.shifted, -s.effect / s.threshold, s.column)))


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


def _codes(before: Integers, after: Integers) -> tuple[float, float]:
    counts = np.array([before, after], dtype=np.float64)
    totals = counts.sum(axis=1)
    if len(before) < 2 or (totals < 2).any():
        return 0.0, 1.0
    counts = _pool_rare(counts)
    p, q = counts[0] / totals[0], counts[1] / totals[1]
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = 0.5 * np.nansum(p * np.log2(p / middle)) + 0.5 * np.nansum(q * np.log2(q / middle))
        expected = counts.sum(axis=0) * (totals / totals.sum())[:, None]
        statistic = np.nansum((counts - expected) ** 2 / expected)
    return float(np.sqrt(max(divergence, 0.0))), float(chdtrc(max(counts.shape[1] - 1, 1), statistic))


def _pool_rare(counts: Floats) -> Floats:
    """Codes that are rare in both windows together share one cell, so that chi-square's
    approximation holds.
    """
    rare = counts.sum(axis=0) < 10
    if rare.sum() < 2:
        return counts
    return np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])

"""Shifts of columns between two profiles: an effect size that matters and a p-value that holds over
all columns.

A p-value alone fires on anything at a million rows and an effect size alone fires on noise at a
thousand, so a column has shifted only when both agree. Effect: first Wasserstein distance over the
reference's standard deviation for numbers, Jensen-Shannon distance (base 2, square root; Lin 1991)
for codes. p-values: for numbers twice the smaller one of Kolmogorov-Smirnov's (any shape; binned
counts can only make it larger) and of the rank sum's with its correction for ties (Mann and Whitney
1947; more power for a plain shift); for codes chi-square of homogeneity with cells pooled until
each expects five (Cochran 1954). All are adjusted by Benjamini and Hochberg (1995).

Rows that follow one another are alike, so that each of these statistics varies `design` times as
much as it would with independent rows (the design effect, Kish 1965); each is divided by it (Rao
and Scott 1981 do so for chi-square).
"""

from dataclasses import dataclass

import numpy as np

from modelmedic.steps.contracts.detection import ColumnShift, Thresholds
from modelmedic.steps.core.profiles.layout import NumberAxis
from modelmedic.steps.core.profiles.profile import Codes, Numbers, Profile
from modelmedic.steps.core.tables.arrays import Floats, distinct
from modelmedic.steps.core.tables.probability import benjamini_hochberg, chi_square_tail, kolmogorov_tail, normal_tail

LEAST_KNOWN = 30  # values that are not null in both windows
LEAST_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class ShiftMeasure:
    """The shift of one column; `p_value` is not adjusted over the columns."""

    statistic: str
    effect: float
    p_value: float


def profile_shifts(reference: Profile, current: Profile, thresholds: Thresholds) -> tuple[ColumnShift, ...]:
    """The shift of every column that both windows have, the largest over its threshold first."""
    names = [name for name in reference.columns if name in current.columns and name not in current.retyped]
    measured = {name: measure_counts(reference.columns[name], current.columns[name], thresholds.design.get(name, 1.0)) for name in names}
    adjusted = benjamini_hochberg(np.array([m.p_value for m in measured.values()]))
    found = []
    for (name, one), p_value in zip(measured.items(), adjusted, strict=True):
        threshold = thresholds.effect.get(name, thresholds.default_effect)
        shifted = bool(p_value < thresholds.alpha and one.effect >= threshold)
        found.append(ColumnShift(name, one.statistic, one.effect, float(p_value), threshold, shifted))
    return tuple(sorted(found, key=lambda s: (-s.shifted, -s.effect / s.threshold, s.column)))


def measure_counts(reference: Numbers | Codes, current: Numbers | Codes, design: float = 1.0) -> ShiftMeasure:
    """The shift of one column. Nulls are left out; they belong to the quality checks."""
    if isinstance(reference, Numbers) and isinstance(current, Numbers):
        return _numbers(reference, current, max(design, 1.0))
    assert isinstance(reference, Codes)
    assert isinstance(current, Codes)
    return _codes(reference, current, max(design, 1.0))


def _numbers(reference: Numbers, current: Numbers, design: float) -> ShiftMeasure:
    places, before, after = side_by_side(reference, current)
    n, m = float(before.sum()), float(after.sum())
    if min(n, m) < LEAST_KNOWN:
        return ShiftMeasure("wasserstein/std", 0.0, 1.0)
    gap = float(np.abs(np.cumsum(before) / n - np.cumsum(after) / m).max(initial=0.0))
    kolmogorov = kolmogorov_tail(gap * np.sqrt(n * m / (n + m) / design))
    ranks = 2 * normal_tail(abs(_rank_sum_z(before, after)) / np.sqrt(design))
    return ShiftMeasure("wasserstein/std", number_effect(reference.axis, places, before, after), min(1.0, 2 * min(kolmogorov, ranks)))


def number_effect(axis: NumberAxis, places: Floats, before: Floats, after: Floats) -> float:
    """First Wasserstein distance over the standard deviation of `before`; `places` are the cells'
    centres, ascending, with counts of both.
    """
    span = axis.high - axis.low
    places = np.clip(places, axis.low - span, axis.high + span)  # one outlier owns neither distance nor spread
    n = float(before.sum())
    gap = np.abs(np.cumsum(before) / n - np.cumsum(after) / float(after.sum()))
    mean = float(places @ before) / n
    spread = float(np.sqrt(((places - mean) ** 2) @ before / n))
    distance = float(gap[:-1] @ np.diff(places))
    return distance / spread if spread > 0 else float(distance > 0) * float(gap.max(initial=0.0))


def _rank_sum_z(before: Floats, after: Floats) -> float:
    n, m = before.sum(), after.sum()
    ties = before + after
    total = n + m
    below = np.cumsum(before) - before
    surplus = float(after @ (below + 0.5 * before)) - n * m / 2
    variance = n * m / 12 * (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1)))
    return float(surplus / np.sqrt(variance)) if variance > 0 else 0.0


def _codes(reference: Codes, current: Codes, design: float) -> ShiftMeasure:
    name = "jensen_shannon"
    if reference.identifier or current.identifier:
        return ShiftMeasure(name, 0.0, 1.0)
    values = list({**reference.counts, **current.counts})
    counts = np.array([[c.get(v, 0) for v in values] for c in (reference.counts, current.counts)], dtype=np.float64)
    totals = counts.sum(axis=1)
    if len(values) < 2 or totals.min() < LEAST_KNOWN:
        return ShiftMeasure(name, 0.0, 1.0)
    pooled = _pool_rare(counts)
    expected = pooled.sum(axis=0) * (totals / totals.sum())[:, None]
    statistic = float(((pooled - expected) ** 2 / expected).sum()) / design
    return ShiftMeasure(name, code_effect(counts[0], counts[1]), chi_square_tail(pooled.shape[1] - 1, statistic))


def code_effect(before: Floats, after: Floats) -> float:
    """Jensen-Shannon distance of two rows of counts of the same values."""
    p, q = before / before.sum(), after / after.sum()
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = 0.5 * np.nansum(p * np.log2(p / middle)) + 0.5 * np.nansum(q * np.log2(q / middle))
    return float(np.sqrt(max(divergence, 0.0)))


def _pool_rare(counts: Floats) -> Floats:
    """Codes so rare that a window expects fewer than five of them share one cell, so that
    chi-square's approximation holds.
    """
    shares = counts.sum(axis=1) / counts.sum()
    rare = counts.sum(axis=0) * shares.min() < LEAST_EXPECTED
    if not rare.any():
        return counts
    if counts[:, rare].sum() * shares.min() < LEAST_EXPECTED and (~rare).any():  # too few together: they join the rarest other
        rare |= counts.sum(axis=0) == counts[:, ~rare].sum(axis=0).min()
    return np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])


def side_by_side(reference: Numbers, current: Numbers) -> tuple[Floats, Floats, Floats]:
    """The cells that hold values in either window, ascending: their centres and both counts."""
    (first, before), (second, after) = reference.points(), current.points()
    places, _ = distinct(np.concatenate([first, second]))
    counts = np.zeros((2, len(places)))
    np.add.at(counts[0], np.searchsorted(places, first), before)
    np.add.at(counts[1], np.searchsorted(places, second), after)
    return places, counts[0], counts[1]

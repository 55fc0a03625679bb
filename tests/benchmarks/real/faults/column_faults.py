"""Faults of single columns, as broken feeds, sensors and joins make them."""

from typing import Final

import numpy as np
import pandas as pd

from modelmedic.steps.contracts.words import Cause
from tests.benchmarks.real.faults.planting import Fault, Planting, Truth

DATA: Final = (Cause.DATA_QUALITY,)
_FACTORS: Final = (
    1000,
    0.001,
    100,
    0.01,
    60,
    1 / 60,
    3.6,
    1 / 3.6,
    2.54,
    1 / 2.54,
    0.3048,
    1 / 0.3048,
    1.609344,
    1 / 1.609344,
    0.4536,
    2.2046,
)
_AFFINE: Final = ((1.8, 32.0), (1 / 1.8, -32 / 1.8), (1.0, 273.15), (1.0, -273.15))  # °C to °F, back, to K, back


def nulls(p: Planting) -> Truth | None:
    column = p.any()
    if column is None:
        return None
    rows, segment = p.within(p.since(), but=column)
    share = p.log(0.02, 1.0)
    hit = p.some(rows, share)
    p.put(column, hit, np.nan if column in p.scene.source.policy.data.numeric else None)
    return Truth(DATA, (column,), segment, float(hit.mean()), f"{share:.0%} null")


def stuck(p: Planting) -> Truth | None:
    """The last value before a point of time stays for a span of time."""
    column = p.any()
    if column is None:
        return None
    rows, at = p.since(), p.at
    until = p.onset + (p.scene.end - p.onset) * p.rng.uniform(0.1, 1.0)
    hit = rows & (at < until)
    earlier = p.before(column, 1)
    place = int(np.argmax(rows)) + len(earlier) - len(rows) - 1
    if not hit.any() or place < 0 or pd.isna(earlier[place]):
        return None
    p.put(column, hit, earlier[place])
    return Truth(DATA, (column,), None, float(hit.mean()), f"stuck at {earlier[place]}")


def default(p: Planting) -> Truth | None:
    column = p.any()
    if column is None:
        return None
    rows, segment = p.within(p.since(), but=column)
    share = p.log(0.05, 1.0)
    hit = p.some(rows, share)
    value = _default(p, column)
    p.put(column, hit, value)
    return Truth(DATA, (column,), segment, float(hit.mean()), f"{share:.0%} are {value}")


def _default(p: Planting, column: str) -> object:
    known = p.scene.source.rows[column].iloc[p.scene.champion.apart]
    if column not in p.scene.source.policy.data.numeric:
        return ("unknown", known.mode().iloc[0])[int(p.rng.integers(2))]
    return (0.0, -1.0, -999.0, float(known.mean()))[int(p.rng.integers(4))]


def known_unit(p: Planting) -> Truth | None:
    """A conversion that people make."""
    choices = [(factor, 0.0) for factor in _FACTORS] + list(_AFFINE)
    return _converted(p, *choices[int(p.rng.integers(len(choices)))])


def free_factor(p: Planting) -> Truth | None:
    """Any factor from 1.05 to 30, or its inverse."""
    factor = p.log(1.05, 30.0)
    return _converted(p, factor if p.rng.random() < 0.5 else 1 / factor, 0.0)


def _converted(p: Planting, factor: float, plus: float) -> Truth | None:
    column = p.number()
    if column is None:
        return None
    rows, segment = p.within(p.since(), but=column)
    p.put(column, rows, p.frame[column].to_numpy()[rows] * factor + plus)
    return Truth(DATA, (column,), segment, abs(float(np.log10(factor))), f"x {factor:.4g} + {plus:.4g}")


def offset(p: Planting) -> Truth | None:
    column, size = p.number(), p.log(0.1, 3.0)
    if column is None:
        return None
    rows, segment = p.within(p.since(), but=column)
    sign = 1 if p.rng.random() < 0.5 else -1
    p.put(column, rows, p.frame[column].to_numpy()[rows] + sign * size * p.spread(column))
    return Truth(DATA, (column,), segment, size, f"{sign * size:+.2f} sd")


def creeping(p: Planting) -> Truth | None:
    """A sensor that goes off slowly, up to the size at the window's end."""
    column, size = p.number(decimals=True), p.log(0.2, 3.0)
    if column is None:
        return None
    rows = p.since()
    grown = (p.at - p.onset) / (p.scene.end - p.onset)
    sign = 1 if p.rng.random() < 0.5 else -1
    p.put(column, rows, (p.frame[column].to_numpy() + sign * size * p.spread(column) * grown)[rows])
    return Truth(DATA, (column,), None, size, f"up to {sign * size:+.2f} sd")


def noise(p: Planting) -> Truth | None:
    column, size = p.number(decimals=True), p.log(0.1, 3.0)
    if column is None:
        return None
    rows, segment = p.within(p.since(), but=column)
    p.put(column, rows, p.frame[column].to_numpy()[rows] + p.rng.normal(0, size * p.spread(column), int(rows.sum())))
    return Truth(DATA, (column,), segment, size, f"{size:.2f} sd")


def clipped(p: Planting) -> Truth | None:
    """Everything beyond a quantile of the reference stands at it."""
    column = p.number()
    if column is None:
        return None
    rows, share, top = p.since(), p.rng.uniform(0.02, 0.6), p.rng.random() < 0.5
    known = p.scene.source.rows[column].iloc[p.scene.champion.apart]
    bound = float(known.quantile(1 - share if top else share))
    values = p.frame[column].to_numpy()
    hit = rows & ((values > bound) if top else (values < bound))
    p.put(column, hit, bound)
    return Truth(DATA, (column,), None, float(hit.mean()), f"{'above' if top else 'below'} {bound:.4g}")


def negated(p: Planting) -> Truth | None:
    column = p.number()
    if column is None:
        return None
    rows, segment = p.within(p.since(), but=column)
    p.put(column, rows, -p.frame[column].to_numpy()[rows])
    return Truth(DATA, (column,), segment, float(rows.mean()))


def shuffled(p: Planting) -> Truth | None:
    column = p.any()
    if column is None:
        return None
    rows = p.since()
    p.put(column, rows, p.rng.permutation(p.frame[column].to_numpy()[rows]))
    return Truth(DATA, (column,), None, float(rows.mean()))


def swapped(p: Planting) -> Truth | None:
    """Two columns under each other's names: two numbers, or two codes."""
    column = p.any()
    data = p.scene.source.policy.data
    kind = data.numeric if column in data.numeric else data.categorical
    others = [c for c in kind if c != column]
    if column is None or not others:
        return None
    other, rows = others[int(p.rng.integers(len(others)))], p.since()
    mine, theirs = (p.frame[c].to_numpy()[rows] for c in (column, other))
    p.put(column, rows, theirs)
    p.put(other, rows, mine)
    return Truth(DATA, (column, other), None, float(rows.mean()), f"with {other}")


def mixed_unit(p: Planting) -> Truth | None:
    """One of several sources converts: a random share of the rows has another unit."""
    column, share = p.number(), p.rng.uniform(0.1, 0.6)
    if column is None:
        return None
    hit, factor = p.some(p.since(), share), float(p.rng.choice(_FACTORS))
    p.put(column, hit, p.frame[column].to_numpy()[hit] * factor)
    return Truth(DATA, (column,), None, abs(float(np.log10(factor))), f"x {factor:.4g} in {share:.0%}")


def spikes(p: Planting) -> Truth | None:
    """A few rows with absurd values, as a sensor that fails for moments gives them."""
    column, share, factor = p.number(), p.log(0.03, 0.2), p.log(10, 1e4)
    if column is None:
        return None
    hit = p.some(p.since(), share)
    p.put(column, hit, (np.abs(p.frame[column].to_numpy()[hit]) + p.spread(column)) * factor)
    return Truth(DATA, (column,), None, float(hit.mean()), f"x {factor:.3g} in {share:.0%}")


def within_days(p: Planting) -> Truth | None:
    """The values of each day under each other's rows: a join by the day alone."""
    column = p.any()
    if column is None:
        return None
    rows, values = p.since(), p.frame[column].to_numpy(copy=True)
    day = p.at // 86_400_000_000
    for one in np.unique(day[rows]):
        own = rows & (day == one)
        values[own] = p.rng.permutation(values[own])
    p.put(column, rows, values[rows])
    return Truth(DATA, (column,), None, float(rows.mean()))


def respelt(p: Planting) -> Truth | None:
    """All codes in another spelling: another case, or with a space."""
    column = p.code()
    if column is None:
        return None
    rows, ways = p.since(), (str.upper, str.lower, lambda code: f"{code} ", lambda code: f"{column}={code}")
    way = ways[int(p.rng.integers(len(ways)))]
    p.put(column, rows, [None if code is None else way(str(code)) for code in p.frame[column].to_numpy()[rows]])
    return Truth(DATA, (column,), None, float(rows.mean()))


def remapped(p: Planting) -> Truth | None:
    """The codes under each other's names."""
    column = p.code()
    if column is None:
        return None
    rows = p.since()
    codes = p.frame[column].value_counts(normalize=True)
    common = p.rng.permutation([code for code, share in codes.items() if share >= 0.02])
    if len(common) < 2:
        return None
    names = dict(zip(common, np.roll(common, 1), strict=True))
    p.put(column, rows, [names.get(code, code) for code in p.frame[column].to_numpy()[rows]])
    return Truth(DATA, (column,), None, float(rows.mean()))


def renamed(p: Planting) -> Truth | None:
    """A new code in the place of an old one, which is gone."""
    column = p.code()
    if column is None:
        return None
    codes = [code for code, share in p.frame[column].value_counts(normalize=True).items() if share >= 0.03]
    old = codes[int(p.rng.integers(len(codes)))]
    rows = p.since() & np.asarray(p.frame[column] == old)
    p.put(column, rows, f"{old}_2")
    return Truth(DATA, (column,), "any", float(rows.mean()), f"{old} to {old}_2")


def rounded(p: Planting) -> Truth | None:
    """Decimals lost: values on a grid of 0.05 to 2 standard deviations."""
    column = p.number(decimals=True)
    if column is None:
        return None
    spread = p.spread(column)
    grids = [g for g in 10.0 ** np.arange(-4, 5) if 0.05 <= g / spread <= 2]
    if not grids:
        return None
    grid, rows = grids[int(p.rng.integers(len(grids)))], p.since()
    p.put(column, rows, np.floor(p.frame[column].to_numpy()[rows] / grid) * grid)
    return Truth(DATA, (column,), None, grid / spread, f"to {grid:g}")


def clock(p: Planting) -> Truth | None:
    """A column of the calendar (hour, weekday, month) that is some steps off."""
    rows = p.scene.source.rows.iloc[:: max(len(p.scene.source.rows) // 5_000, 1)]
    moments = rows[p.scene.source.time].dt
    keys = {24: moments.hour, 7: moments.dayofweek, 12: moments.month}
    found = [(c, period) for c in p.scene.champion.features for period, key in keys.items() if _follows(rows[c], key, period)]
    if not found:
        return None
    column, period = found[int(p.rng.integers(len(found)))]
    hit, least, by = p.since(), float(rows[column].min()), int(p.rng.integers(1, period))
    p.put(column, hit, least + (p.frame[column].to_numpy()[hit] - least + by) % period)
    return Truth(DATA, (column,), None, float(min(by, period - by)), f"{by} of {period} on")


def _follows(values: pd.Series, key: pd.Series, period: int) -> bool:
    if values.dtype == object or values.nunique() < min(period, 7):
        return False
    usual = values.groupby(key.to_numpy()).transform(lambda v: v.value_counts().iloc[0] / len(v))
    return float(usual.mean()) > 0.55 and values.max() - values.min() < period


def late(p: Planting) -> Truth | None:
    """A column joined some rows off: each row has the value of an earlier one."""
    column, by = p.any(), round(p.log(1, 72))
    if column is None:
        return None
    rows, values = p.since(), p.before(column, by)
    if len(values) < len(rows) + by:
        return None
    p.put(column, rows, values[: len(rows)][rows])
    return Truth(DATA, (column,), None, float(by), f"{by} rows late")


def missing(p: Planting) -> Truth | None:
    column = p.any()
    if column is None:
        return None
    del p.frame[column]
    return Truth(DATA, (column,), None, 1.0)


def text(p: Planting) -> Truth | None:
    """A number that comes as text, with a comma for half of the cases."""
    column = p.number()
    if column is None:
        return None
    comma = p.rng.random() < 0.5
    each = [None if np.isnan(v) else f"{v:g}".replace(".", ",") if comma else f"{v:g} " for v in p.frame[column]]
    p.frame[column] = pd.Series(each, dtype=object)
    p.frame[column] = p.frame[column].where(p.frame[column].notna(), None)
    return Truth(DATA, (column,), None, 1.0)


COLUMN_FAULTS: Final = (
    Fault("nulls", "column", "share of rows", nulls),
    Fault("stuck", "column", "share of rows", stuck),
    Fault("default value", "column", "share of rows", default),
    Fault("known unit", "column", "decades", known_unit),
    Fault("free factor", "column", "decades", free_factor),
    Fault("mixed unit", "column", "decades", mixed_unit),
    Fault("spikes", "column", "share of rows", spikes),
    Fault("offset", "column", "sd", offset),
    Fault("creeping", "column", "sd", creeping),
    Fault("noise", "column", "sd", noise),
    Fault("clipped", "column", "share of rows", clipped),
    Fault("sign flipped", "column", "share of rows", negated),
    Fault("column shuffled", "column", "share of rows", shuffled),
    Fault("shuffled within days", "column", "share of rows", within_days),
    Fault("columns swapped", "column", "share of rows", swapped),
    Fault("codes remapped", "column", "share of rows", remapped),
    Fault("codes respelt", "column", "share of rows", respelt),
    Fault("code renamed", "column", "share of rows", renamed),
    Fault("decimals lost", "column", "sd", rounded),
    Fault("clock shifted", "column", "steps", clock),
    Fault("column late", "column", "rows", late),
    Fault("column missing", "column", "share of rows", missing),
    Fault("number as text", "column", "share of rows", text),
)

"""Rows counted by the hour on scales that a reference fixes: the input of sequential detection.

Numbers become normal scores by the reference's quantiles, so that one outlier owns no hour; beyond
the reference's range the score goes on in its standard deviations, so that another season is not
cut off. Codes become their rarity. Of a column that one value fills for the most part only the
share of other values is counted. Called by steps.detection.sequential.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import erf
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.profiles.values import aligned_floats, numbers, texts
from modelmedic.steps.core.statistics.clock import clock_phase, counts
from modelmedic.steps.core.tables.arrays import Floats, Integers, as_numpy, compute, quantiles
from modelmedic.steps.core.tables.moments import moments
from modelmedic.steps.core.tables.row_loss import row_loss

Values = npt.NDArray[Any]  # float64, or texts as objects

MICROS = 3_600_000_000  # of an hour
_POINTS = 257  # quantiles that a curve keeps
_FARTHEST = 8.0  # scores
_MOSTLY = 0.8  # of the rows: a column that one value fills so far has no level
_RARITY_UNIT = 1.5
_COMMON_SEGMENT, _MOST_SEGMENTS = 0.05, 6
_ENOUGH_ROWS = 512  # of an hour; more say the same


@dataclass(frozen=True, slots=True)
class Curve:
    """Values and their normal scores, both ascending; `unit` is one score beyond the last one."""

    places: tuple[float, ...]
    scores: tuple[float, ...]
    unit: float


@dataclass(frozen=True, slots=True)
class Scales:
    """The scales of one model's quantities, by column. `middle` is the reference's mean answer;
    `since` the hour since 1970 after its last row.
    """

    levels: Mapping[str, Curve] = field(default_factory=dict)
    rarities: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    usual: Mapping[str, str] = field(default_factory=dict)
    segments: tuple[tuple[str, str], ...] = ()
    answers: Mapping[str, Curve] = field(default_factory=dict)  # answer, loss, slope
    middle: float = 0.0
    rows: int = 0
    since: int = 0


@dataclass(frozen=True)
class Hours:
    """Sums of quantities by hour. `first` is the first hour since 1970; `totals` and `known` map a
    quantity to its sum and to the number of its values, shape (hours,) each, as `rows` has.
    """

    first: int
    rows: Floats
    totals: Mapping[str, Floats]
    known: Mapping[str, Floats]


def choose_scales(reference: pa.Table, roles: Roles) -> Scales:
    """The scales of a reference whose rows are in the order of their time."""
    hour = _hours(reference, roles)
    levels, rarities, usual = {}, {}, {}
    for name in (n for n in roles.features if n in reference.column_names):
        column = reference[name].combine_chunks()
        values = None if name in roles.categorical else _floats(column)
        held = _texts(column) if values is None else values[np.isfinite(values)]
        shares = _shares(held)
        most = max(shares, key=lambda value: shares[value], default="")
        if not shares or (values is not None and hour is not None and shares[most] <= _MOSTLY and _tells_the_time(values, hour)):
            continue
        if shares[most] > _MOSTLY:
            usual[name] = most
        elif values is None:
            rarities[name] = {value: -float(np.log(share)) for value, share in shares.items()}
        else:
            levels[name] = curve(held)
    truth, answers = (_aligned(reference, name) for name in (roles.target, roles.prediction))
    middle = float(np.nanmean(answers)) if answers is not None and np.isfinite(answers).any() else 0.0
    named = dict(_answered(truth, answers, roles.task, middle))
    curves = {name: curve(values[np.isfinite(values)]) for name, values in named.items() if np.isfinite(values).sum() > 1}
    return Scales(levels, rarities, usual, tuple(_segments(reference, roles)), curves, middle, reference.num_rows)


def curve(values: Floats) -> Curve:
    """The normal scores of values by their ranks; ties share the middle of theirs."""
    shares = np.linspace(0, 1, _POINTS)
    places = quantiles(values, shares)
    kept, where = np.unique(places, return_inverse=True)
    middle = np.array([shares[where == i].mean() for i in range(len(kept))])
    scores = _normal(np.clip(middle, 0.5 / len(values), 1 - 0.5 / len(values)))
    low, high = np.interp([0.1, 0.9], shares, places)
    unit = max(float(high - low) / 2.563, float(kept[-1] - kept[0]) / 12, 1e-12 * max(1.0, abs(float(kept[-1]))))
    return Curve(tuple(kept.tolist()), tuple(scores.tolist()), unit)


def score(values: Floats, by: Curve) -> Floats:
    """Normal scores, at most 8 from the middle; NaN stays."""
    places, scores = np.array(by.places), np.array(by.scores)
    found = np.interp(values, places, scores)
    with np.errstate(invalid="ignore"):
        beyond = np.maximum(values - places[-1], 0) - np.maximum(places[0] - values, 0)
        return np.asarray(np.where(np.isnan(values), np.nan, np.clip(found + beyond / by.unit, -_FARTHEST, _FARTHEST)))


def count_hours(rows: pa.RecordBatch | pa.Table, scales: Scales, roles: Roles) -> Hours | None:
    """The quantities of these rows by their hours; None without a row that has a time. Of an hour
    with very many rows some are taken, evenly spread.
    """
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
    table = _thinned(table, roles)
    hour = _hours(table, roles) if table.num_rows else None
    if hour is None or not (hour >= 0).any():
        return None
    first, last = int(hour[hour >= 0].min()), int(hour.max())
    place, length = np.where(hour >= 0, hour - first, last - first + 1), last - first + 1
    totals: dict[str, Floats] = {}
    known: dict[str, Floats] = {}

    def summed(where: Integers, values: Floats) -> Floats:
        return np.asarray(np.bincount(where, values, length + 1)[:length], dtype=np.float64)

    for name, values in _quantities(table, scales, roles):
        held = np.isfinite(values)
        totals[name] = summed(place[held], values[held])
        known[name] = summed(place[held], np.ones(int(held.sum())))
    return Hours(first, summed(place, np.ones(len(place))), totals, known)


def is_share(name: str) -> bool:
    """True of a quantity that counts rows, such as those with a null."""
    return name.startswith(("nulls:", "repeats:", "unusual:"))


def is_outcome(name: str) -> bool:
    """True of a quantity that needs the label."""
    return name.startswith(("loss", "slope"))


def _quantities(table: pa.Table, scales: Scales, roles: Roles) -> Iterator[tuple[str, Floats]]:
    for name in (n for n in roles.features if n in table.column_names):
        column = table[name].combine_chunks()
        values = None if name in roles.categorical else _floats(column)
        yield f"nulls:{name}", _nulls(column, values)
        if name not in scales.levels and name not in scales.rarities and name not in scales.usual:
            continue
        held = _texts(column) if values is None else values
        yield f"repeats:{name}", _repeats(held)
        if name in scales.usual:
            yield f"unusual:{name}", _unusual(held, scales.usual[name])
        elif values is None:
            yield f"level:{name}", _rarity(held, scales.rarities.get(name, {}), scales.rows)
        elif name in scales.levels:
            yield f"level:{name}", score(values, scales.levels[name])
    truth, answers = (_aligned(table, name) for name in (roles.target, roles.prediction))
    for name, values in _answered(truth, answers, roles.task, scales.middle):
        if name in scales.answers:
            scored = score(values, scales.answers[name])
            yield name, scored
            if name == "loss":
                yield from _by_segment(table, scales, scored)


def _by_segment(table: pa.Table, scales: Scales, losses: Floats) -> Iterator[tuple[str, Floats]]:
    for column, value in scales.segments:
        if column in table.column_names:
            yield f"loss:{column}={value}", np.where(_texts(table[column].combine_chunks()) == value, losses, np.nan)


def _answered(truth: Floats | None, answers: Floats | None, task: Task | None, middle: float) -> Iterator[tuple[str, Floats]]:
    if answers is None:
        return
    yield "answer", answers
    if truth is not None and task is not None:
        yield "loss", row_loss(task, truth, answers)
        yield "slope", (truth - answers) * (answers - middle)


def _segments(reference: pa.Table, roles: Roles) -> Iterator[tuple[str, str]]:
    for column in (c for c in roles.segments if c in reference.column_names):
        shares = _shares(_texts(reference[column].combine_chunks()))
        common = sorted((value for value, share in shares.items() if share >= _COMMON_SEGMENT), key=lambda value: -shares[value])
        yield from ((column, value) for value in common[:_MOST_SEGMENTS] if len(shares) > 1)


def _tells_the_time(values: Floats, hour: Integers) -> bool:
    """True of a column that the clock or the calendar gives, such as the hour, the weekday or the
    month, and of a counter: it moves by itself.
    """
    timed = hour >= 0
    return counts(values[timed]) or clock_phase(values[timed], np.asarray(hour[timed] * 3600.0, dtype=np.float64)) is not None


def _thinned(table: pa.Table, roles: Roles) -> pa.Table:
    hour = _hours(table, roles) if table.num_rows > _ENOUGH_ROWS else None
    if hour is None:
        return table
    step = table.num_rows // (_ENOUGH_ROWS * max(len(np.unique(hour)), 1))
    return table.take(pa.array(np.arange(0, table.num_rows, step))) if step > 1 else table


def _hours(table: pa.Table, roles: Roles) -> Integers | None:
    """Each row's hour since 1970, -1 where it has no time."""
    if not roles.time or roles.time not in table.column_names:
        return None
    times = moments(table[roles.time].combine_chunks())
    return np.asarray(as_numpy(compute().fill_null(compute().cast(times, pa.int64()), -MICROS)) // MICROS, dtype=np.int64)


def _floats(column: pa.Array) -> Floats | None:
    return None if numbers(column.slice(0, 0)) is None else aligned_floats(column)


def _aligned(table: pa.Table, name: str | None) -> Floats | None:
    return aligned_floats(table[name].combine_chunks()) if name and name in table.column_names else None


def _texts(column: pa.Array) -> Values:
    """The values as texts, None for null, shape (n,)."""
    encoded = column if pa.types.is_dictionary(column.type) else compute().dictionary_encode(column)
    words = np.array([*texts(encoded.dictionary), None], dtype=object)
    return np.asarray(words[as_numpy(compute().fill_null(compute().cast(encoded.indices, pa.int64()), len(words) - 1))])


def _shares(values: Values) -> dict[str, float]:
    held = np.array([str(value) for value in values if value is not None], dtype=object)
    found, counts = np.unique(held.astype(str), return_counts=True) if len(held) else (np.empty(0), np.empty(0))
    return {str(value): float(count / len(held)) for value, count in zip(found, counts, strict=True)}


def _nulls(column: pa.Array, values: Floats | None) -> Floats:
    missing = np.isnan(values) if values is not None else as_numpy(compute().cast(compute().is_null(column), pa.uint8()))
    return np.asarray(missing, dtype=np.float64)


def _repeats(values: Values) -> Floats:
    """1 where a value is that of the row before, NaN for the first row and for a null."""
    found = np.full(len(values), np.nan)
    found[1:] = values[1:] == values[:-1]
    found[_missing(values)] = np.nan
    return found


def _unusual(values: Values, usual: str) -> Floats:
    found = np.array(values != (usual if values.dtype == object else float(usual)), dtype=np.float64)
    found[_missing(values)] = np.nan
    return found


def _missing(values: Values) -> npt.NDArray[np.bool_]:
    return np.array([value is None for value in values], dtype=bool) if values.dtype == object else np.isnan(values)


def _rarity(codes: Values, known: Mapping[str, float], rows: int) -> Floats:
    new = float(np.log(2 * max(rows, 1)))
    found = np.array([np.nan if code is None else known.get(code, new) for code in codes], dtype=np.float64)
    return np.asarray(np.minimum(found, _FARTHEST) / _RARITY_UNIT)


def _normal(shares: Floats) -> Floats:
    """Quantiles of a standard normal, from a table of the error function."""
    grid = np.linspace(-4.2, 4.2, 1681)
    return np.asarray(np.interp(shares, [0.5 * (1 + erf(z / 2**0.5)) for z in grid], grid))

"""Faults of rows: each is a function of a table, a place and a seed, and answers the table with the
fault in it. The faults of everything else (a release, a crash, a store) are acts of the drill.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.moments import microseconds

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FACTOR: Final = 100.0  # cents for dollars, centimetres for metres
_HALF: Final = 0.5  # of the rows lose a value, in the fault `nulls`
_DAY: Final = 86_400_000_000  # µs


@dataclass(frozen=True)
class Ground:
    """The rows that a fault is planted in, by time; the rows from place `first` on are its own.
    `column` None: the number that goes most with the label.
    """

    policy: Policy
    rows: pa.Table
    first: int
    seed: int = 0
    column: str | None = None

    @property
    def since(self) -> Mask:
        """Truth values, shape (n,): True from place `first` on."""
        return np.arange(self.rows.num_rows) >= self.first

    def values(self, name: str) -> Floats:
        """A number's values, shape (n,); NaN where there is none."""
        return np.asarray(self.rows[name].to_numpy(zero_copy_only=False), dtype=np.float64)

    def number(self) -> str:
        """The number that is broken. Raises BadInput when the policy has none, or names a code."""
        if self.column is None:
            return strongest(self)
        if self.column not in self.policy.data.numeric:
            raise BadInput(f"column {self.column!r} is no number of the policy; expected one of {', '.join(self.policy.data.numeric)}")
        return self.column

    def any(self) -> str:
        """The feature that is broken. Raises BadInput for a column that is no feature."""
        if self.column is not None and self.column not in self.policy.features:
            raise BadInput(f"column {self.column!r} is no feature of the policy; expected one of {', '.join(self.policy.features)}")
        return self.column or strongest(self)


@dataclass(frozen=True)
class Planted:
    """The rows with a fault in them; `broken` is True for those that it changed, shape (n,)."""

    rows: pa.Table
    broken: Mask
    sentence: str


def strongest(on: Ground) -> str:
    """The number whose correlation with the label is largest before the fault (Pearson). Raises
    BadInput for a policy without a number that varies.
    """
    label = on.values(on.policy.data.target)[: on.first]
    found = {name: _correlation(on.values(name)[: on.first], label) for name in on.policy.data.numeric}
    known = {name: size for name, size in found.items() if np.isfinite(size)}
    if not known:
        raise BadInput(f"no number of {on.policy.name} varies before the fault; name a column, such as nulls:COLUMN")
    return max(known, key=lambda name: known[name])


def units(on: Ground) -> Planted:
    """A number in another unit."""
    name = on.number()
    return _put(on, name, on.since, on.values(name) * FACTOR, f"{name} is {FACTOR:g} times as large, as in another unit")


def nulls(on: Ground) -> Planted:
    """Half of a column's values are gone, drawn by the seed."""
    name = on.any()
    hit = on.since & (np.random.default_rng(on.seed).random(on.rows.num_rows) < _HALF)
    column = on.rows[name]
    lost = pa.array([None if gone else value for gone, value in zip(hit, column.to_pylist(), strict=True)], column.type)
    return Planted(_with(on.rows, name, lost), hit, f"half of {name} is null")


def stuck(on: Ground) -> Planted:
    """The last value before the fault stays."""
    name = on.any()
    places = np.where(on.since, max(on.first - 1, 0), np.arange(on.rows.num_rows))
    kept = on.rows[name][max(on.first - 1, 0)].as_py()
    return Planted(_with(on.rows, name, on.rows[name].take(pa.array(places))), on.since, f"{name} stays at {kept}")


def stale(on: Ground) -> Planted:
    """The features of the last day before the fault are delivered again and again; with a column,
    that one alone.
    """
    times = microseconds(on.rows[on.policy.data.time])
    begin = min(int(np.searchsorted(times, times[on.first] - _DAY)), on.first - 1)
    later = np.arange(on.rows.num_rows) - on.first
    places = pa.array(np.where(on.since, begin + later % (on.first - begin), np.arange(on.rows.num_rows)))
    rows, names = on.rows, (on.any(),) if on.column is not None else on.policy.features
    for name in names:
        rows = _with(rows, name, rows[name].take(places))
    what = names[0] if len(names) == 1 else "every feature"
    return Planted(rows, on.since, f"{what} repeats the last day before, as of a table that is not refreshed")


def flip(on: Ground) -> Planted:
    """Wrong labels: of two classes the other one; numbers in another unit."""
    name = on.policy.data.target
    labels = on.values(name)
    if on.policy.data.task is Task.BINARY:
        return _put(on, name, on.since, 1 - labels, f"each {name} is the other class")
    return _put(on, name, on.since, labels * FACTOR, f"each {name} is {FACTOR:g} times as large, as in another unit")


def concept(on: Ground) -> Planted:
    """A new law between features and label, and no row is broken: the effect of one number is
    turned round. A class changes where the number is above its median; a number loses twice its
    least-squares slope, and stays a value that labels had before.
    """
    name, target = on.number(), on.policy.data.target
    x, labels = on.values(name), on.values(target)
    if on.policy.data.task is Task.BINARY:
        turned = np.where(x > np.nanmedian(x[: on.first]), 1 - labels, labels)
    else:
        moved = labels - 2 * _slope(x[: on.first], labels[: on.first]) * (x - np.nanmean(x[: on.first]))
        turned = _nearest(moved, labels[: on.first])
    planted = _put(on, target, on.since & np.isfinite(x), turned, f"the effect of {name} on {target} is turned round")
    return Planted(planted.rows, np.zeros(on.rows.num_rows, dtype=bool), planted.sentence)


def as_it_is(on: Ground) -> Planted:
    """The rows as they are."""
    return Planted(on.rows, np.zeros(on.rows.num_rows, dtype=bool), "nothing is planted")


def no_traffic(on: Ground) -> Planted:
    """No row comes any more."""
    return Planted(on.rows.slice(0, on.first), np.zeros(on.first, dtype=bool), "nobody asks the model any more")


ROW_FAULTS: Final[Mapping[str, Callable[[Ground], Planted]]] = {
    "units": units,
    "nulls": nulls,
    "stuck": stuck,
    "stale": stale,
    "flip": flip,
    "concept": concept,
    "no-traffic": no_traffic,
}


def _put(on: Ground, name: str, where: Mask, values: Floats, sentence: str) -> Planted:
    before = on.values(name)
    hit = where & np.isfinite(before) & (values != before)
    column = pa.array(np.where(hit, values, before), pa.float64(), from_pandas=True)
    return Planted(_with(on.rows, name, column), hit, sentence)


def _with(rows: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), rows.schema.field(name), column)


def _nearest(values: Floats, known: Floats) -> Floats:
    """For each value the nearest of the known ones: values that labels never had are broken
    labels.
    """
    steps = np.unique(known[np.isfinite(known)])
    return np.asarray(steps[np.searchsorted((steps[1:] + steps[:-1]) / 2, values)])


def _slope(x: Floats, y: Floats) -> float:
    known = np.isfinite(x) & np.isfinite(y)
    return float(np.cov(x[known], y[known])[0, 1] / np.var(x[known], ddof=1))


def _correlation(x: Floats, y: Floats) -> float:
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 3 or np.ptp(x[known]) == 0 or np.ptp(y[known]) == 0:
        return float("nan")
    return abs(float(np.corrcoef(x[known], y[known])[0, 1]))

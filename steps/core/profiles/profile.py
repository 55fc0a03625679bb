"""The profile of a window: whole numbers that merge by addition, bit-exact in any order, however
many rows there were.

Numbers outside of their axis are counted by the leading 18 bits of their binary form: sign,
exponent and six bits of the mantissa, so 1.6 % apart; that needs no bounds and has a place for
infinity. NaN counts as null.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field, replace

import numpy as np
import numpy.typing as npt

from modelmedic.steps.core.profiles.layout import Layout, NumberAxis
from modelmedic.steps.core.tables.arrays import Floats

Counts = npt.NDArray[np.int64]
TAIL_SHIFT = 46
MOST_CODES = 5000  # a column with more values counts as an identifier, not as a feature
PRINTS = 2048  # rows with the smallest hashes, kept to tell how many rows repeat another


@dataclass(frozen=True, slots=True)
class Numbers:
    """The counts of a number: `tails` by leading bits outside of the axis, `repeated` of single
    values that filled a fifth of a batch.
    """

    axis: NumberAxis
    counts: Counts
    tails: Mapping[int, int] = field(default_factory=dict)
    nulls: int = 0
    repeated: Mapping[float, int] = field(default_factory=dict)

    @property
    def known(self) -> int:
        """Values that are not null."""
        return int(self.counts.sum()) + sum(self.tails.values())

    @property
    def infinite(self) -> int:
        return sum(count for key, count in self.tails.items() if not np.isfinite(tail_value(key)))

    def points(self) -> tuple[Floats, Counts]:
        """The centre and the count of every cell that holds finite values, ascending."""
        keys = np.array([k for k in self.tails if np.isfinite(tail_value(k))], dtype=np.int64)
        held = np.array([self.tails[int(k)] for k in keys], dtype=np.int64)
        filled = np.flatnonzero(self.counts)
        places = np.concatenate([self.axis.centres[filled], tail_centres(keys)])
        order = np.argsort(places, kind="stable")
        return places[order], np.concatenate([self.counts[filled], held])[order]


@dataclass(frozen=True, slots=True)
class Codes:
    """Rows by value; `identifier` without counts once there were more than MOST_CODES values."""

    counts: Mapping[str, int] = field(default_factory=dict)
    nulls: int = 0
    known: int = 0
    identifier: bool = False


@dataclass(frozen=True, slots=True)
class Losses:
    """Sums over the rows with label and prediction, in units of `layout.loss_unit` / 2^20 (squares:
    / 2^16).
    """

    rows: int = 0
    total: int = 0
    squares: int = 0

    def mean(self, unit: float) -> float:
        return self.total / max(self.rows, 1) / 2**20 * unit

    def variance(self, unit: float) -> float:
        mean = self.total / max(self.rows, 1) / 2**20
        return max(self.squares / max(self.rows, 1) / 2**16 - mean**2, 0.0) * unit**2


@dataclass(frozen=True, slots=True)
class Fit:
    """Sums over the rows with label and prediction, both as shares of the prediction's axis: plain
    / 2^20, squares and products / 2^16.
    """

    answers: int = 0
    labels: int = 0
    squares: int = 0
    label_squares: int = 0
    products: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """The counts of one window, from which detection judges it. `absent` columns had no value in
    it; `retyped` columns held values that do not fit the layout.
    """

    layout: Layout
    rows: int = 0
    columns: Mapping[str, Numbers | Codes] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    retyped: frozenset[str] = frozenset()
    hours: Mapping[int, int] = field(default_factory=dict)  # rows by hours since 1970
    span: tuple[int, int] | None = None  # first and last time, microseconds since 1970
    losses: Losses = Losses()
    fit: Fit = Fit()
    labels: int = 0  # rows that have a label
    prints: Mapping[int, int] = field(default_factory=dict)
    segments: tuple["Profile", ...] = ()  # of the layout's segments, in their order

    def beside(self, other: "Profile") -> "Profile":
        """Both profiles as one, of the same rows and other columns."""
        return replace(
            self,
            columns={**self.columns, **other.columns},
            absent=self.absent | other.absent,
            retyped=self.retyped | other.retyped,
            hours=self.hours or other.hours,
            span=self.span or other.span,
            losses=self.losses if self.losses.rows else other.losses,
            fit=self.fit if self.losses.rows else other.fit,
            labels=max(self.labels, other.labels),
            prints=self.prints or other.prints,
            segments=tuple(mine.beside(its) for mine, its in zip(self.segments, other.segments, strict=True)),
        )


def merge(first: Profile, second: Profile) -> Profile:
    """The profile of both windows' rows, by one layout. A column that one of them lacks is null in
    its rows.
    """
    names = {**first.columns, **second.columns}
    columns = {name: _merge_columns(_column_of(first, name, names), _column_of(second, name, names)) for name in names}
    spans = [profile.span for profile in (first, second) if profile.span]
    return Profile(
        layout=first.layout,
        rows=first.rows + second.rows,
        columns=columns,
        absent=(first.absent | second.absent) - set(columns),
        retyped=first.retyped | second.retyped,
        hours=add_counts(first.hours, second.hours),
        span=(min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None,
        losses=Losses(*(a + b for a, b in zip(astuple(first.losses), astuple(second.losses), strict=True))),
        fit=Fit(*(a + b for a, b in zip(astuple(first.fit), astuple(second.fit), strict=True))),
        labels=first.labels + second.labels,
        prints=least_prints([first.prints, second.prints]),
        segments=tuple(merge(a, b) for a, b in zip(first.segments, second.segments, strict=True)),
    )


def add_counts(first: Mapping[int, int], second: Mapping[int, int]) -> dict[int, int]:
    return {key: first.get(key, 0) + second.get(key, 0) for key in sorted({*first, *second})}


def least_prints(parts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """The PRINTS smallest row hashes with the count of each, exact in whatever order the parts
    come.
    """
    total: dict[int, int] = {}
    for part in parts:
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return {key: total[key] for key in sorted(total)[:PRINTS]}


def tail_value(key: int) -> float:
    """The number of least magnitude that has these leading bits."""
    return float(np.array([key << TAIL_SHIFT], dtype=np.int64).view(np.float64)[0])


def tail_centres(keys: Counts) -> Floats:
    return np.asarray(((keys << TAIL_SHIFT) + (1 << (TAIL_SHIFT - 1))).view(np.float64))


def _column_of(profile: Profile, name: str, names: Mapping[str, Numbers | Codes]) -> Numbers | Codes:
    if name in profile.columns:
        return profile.columns[name]
    other = names[name]
    if isinstance(other, Numbers):
        return Numbers(other.axis, np.zeros(other.axis.bins, dtype=np.int64), nulls=profile.rows)
    return Codes(nulls=profile.rows)


def _merge_columns(first: Numbers | Codes, second: Numbers | Codes) -> Numbers | Codes:
    if isinstance(first, Numbers) and isinstance(second, Numbers):
        repeated = {v: first.repeated.get(v, 0) + second.repeated.get(v, 0) for v in sorted({*first.repeated, *second.repeated})}
        return Numbers(
            first.axis, first.counts + second.counts, add_counts(first.tails, second.tails), first.nulls + second.nulls, repeated
        )
    assert isinstance(first, Codes)
    assert isinstance(second, Codes)
    counts = {v: first.counts.get(v, 0) + second.counts.get(v, 0) for v in sorted({*first.counts, *second.counts})}
    identifier = first.identifier or second.identifier or len(counts) > MOST_CODES
    return Codes({} if identifier else counts, first.nulls + second.nulls, first.known + second.known, identifier)

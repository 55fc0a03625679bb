"""The pairing of two windows: the same columns, the same codes, as plain arrays."""

import itertools
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.arrays import Floats, Integers, is_index, plain, plain_type, quantities, runs
from modelmedic.steps.core.tables.classes import expect_two_words, told_task
from modelmedic.steps.core.tables.moments import MOMENT, moments

Steps = npt.NDArray[np.int8]
MOST_CODES = 1000  # a column with more values is an identifier to us, not a feature
STEPS = 24
_MOST_CELLS = 60_000  # of segments, times columns: with thousands of columns each is looked at in a few segments alone
_FEW_EDGES = 32  # up to so many, comparing with each edge is faster than a search per row
FEW = 40  # whole numbers with so few values may be codes: each value is a cell of its own, in which a cause can be localised


@dataclass(frozen=True)
class Cells:
    """One column cut into cells: the cell number of each row in both windows, and a name per
    cell.
    """

    column: str
    reference: Integers
    current: Integers
    names: tuple[str, ...]

    @cached_property
    def sizes(self) -> tuple[Integers, Integers]:
        """The number of rows of every cell in each window."""
        before, after = (np.bincount(w, minlength=len(self.names)) for w in (self.reference, self.current))
        return before, after

    @cached_property
    def rows(self) -> tuple[list[Integers], list[Integers]]:
        """The row numbers of every cell in each window, ascending: one sort, where a mask per cell
        would read all the rows again.
        """
        before, after = (_group(w, size) for w, size in zip((self.reference, self.current), self.sizes, strict=True))
        return before, after


@dataclass(frozen=True)
class Column:
    """A feature in both windows. Numbers: float64 with NaN for null. Codes: int64 into
    `vocabulary`, -1 for null.

    Values that many checks need are computed once: cells, steps, sorted values, counts.
    """

    name: str
    numeric: bool
    reference: npt.NDArray[np.generic]
    current: npt.NDArray[np.generic]
    vocabulary: tuple[str, ...] = ()

    @cached_property
    def cells(self) -> Cells:
        """Up to eight quantile bins of the reference for numbers, one cell per code otherwise;
        nulls have a cell.
        """
        if not self.numeric:
            names = (*self.vocabulary, "null")
            last = len(self.vocabulary)
            return Cells(self.name, _no_negative(self.reference, last), _no_negative(self.current, last), names)
        if self.levels is not None:
            before, after = (_level_cells(w, self.levels) for w in (self.reference, self.current))
            return Cells(self.name, before, after, _level_names(self.levels))
        edges = self._edges()
        names = (*_bin_names(edges), "null")
        return Cells(self.name, cut_at(self.reference, edges), cut_at(self.current, edges), names)

    def at(self, reference: npt.NDArray[np.generic], current: npt.NDArray[np.generic]) -> "Column":
        """The column with these rows of each window alone, chosen by masks or by row numbers."""
        return replace(self, reference=self.reference[reference], current=self.current[current])

    @cached_property
    def ordered(self) -> tuple[Floats, Floats]:
        """A number's finite values in both windows, ascending."""
        return np.sort(finite(self.reference)), np.sort(finite(self.current))

    @cached_property
    def counts(self) -> tuple[Integers, Integers]:
        """The number of rows of every code in each window; nulls are counted nowhere."""
        windows = (np.asarray(w, dtype=np.int64) + 1 for w in (self.reference, self.current))
        before, after = (np.bincount(w, minlength=len(self.vocabulary) + 1)[1:] for w in windows)
        return before, after

    @cached_property
    def steps(self) -> tuple[Steps, Steps]:
        """A number cut into up to 24 bins of equal size in the reference, both windows; nulls have
        the number after the last.
        """
        values = self.ordered[0]
        edges = np.unique(values[np.linspace(0, len(values) - 1, STEPS)[1:-1].astype(np.int64)]) if len(values) else np.empty(0)
        before, after = (cut_at(w, edges).astype(np.int8) for w in (self.reference, self.current))
        return before, after

    @cached_property
    def levels(self) -> Floats | None:
        """The values of a number that takes only a few whole ones, else None."""
        if not self.numeric:
            return None
        values = np.asarray(self.reference, dtype=np.float64)
        some = np.unique(values[:2000][np.isfinite(values[:2000])])
        if not 2 <= len(some) <= FEW or (some != np.floor(some)).any():
            return None
        known = runs(self.ordered[0])[0]
        return known if len(known) <= FEW and (known == np.floor(known)).all() else None

    def _edges(self) -> Floats:
        values = self.ordered[0]
        if not len(values):
            return np.empty(0)
        return np.unique(np.quantile(values, np.linspace(0, 1, 9)[1:-1]))

    def null_share(self, window: npt.NDArray[np.generic]) -> float:
        return float(self.nulls(window).mean()) if len(window) else 0.0

    def nulls(self, window: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
        return np.isnan(np.asarray(window, dtype=np.float64)) if self.numeric else np.asarray(window) < 0


@dataclass(frozen=True)
class Pair:
    """The reference and the current window. `target`, `prediction`, `time` (epoch seconds) and
    `version` as (reference, current).
    """

    columns: tuple[Column, ...]
    rows: tuple[int, int]
    missing: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()
    target: tuple[Floats, Floats] | None = None
    prediction: tuple[Floats, Floats] | None = None
    time: tuple[Floats, Floats] | None = None
    version: tuple[npt.NDArray[np.str_], npt.NDArray[np.str_]] | None = None
    task: Task | None = None
    segments: tuple[str, ...] = ()
    prediction_name: str = "prediction"
    time_name: str = "time"

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def segmenting(self) -> tuple[Column, ...]:
        """The columns in which a cause is localised: those named, else codes with 2 to 60 values
        and numbers with a few whole ones, in the table's order and as many as can be asked about
        every column.
        """
        if self.segments:
            return tuple(c for c in self.columns if c.name in self.segments)
        found = [c for c in self.columns if c.levels is not None or (not c.numeric and 2 <= len(c.vocabulary) <= 60)]
        asked = itertools.accumulate(len(column.cells.names) * len(self.columns) for column in found)
        return tuple(column for column, cells in zip(found, asked, strict=True) if cells <= _MOST_CELLS)


def pair(reference: pa.Table, current: pa.Table, roles: Roles) -> Pair:
    """Lay the two tables side by side. Raises BadInput when neither table has a named role, or no
    column is left to compare.
    """
    for role in ("target", "prediction", "time", "version", "id"):
        name = getattr(roles, role)
        if name and name not in reference.column_names and name not in current.column_names:
            known = ", ".join(reference.column_names[:20])
            raise BadInput(f"--{role} names {name!r}, which neither table has; the reference has {known}")
    names = list(roles.features) or [n for n in reference.column_names if n not in roles.bookkeeping and not is_index(n)]
    before, after = set(reference.column_names), set(current.column_names)  # a table makes its names anew each time
    missing = tuple(n for n in names if n in before and n not in after)
    shared = [n for n in names if n in before and n in after]
    if not shared and not missing:
        raise BadInput("the two tables share no feature column; expected at least one that is in both")
    columns, retyped = [], []
    for name in shared:
        column = _column(name, reference[name], current[name], name in roles.categorical)
        if isinstance(column, Column):
            columns.append(column)
        elif column == "retyped":
            retyped.append(name)
    target, prediction = (_numbers(reference, current, n) for n in (roles.target, roles.prediction))
    return Pair(
        columns=tuple(columns),
        rows=(reference.num_rows, current.num_rows),
        missing=missing,
        retyped=tuple(retyped),
        target=target,
        prediction=prediction,
        time=_times(reference, current, roles.time),
        version=_texts(reference, current, roles.version),
        task=roles.task or _task(roles.target or "the target", target, prediction),
        segments=roles.segments,
        prediction_name=roles.prediction or "prediction",
        time_name=roles.time or "time",
    )


def _task(name: str, target: tuple[Floats, Floats] | None, prediction: tuple[Floats, Floats] | None) -> Task | None:
    if target is not None:
        return told_task(name, target[0])
    if prediction is not None:
        values = prediction[0][np.isfinite(prediction[0])]
        return Task.BINARY if len(values) and values.min() >= 0 and values.max() <= 1 else Task.REGRESSION
    return None


def _kind(kind: pa.DataType) -> str:
    kind = plain_type(kind)
    if pa.types.is_boolean(kind):
        return "flag"
    if pa.types.is_null(kind):
        return "null"
    if pa.types.is_temporal(kind):
        return "time"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "text"
    return "number" if _is_number(kind) else "other"


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _column(name: str, reference: pa.ChunkedArray, current: pa.ChunkedArray, categorical: bool) -> Column | str | None:
    kind, now = _kind(reference.type), _kind(current.type)
    if kind in ("time", "other", "null"):
        return None  # no feature of a tabular model
    if kind == "number" and not categorical:
        return Column(name, True, _floats(reference), _floats(current)) if now in ("number", "flag", "null") else "retyped"
    if now not in (kind, "null") and not (categorical and now in ("number", "flag", "text")):
        return "retyped"
    texts = [_as_text(a) for a in (reference, current)]
    if len(pc.unique(texts[0])) > min(MOST_CODES, max(20, len(reference) // 2)):
        return None  # an identifier
    both = pa.chunked_array([*texts[0].chunks, *texts[1].chunks], type=pa.string())
    encoded = pc.dictionary_encode(both).combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    vocabulary = tuple(encoded.dictionary.to_pylist())
    codes = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
    return Column(name, False, codes[: len(reference)], codes[len(reference) :], vocabulary)


def _as_text(array: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(plain(array), pa.string())


def _floats(array: pa.ChunkedArray) -> Floats:
    return quantities(np.asarray(pc.cast(plain(array), pa.float64(), safe=False).to_numpy(), dtype=np.float64))


def _numbers(reference: pa.Table, current: pa.Table, name: str | None) -> tuple[Floats, Floats] | None:
    """Labels and predictions as numbers; two words become 0 and 1 in their sorted order. A window
    without the column has NaN.
    """
    if name is None:
        return None
    arrays = [t[name] if name in t.column_names else pa.chunked_array([pa.nulls(t.num_rows)]) for t in (reference, current)]
    kinds = {_kind(a.type) for a in arrays} - {"null"}
    if kinds <= {"number", "flag"}:
        return _floats(arrays[0]), _floats(arrays[1])
    if kinds != {"text"}:
        odd = next(a.type for a in arrays if _kind(a.type) not in ("number", "flag", "null"))
        raise BadInput(f"column {name!r} holds values of type {odd}; expected numbers or exactly two words in both tables")
    texts = [_as_text(a) for a in arrays]
    words = sorted({w for w in pc.unique(texts[0]).to_pylist() if w is not None})
    expect_two_words(name, words)
    first, second = (np.array([np.nan if w is None else float(w == words[1]) for w in t.to_pylist()]) for t in texts)
    return first, second


def _times(reference: pa.Table, current: pa.Table, name: str | None) -> tuple[Floats, Floats] | None:
    if name is None or name not in reference.column_names or name not in current.column_names:
        return None
    if any(pa.types.is_null(t[name].type) for t in (reference, current)):
        return None
    return _seconds(reference[name], name), _seconds(current[name], name)


def _seconds(array: pa.ChunkedArray, name: str) -> Floats:
    found = pa.chunked_array([moments(chunk) for chunk in array.chunks], MOMENT)
    if found.null_count == len(array) > array.null_count:
        raise BadInput(f"column {name!r} does not hold times: it is of type {array.type}; expected timestamps, dates, ISO texts or numbers")
    return _floats(pc.cast(found, pa.int64())) / 1e6


def _texts(reference: pa.Table, current: pa.Table, name: str | None) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.str_]] | None:
    if name is None or name not in reference.column_names or name not in current.column_names:
        return None
    odd = next((t[name].type for t in (reference, current) if _kind(t[name].type) == "other"), None)
    if odd is not None:
        raise BadInput(f"column {name!r} holds values of type {odd}; expected a version's name or number")
    first, second = (np.array([w or "" for w in _as_text(t[name]).to_pylist()], dtype=np.str_) for t in (reference, current))
    return first, second


def finite(values: npt.NDArray[np.generic]) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    known = np.isfinite(numbers)
    return numbers if known.all() else numbers[known]


def _group(cells: Integers, sizes: Integers) -> list[Integers]:
    small = cells.astype(np.min_scalar_type(len(sizes)))  # of one byte or two, numpy sorts by radix
    return np.split(np.argsort(small, kind="stable"), np.cumsum(sizes)[:-1])


def _no_negative(codes: npt.NDArray[np.generic], replacement: int) -> Integers:
    numbers = np.asarray(codes, dtype=np.int64)
    return np.where(numbers < 0, replacement, numbers)


def cut_at(values: npt.NDArray[np.generic], edges: Floats) -> Integers:
    """The number of the half-open bin between the edges; nulls have the last number."""
    numbers = np.asarray(values, dtype=np.float64)
    if len(edges) > _FEW_EDGES:
        return np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers, side="right"))
    number = np.zeros(len(numbers), dtype=np.int8)
    for edge in edges:  # faster than a search per row, while the edges are few
        number += numbers >= edge
    number[np.isnan(numbers)] = len(edges) + 1
    return number.astype(np.int64)


def _level_cells(values: npt.NDArray[np.generic], levels: Floats) -> Integers:
    """The number of each value's level; values between levels have the last cell but one, nulls the
    last.
    """
    numbers = np.asarray(values, dtype=np.float64)
    which = np.minimum(np.searchsorted(levels, np.nan_to_num(numbers)), len(levels) - 1)
    which = np.where(levels[which] == numbers, which, len(levels))
    return np.where(np.isnan(numbers), len(levels) + 1, which).astype(np.int64)


def _level_names(levels: Floats) -> tuple[str, ...]:
    return (*(f"{level:.15g}" for level in levels), "other", "null")


def _bin_names(edges: Floats) -> tuple[str, ...]:
    bounds = ["-inf", *(f"{edge:.4g}" for edge in edges), "inf"]
    return tuple(f"[{low}, {high})" for low, high in itertools.pairwise(bounds))

"""The rows of each segment of a column, counted by a profiler of their own.

A segment needs fewer rows than a window has, and counting many small pieces is dear: of a batch
with very many rows some are taken, and the rows are counted many at a time, after one sort has
brought each segment's side by side. They are taken by the golden ratio, because every fourth row
may be of one region.
"""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.core.profiles.layout import SegmentColumn
from modelmedic.steps.core.profiles.values import aligned_floats, texts
from modelmedic.steps.core.tables.arrays import Integers, as_numpy, compute, plain, plain_type

Places = npt.NDArray[np.int8]

_MOST = 8_192  # rows of a batch
_AT_ONCE = 65_536  # rows
_GOLDEN = 2_654_435_769  # 2^32 over the golden ratio


class Counter(Protocol):
    def add(self, batch: pa.RecordBatch) -> None: ...


C = TypeVar("C", bound=Counter)


class SegmentRows(Generic[C]):
    """The rows of one column's segments. `held` names the columns that are counted, `counters` has
    one for each segment.
    """

    def __init__(self, cut: SegmentColumn, held: set[str | None], counters: Sequence[C]) -> None:
        self._cut, self._held, self._counters = cut, held, counters
        self._waiting: list[tuple[pa.RecordBatch, Places]] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """A batch without the column has no segments."""
        if self._cut.column not in batch.schema.names:
            return
        if batch.num_rows > _MOST:
            batch = batch.take(_numbers(_spread(batch.num_rows)))
        rows = batch.select([name for name in batch.schema.names if name in self._held])
        if self._waiting and self._waiting[0][0].schema != rows.schema:
            self._count()
        self._waiting.append((rows, segment_places(self._cut, batch.column(self._cut.column))))
        if sum(len(places) for _, places in self._waiting) >= _AT_ONCE:
            self._count()

    def counted(self) -> Sequence[C]:
        """The counters, after the last rows."""
        self._count()
        return self._counters

    def _count(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        places = np.concatenate([each for _, each in waiting])
        counts = np.bincount(places, minlength=len(self._counters) + 1)[:-1]
        order = _numbers(np.argsort(places, kind="stable")[: counts.sum()])
        rows = pa.Table.from_batches([batch for batch, _ in waiting]).unify_dictionaries().combine_chunks().take(order)
        start = 0
        for counter, count in zip(self._counters, counts.tolist(), strict=True):
            for batch in rows.slice(start, count).to_batches():
                counter.add(batch)
            start += count


def _numbers(rows: Integers) -> pa.Array:
    """Not `pa.array`, which imports pandas to ask whether it was given something of it."""
    return pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(np.ascontiguousarray(rows, dtype=np.int64))])


def _spread(rows: int) -> Integers:
    """The numbers of about _MOST of so many rows."""
    places = (np.arange(rows, dtype=np.uint64) * np.uint64(_GOLDEN)) & np.uint64(2**32 - 1)
    return np.flatnonzero(places < np.uint64(2**32 * _MOST // rows))


def segment_places(cut: SegmentColumn, array: pa.Array) -> Places:
    """The number of each row's segment within its column, or that after the last one."""
    none = len(cut.values)
    if cut.levels or cut.edges:
        values = aligned_floats(array)
        if cut.edges:
            return np.where(np.isnan(values), none, np.searchsorted(cut.edges, values, side="right")).astype(np.int8)
        found = np.searchsorted(cut.levels, values)
        return np.where(np.append(cut.levels, np.nan)[found] == values, found, none).astype(np.int8)
    if pa.types.is_nested(plain_type(array.type)):
        return np.full(len(array), none, dtype=np.int8)
    encoded = array if pa.types.is_dictionary(array.type) else compute().dictionary_encode(plain(array))
    known = {value: place for place, value in enumerate(cut.values)}
    places = np.array([known.get(text or "", none) if text is not None else none for text in texts(encoded.dictionary)], dtype=np.int8)
    told = np.full(len(array), none, dtype=np.int8)
    if len(places):
        told[_valid(encoded.indices)] = places[as_numpy(encoded.indices.drop_null())]
    return told


def _valid(array: pa.Array) -> npt.NDArray[np.bool_]:
    """Rows that hold a value; nothing is filled in, because that as well imports pandas."""
    if not array.null_count:
        return np.ones(len(array), dtype=bool)
    return as_numpy(compute().cast(compute().is_valid(array), pa.uint8())).astype(bool)

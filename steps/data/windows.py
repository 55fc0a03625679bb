"""The inference log of one model, read back: rows by their time, labels joined as they are known by
now.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.inference_log import REQUEST_ID, days, span_of
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.tables.log_columns import conform, found_schema, log_schema
from modelmedic.steps.core.tables.moments import MOMENT, moments
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.data.labels import known_labels
from modelmedic.steps.data.parquet import fetched, parsed

_BATCH = 65_536
_HELD = 64 << 20  # bytes of fetched objects, as they lie in the store
_PLACE = "place in the stream"


@dataclass(frozen=True, slots=True)
class _Object:
    key: str
    span: Window


@dataclass(frozen=True, slots=True)
class _Seen:
    """A fetched object: its columns, the time and id of all its rows, and which of them lie in the
    window and were not met before.
    """

    key: str
    data: bytes
    schema: pa.Schema
    marks: pa.Table
    keep: np.ndarray


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of one object that are wanted; without data it is fetched again."""

    key: str
    keep: np.ndarray
    data: bytes | None


class LoggedWindows:
    """Implements `Windows` on the layout of `modelmedic.steps.contracts.inference_log`.

    A row that a writer stored twice (a retried upload) counts once: its time is the same both
    times, so only objects whose spans overlap are held against each other. What columns there are
    is known once all objects were seen; until then their bytes are held, at most `held` of them,
    and only objects past that are fetched twice. Memory is bounded by that, by the ids of
    overlapping objects and by the few objects that are under way.

    An object that cannot be read is left out, so that it blinds nobody to the others, and named in
    `unreadable`. So is one of labels.
    """

    def __init__(self, store: ObjectStore, policy: Policy, clock: Clock, *, held: float = _HELD) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._held = held
        self._unreadable: dict[str, str] = {}

    @property
    def unreadable(self) -> Mapping[str, str]:
        """The objects that were met until now and left out, with the reason of each."""
        return dict(self._unreadable)

    def batches(self, window: Window, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Record batches of at most 65,536 rows, all of one schema: that of `declared`, less what
        the window has nowhere.
        """
        schema, parts = self._scanned(self._seen(window), columns, self._held)
        yield from self._read(parts, schema)

    def count(self, window: Window) -> int:
        return sum(int(each.keep.sum()) for each in self._seen(window))

    def table(self, window: Window, *, labelled_only: bool = False, limit: int | None = None) -> pa.Table:
        """The rows of the window, as `Windows` says. Rows that are thinned out are never decoded,
        but for their id, time and label.
        """
        if limit is not None:
            return self._surely_thinned(window, labelled_only, limit)
        schema, parts = self._scanned(self._seen(window), None, math.inf)
        return self._ordered(self._labelled(pa.Table.from_batches(self._read(parts, schema), schema), window), labelled_only)

    def _surely_thinned(self, window: Window, labelled_only: bool, limit: int) -> pa.Table:
        """Which rows are taken is known before they are read: where one object turns out to be
        damaged only then, all begins anew without it.
        """
        while True:
            known = len(self._unreadable)
            rows = self._thinned(window, labelled_only, limit)
            if rows is not None:
                return rows
            assert len(self._unreadable) > known

    def _thinned(self, window: Window, labelled_only: bool, limit: int) -> pa.Table | None:
        marks: list[pa.RecordBatch] = []
        schema, parts = self._scanned(self._marked(self._seen(window), marks), None, self._held)
        known = self._labelled(pa.Table.from_batches(marks, self._marks), window)
        known = self._ordered(known.append_column(_PLACE, pa.array(np.arange(known.num_rows))), labelled_only)
        known = thin(known, limit)
        chosen = known[_PLACE].to_numpy()
        rows = pa.Table.from_batches(self._read(deque(_taken(parts, np.sort(chosen))), schema), schema)
        if rows.num_rows != known.num_rows:
            return None
        rows = rows.take(pa.array(np.argsort(np.argsort(chosen))))
        return rows.append_column(self._policy.data.target, known[self._policy.data.target])

    @property
    def _marks(self) -> pa.Schema:
        return pa.schema([(self._policy.data.time, MOMENT), (REQUEST_ID, pa.string())])

    def _marked(self, seen: Iterable[_Seen], marks: list[pa.RecordBatch]) -> Iterator[_Seen]:
        """The same objects; the time and id of the rows that are kept are added to `marks`."""
        for each in seen:
            marks += [conform(batch, self._marks) for batch in each.marks.filter(pa.array(each.keep)).to_batches()]
            yield each

    def _scanned(self, seen: Iterable[_Seen], columns: Sequence[str] | None, held: float) -> tuple[pa.Schema, deque[_Part]]:
        """The schema of the asked columns in these objects, and what is to be read of them; `held`
        bytes of them stay.
        """
        schemas: dict[pa.Schema, None] = {}
        parts: deque[_Part] = deque()
        for each in seen:
            schemas[each.schema] = None
            if each.keep.any():
                held -= len(each.data)
                parts.append(_Part(each.key, each.keep, each.data if held >= 0 else None))
        wanted = log_schema(self._policy)
        if columns is not None:
            wanted = pa.schema([field for field in wanted if field.name in set(columns)])
        return found_schema(wanted, list(schemas), self._policy.features), parts

    def _labelled(self, rows: pa.Table, window: Window) -> pa.Table:
        labels = known_labels(
            self._store, self._policy, rows[REQUEST_ID], since=window.start, now=self._clock.now(), unreadable=self._unreadable
        )
        return rows.append_column(self._policy.data.target, labels)

    def _ordered(self, rows: pa.Table, labelled_only: bool) -> pa.Table:
        if labelled_only:
            rows = rows.filter(pc.is_valid(rows[self._policy.data.target]))
        return rows.sort_by([(self._policy.data.time, "ascending"), (REQUEST_ID, "ascending")])

    def _objects(self, window: Window) -> Iterator[_Object]:
        """Those whose stated span touches the window, by that span."""
        found = []
        for prefix in days(self._policy.log_prefix, window):
            for key in self._store.list(prefix):
                span = span_of(key)
                if span is not None and span.overlaps(window) and key not in self._unreadable:
                    found.append(_Object(key, span))
        yield from sorted(found, key=lambda o: (o.span.start, o.span.end, o.key))

    def _seen(self, window: Window) -> Iterator[_Seen]:
        """The objects of the window, each fetched once."""
        met: list[tuple[Window, pa.Array]] = []
        objects = list(self._objects(window))
        data = fetched(self._store, [each.key for each in objects])
        for each, (key, content) in zip(objects, data, strict=True):
            met = [(span, ids) for span, ids in met if span.end > each.span.start]
            try:
                schema, marks, keep, ids = self._marked_rows(key, content, window)
            except BadInput as error:
                self._unreadable[key] = str(error)
                continue
            if ids is not None:
                keep &= _first(ids) & ~_among(ids, [before for _, before in met])
                met.append((each.span, ids.filter(pa.array(keep)).drop_null()))
            yield _Seen(key, content, schema, marks, keep)

    def _marked_rows(self, key: str, content: bytes, window: Window) -> tuple[pa.Schema, pa.Table, np.ndarray, pa.Array | None]:
        """The schema, the times and ids, which rows lie in the window, and the ids as text where
        one does. Raises BadInput.
        """
        with parsed(key, content) as file:
            schema = file.schema_arrow
            named = [name for name in (self._policy.data.time, REQUEST_ID) if name in schema.names]
            marks = file.read(columns=named, use_threads=_large(file)).combine_chunks()
            keep = self._inside(marks, window)
            ids = pc.cast(marks[REQUEST_ID], pa.string()).combine_chunks() if REQUEST_ID in named and keep.any() else None
        return schema, marks, keep, ids

    def _inside(self, columns: pa.Table, window: Window) -> np.ndarray:
        if self._policy.data.time not in columns.column_names:
            return np.zeros(columns.num_rows, dtype=bool)
        times = columns[self._policy.data.time]
        if not times.num_chunks:
            return np.zeros(0, dtype=bool)
        seen = moments(times.combine_chunks() if times.num_chunks > 1 else times.chunk(0))
        low, high = (pa.scalar(moment, seen.type) for moment in (window.start, window.end))
        inside = pc.and_(pc.greater_equal(seen, low), pc.less(seen, high))
        return np.asarray(pc.fill_null(inside, False).to_numpy(zero_copy_only=False))

    def _read(self, parts: deque[_Part], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of these parts in their order; each part is let go of before the next one is
        read.
        """
        again = fetched(self._store, [part.key for part in parts if part.data is None])
        while parts:
            part = parts.popleft()
            data = next(again)[1] if part.data is None else part.data
            try:
                with parsed(part.key, data) as file:
                    yield from _rows(file, part.keep, schema)
            except BadInput as error:
                self._unreadable[part.key] = str(error)


def _rows(file: pq.ParquetFile, keep: np.ndarray, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    start, held = 0, set(file.schema_arrow.names)
    for batch in file.iter_batches(_BATCH, columns=[name for name in schema.names if name in held], use_threads=_large(file)):
        mask = keep[start : start + batch.num_rows]
        start += batch.num_rows
        if mask.any():
            yield conform(batch if mask.all() else batch.filter(pa.array(mask)), schema)


def _large(file: pq.ParquetFile) -> bool:
    """True for a file that is large enough for threads to be worth their start."""
    return bool(file.metadata.num_rows >= _BATCH)


def _taken(parts: Iterable[_Part], places: np.ndarray) -> Iterator[_Part]:
    """Of the stream that the parts make, the rows at these places, which are ascending."""
    start = 0
    for part in parts:
        rows = np.flatnonzero(part.keep)
        here = places[np.searchsorted(places, start) : np.searchsorted(places, start + len(rows))] - start
        start += len(rows)
        if len(here):
            keep = np.zeros_like(part.keep)
            keep[rows[here]] = True
            yield replace(part, keep=keep)


def _first(ids: pa.Array) -> np.ndarray:
    """A mask of the rows whose id no earlier row has; a row without an id counts as its own."""
    encoded = pc.dictionary_encode(ids)
    if len(encoded.dictionary) == len(ids):
        return np.ones(len(ids), dtype=bool)
    codes = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False))
    first = np.zeros(len(codes), dtype=bool)
    first[np.unique(codes, return_index=True)[1]] = True
    return np.asarray(first | (codes < 0))


def _among(ids: pa.Array, earlier: list[pa.Array]) -> np.ndarray:
    if not sum(map(len, earlier)):
        return np.zeros(len(ids), dtype=bool)
    return np.asarray(pc.is_in(ids, value_set=pa.concat_arrays(earlier)).to_numpy(zero_copy_only=False))

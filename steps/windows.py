"""The inference log of one model, read back: rows by their time, labels joined as they are known by now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from steps.contracts.inference_log import REQUEST_ID, days, span_of
from steps.contracts.policy import Policy
from steps.contracts.ports import Clock, ObjectStore
from steps.contracts.window import Window
from steps.core.log_columns import conform, declared, found, moments
from steps.labels import known_labels
from steps.parquet_objects import opened

_BATCH = 65_536
_PLACE = "place in the stream"


@dataclass(frozen=True, slots=True)
class _Object:
    key: str
    span: Window


class LoggedWindows:
    """Implements `Windows` on the layout of `steps.contracts.inference_log`.

    A row that a writer stored twice (a retried upload) counts once: its time is the same both times, so only objects whose
    spans overlap are held against each other, and memory is bounded by those and one object's ids.
    """

    def __init__(self, store: ObjectStore, policy: Policy, clock: Clock) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock

    def batches(self, window: Window, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Record batches of at most 65,536 rows, all of one schema: that of `declared`, less what the window has nowhere.

        Raises BadInput for an object that is no Parquet.
        """
        objects = list(self._objects(window))
        wanted = declared(self._policy)
        if columns is not None:
            wanted = pa.schema([field for field in wanted if field.name in set(columns)])
        schema = found(wanted, [self._schema(o.key) for o in objects], self._policy.features)
        for key, keep in self._kept(objects, window):
            yield from self._read(key, keep, schema)

    def count(self, window: Window) -> int:
        return sum(int(keep.sum()) for _, keep in self._kept(list(self._objects(window)), window))

    def table(self, window: Window, *, labelled_only: bool = False, limit: int | None = None) -> pa.Table:
        """As `Windows` says. Rows that are thinned out are never held, but for their id, time and label."""
        if limit is None:
            return self._ordered(self._labelled(self._rows(window), window), labelled_only)
        time = self._policy.data.time
        known = self._labelled(self._rows(window, (time, REQUEST_ID)), window)
        known = self._ordered(known.append_column(_PLACE, pa.array(np.arange(known.num_rows))), labelled_only)
        if known.num_rows > limit:
            known = known.take(_evenly(known.num_rows, limit))
        chosen = known[_PLACE].to_numpy()
        rows = self._taken(window, np.sort(chosen)).take(pa.array(np.argsort(np.argsort(chosen))))
        return rows.append_column(self._policy.data.target, known[self._policy.data.target])

    def _rows(self, window: Window, columns: Sequence[str] | None = None) -> pa.Table:
        batches = list(self.batches(window, columns))
        return pa.Table.from_batches(batches, schema=batches[0].schema if batches else declared(self._policy))

    def _labelled(self, rows: pa.Table, window: Window) -> pa.Table:
        labels = known_labels(self._store, self._policy, rows[REQUEST_ID], since=window.start, now=self._clock.now())
        return rows.append_column(self._policy.data.target, labels)

    def _ordered(self, rows: pa.Table, labelled_only: bool) -> pa.Table:
        if labelled_only:
            rows = rows.filter(pc.is_valid(rows[self._policy.data.target]))
        return rows.sort_by([(self._policy.data.time, "ascending"), (REQUEST_ID, "ascending")])

    def _taken(self, window: Window, places: np.ndarray) -> pa.Table:
        """The rows at these places of the stream, which are ascending."""
        parts: list[pa.RecordBatch] = []
        schema, start = declared(self._policy), 0
        for batch in self.batches(window):
            schema = batch.schema
            here = places[np.searchsorted(places, start) : np.searchsorted(places, start + batch.num_rows)] - start
            start += batch.num_rows
            if len(here):
                parts.append(batch.take(pa.array(here)))
        return pa.Table.from_batches(parts, schema=schema)

    def _objects(self, window: Window) -> Iterator[_Object]:
        """Those whose stated span touches the window, by that span."""
        found = []
        for prefix in days(self._policy.log_prefix, window):
            for key in self._store.list(prefix):
                span = span_of(key)
                if span is not None and span.overlaps(window):
                    found.append(_Object(key, span))
        yield from sorted(found, key=lambda o: (o.span.start, o.span.end, o.key))

    def _schema(self, key: str) -> pa.Schema:
        with opened(self._store, key) as file:
            return file.schema_arrow

    def _kept(self, objects: Sequence[_Object], window: Window) -> Iterator[tuple[str, np.ndarray]]:
        """Per object a mask of the rows that lie in the window and were not met before; objects without any are left out."""
        met: list[tuple[Window, pa.Array]] = []
        for each in objects:
            met = [(span, ids) for span, ids in met if span.end > each.span.start]
            with opened(self._store, each.key) as file:
                named = [name for name in (self._policy.data.time, REQUEST_ID) if name in file.schema_arrow.names]
                columns = file.read(columns=named).combine_chunks()
            keep = self._inside(columns, window)
            if REQUEST_ID in named and keep.any():
                ids = pc.cast(columns[REQUEST_ID], pa.string()).combine_chunks()
                keep &= _first(ids) & ~_among(ids, [before for _, before in met])
                met.append((each.span, ids.filter(pa.array(keep)).drop_null()))
            if keep.any():
                yield each.key, keep

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

    def _read(self, key: str, keep: np.ndarray, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        start = 0
        with opened(self._store, key) as file:
            names = [name for name in schema.names if name in file.schema_arrow.names]
            for batch in file.iter_batches(_BATCH, columns=names):
                mask = keep[start : start + batch.num_rows]
                start += batch.num_rows
                if mask.any():
                    yield conform(batch if mask.all() else batch.filter(pa.array(mask)), schema)


def _first(ids: pa.Array) -> np.ndarray:
    """Whether no earlier row of the array has this id; a row without an id is its own."""
    codes = np.asarray(pc.fill_null(pc.dictionary_encode(ids).indices, -1).to_numpy(zero_copy_only=False))
    first = np.zeros(len(codes), dtype=bool)
    first[np.unique(codes, return_index=True)[1]] = True
    return np.asarray(first | (codes < 0))


def _among(ids: pa.Array, earlier: list[pa.Array]) -> np.ndarray:
    if not sum(map(len, earlier)):
        return np.zeros(len(ids), dtype=bool)
    return np.asarray(pc.is_in(ids, value_set=pa.concat_arrays(earlier)).to_numpy(zero_copy_only=False))


def _evenly(rows: int, most: int) -> pa.Array:
    return pa.array(np.arange(most) * rows // most)

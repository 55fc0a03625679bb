"""Files to profiles: Parquet and CSV of any size, streamed, each core its share of the columns."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from modelmedic.steps.adapters.tables.read import first_line, is_parquet, read_csv, refuse_doubled, refuse_empty, stream_csv, with_times
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.core.profiles.layout import Layout
from modelmedic.steps.core.profiles.profile import Profile
from modelmedic.steps.core.profiles.profiler import Profiler

SAMPLE = 20_000  # rows from which the layout is chosen
_BATCH = 65_536
_LARGE_GROUP = 2_000_000  # rows
_SHARD = 200_000  # values: what is worth a task of its own
_WITH_SEGMENTS = 4  # columns of a task where each has to read the segments' columns as well
_MOST_THREADS = 4
_TORN = (pa.ArrowInvalid, UnicodeDecodeError, OSError)


class RowFile(Protocol):
    """A person's own table on disk."""

    names: Sequence[str]

    def sample(self) -> pa.Table:
        """At most SAMPLE rows, from several places of the file where that costs little."""
        ...

    def bounds(self) -> Mapping[str, tuple[float, float]]:
        """Least and largest value of the columns of which the file states them."""
        ...

    def profiles(self, layout: Layout, pool: Executor) -> Sequence["Future[Profile]"]:
        """Parts of the profile, each of all rows and some columns, while `pool` works on them."""
        ...


def open_rows(path: Path) -> RowFile:
    """Raises BadInput with one sentence about the file."""
    refuse_empty(path)
    return _Parquet(path) if is_parquet(path) else _Csv(path)


def read_profiles(layout: Layout, *files: RowFile) -> tuple[Profile, ...]:
    """The profile of each file. Raises BadInput where one turns out to be broken on the way."""
    with ThreadPoolExecutor(threads()) as pool:
        waiting = [file.profiles(layout, pool) for file in files]
        return tuple(reduce(Profile.beside, [part.result() for part in parts]) for parts in waiting)


def threads() -> int:
    return max(1, min(_MOST_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


class _Parquet:
    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._metadata = pq.read_metadata(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise BadInput(f"file {path} cannot be read as Parquet: {first_line(error)}") from error
        self._schema: pa.Schema = self._metadata.schema.to_arrow_schema()
        self.names: Sequence[str] = self._schema.names
        refuse_doubled(path, self.names)

    def sample(self) -> pa.Table:
        groups = self._metadata.num_row_groups
        chosen = sorted({i * groups // 4 for i in range(4)}) if groups else []
        parts = [self._sampled(group, SAMPLE // len(chosen)) for group in chosen]
        return pa.Table.from_batches([p for p in parts if p is not None]) if any(parts) else self._schema.empty_table()

    def bounds(self) -> dict[str, tuple[float, float]]:
        found: dict[str, tuple[float, float]] = {}
        counted = {field.name for field in self._schema if pa.types.is_integer(field.type) or field.type in (pa.float32(), pa.float64())}
        for group in range(self._metadata.num_row_groups):
            row_group = self._metadata.row_group(group)
            for place in range(row_group.num_columns):
                column = row_group.column(place)
                stated = column.statistics if column.path_in_schema in counted else None  # a time's bounds may be beyond the calendar
                if stated is None or not stated.has_min_max:
                    continue
                least, most = found.get(column.path_in_schema, (stated.min, stated.max))
                found[column.path_in_schema] = (min(least, float(stated.min)), max(most, float(stated.max)))
        return found

    def profiles(self, layout: Layout, pool: Executor) -> list["Future[Profile]"]:
        return [pool.submit(self._profile, layout, shard) for shard in self._shards(layout)]

    def _shards(self, layout: Layout) -> list[list[str]]:
        """Columns that are read together: those that make one number, then single ones, or several
        of a small file.
        """
        pairs = [n for n in dict.fromkeys((*layout.rich, layout.prediction)) if n in layout.columns]
        single = [name for name in layout.columns if name not in pairs]
        least = _WITH_SEGMENTS if layout.cuts else 1
        size = max(least, min(_SHARD // max(self._metadata.num_rows, 1), len(single)))
        shards = [pairs, *(single[i : i + size] for i in range(0, len(single), size))]
        return [shard for shard in shards if shard] or [[]]

    def _profile(self, layout: Layout, shard: list[str]) -> Profile:
        beside = (layout.time, layout.target) if shard == self._shards(layout)[0] else ()
        beside = (*beside, *(cut.column for cut in layout.cuts))
        names = [n for n in dict.fromkeys((*shard, *beside)) if n in set(self.names)] or list(self.names[:1])
        profiler = Profiler(layout, shard)
        with self._opened(names) as file:
            for group in range(self._metadata.num_row_groups):
                for batch in self._group(file, group, names):
                    profiler.add(batch)
        return profiler.result()

    def _group(self, file: pq.ParquetFile, group: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """A row group's columns: as a whole, which is quicker, unless that could take much
        memory.
        """
        if self._metadata.row_group(group).num_rows > _LARGE_GROUP:
            yield from file.iter_batches(_BATCH, row_groups=[group], columns=list(names), use_threads=False)
        else:
            yield from file.read_row_group(group, columns=list(names), use_threads=False).to_batches(max_chunksize=_BATCH)

    def _sampled(self, group: int, rows: int) -> pa.RecordBatch | None:
        with self._opened(self.names, mapped=True) as file:
            return next(file.iter_batches(rows, row_groups=[group], use_threads=False), None)

    @contextmanager
    def _opened(self, names: Sequence[str], *, mapped: bool = False) -> Iterator[pq.ParquetFile]:
        """`mapped` for a few rows, of which the rest of a group is then not read; for all of them
        it would only hold memory.
        """
        texts = [n for n in names if pa.types.is_string(kind := self._schema.field(n).type) or pa.types.is_large_string(kind)]
        try:
            with pq.ParquetFile(self._path, read_dictionary=texts, metadata=self._metadata, memory_map=mapped) as file:
                yield file
        except (pa.ArrowInvalid, OSError) as error:
            raise BadInput(f"file {self._path} cannot be read as Parquet: {first_line(error)}") from error


class _Csv:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._whole = False
        try:
            with stream_csv(path) as reader:
                self.names: Sequence[str] = reader.schema.names
        except _TORN:
            self._whole = True
            self.names = read_csv(path).column_names
        refuse_doubled(path, self.names)

    def sample(self) -> pa.Table:
        first = next(self._batches(), None)
        rows = pa.table({name: pa.array([], pa.null()) for name in self.names}) if first is None else pa.Table.from_batches([first])
        return with_times(rows.slice(0, SAMPLE))

    def bounds(self) -> dict[str, tuple[float, float]]:
        return {}

    def profiles(self, layout: Layout, pool: Executor) -> list["Future[Profile]"]:
        return [pool.submit(self._profile, layout)]

    def _profile(self, layout: Layout) -> Profile:
        try:
            return self._counted(layout)
        except _TORN:  # a later block holds other types than the first: only as a whole the file has one type for each column
            self._whole = True
            return self._counted(layout)

    def _counted(self, layout: Layout) -> Profile:
        profiler = Profiler(layout)
        for batch in self._batches():
            profiler.add(batch)
        return profiler.result()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if self._whole:
            yield from read_csv(self._path).to_batches(max_chunksize=_BATCH)
            return
        with stream_csv(self._path) as reader:
            yield from reader

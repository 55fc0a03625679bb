"""Tables of a person, DataFrames or files, as the rows that the program reads."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from modelmedic.steps.adapters.tables.profile_reader import SAMPLE, RowFile, open_rows
from modelmedic.steps.adapters.tables.read import MOST_ROWS, first_line, read_table, refuse_doubled, with_times
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.core.profiles.layout import Layout
from modelmedic.steps.core.profiles.profile import Profile
from modelmedic.steps.core.profiles.profiler import Profiler
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.reporting.opinion_file import sampled

_BATCH = 65_536
_UNNAMED = "__index_level_"  # pandas' name of an index that has none


@runtime_checkable
class Stream(Protocol):
    """Any table that speaks Arrow's C stream: of pandas, polars, pyarrow, DuckDB and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@runtime_checkable
class Interchange(Protocol):
    """Any DataFrame of the interchange protocol, for libraries older than Arrow's C stream."""

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> object: ...


Table = Stream | Interchange | str | os.PathLike[str]


def is_file(given: Table) -> bool:
    return isinstance(given, str | os.PathLike)


def name_of(given: Table, role: str) -> str:
    """The name of the table for a person: its file's, or the part that it plays."""
    return Path(os.fspath(given)).name if isinstance(given, str | os.PathLike) else role


def arrow(given: Table, role: str) -> pa.Table:
    """An in-memory table as Arrow. An index without a name is dropped, one with a name becomes a
    column.

    Raises BadInput when it is no table, or a column holds values of several types.
    """
    try:
        if isinstance(given, pa.Table):
            table = given
        elif isinstance(given, Stream):
            table = pa.table(given)
        elif isinstance(given, Interchange):
            from pyarrow.interchange import from_dataframe

            table = from_dataframe(given)
        else:
            raise BadInput(
                f"{role} is a {type(given).__name__}; expected a DataFrame, an Arrow table, or the path of a Parquet or CSV file"
            )
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise BadInput(f"{role} cannot be read as a table: {first_line(error)}; expected one type in each column") from error
    table = table.select([name for name in table.column_names if not name.startswith(_UNNAMED)])
    refuse_doubled(Path(role), table.column_names)
    return with_times(_without_views(table))


def rows(given: Table, role: str) -> RowFile:
    """The rows as a verdict counts them, every one. Raises BadInput."""
    return open_rows(Path(os.fspath(given))) if isinstance(given, str | os.PathLike) else _InMemory(arrow(given, role))


def thinned(given: Table, role: str) -> pa.Table:
    """The rows as a diagnosis reads them: at most MOST_ROWS, spread evenly. Raises BadInput."""
    if isinstance(given, str | os.PathLike):
        return read_table(Path(os.fspath(given)))[0]
    return thin(arrow(given, role), MOST_ROWS)


def pictured(given: Table, role: str) -> pa.Table:
    """The rows that pictures are drawn from. Raises BadInput."""
    return sampled(Path(os.fspath(given))) if isinstance(given, str | os.PathLike) else thin(arrow(given, role), SAMPLE)


class _InMemory:
    """A table in memory, counted as a file is."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.names: Sequence[str] = table.column_names

    def sample(self) -> pa.Table:
        return thin(self._table, SAMPLE)

    def bounds(self) -> Mapping[str, tuple[float, float]]:
        return {}

    def profiles(self, layout: Layout, pool: Executor) -> Sequence["Future[Profile]"]:
        return [pool.submit(self._profile, layout)]

    def _profile(self, layout: Layout) -> Profile:
        profiler = Profiler(layout)
        for batch in self._table.to_batches(max_chunksize=_BATCH):
            profiler.add(batch)
        return profiler.result()


def _without_views(table: pa.Table) -> pa.Table:
    """Texts in Arrow's view layout, which polars hands over, as plain texts."""
    view: Any = getattr(pa, "string_view", None)
    if view is None or not any(field.type == view() for field in table.schema):
        return table
    return table.cast(pa.schema([pa.field(f.name, pa.string() if f.type == view() else f.type) for f in table.schema]))

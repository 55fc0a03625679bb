"""Answered requests as Parquet objects, one UTC day each, with the features as the request had
them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.inference_log import ANSWERED_AT, MODEL_VERSION, PREDICTION, REQUEST_ID, SERVED_BY
from modelmedic.steps.core.tables.moments import MOMENT
from modelmedic.steps.predictor.columns import Kind

TIME = "time"  # the column's name where no policy says one
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)  # beyond them a time is taken for none
_CELL = 40  # bytes of one waiting value, roughly
_ROW = 100  # bytes of what is added to every row, roughly


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One answered request. `times` are the rows' own, null or None where there was none."""

    id: str
    columns: Mapping[str, pa.Array]
    times: pa.Array | None
    predictions: np.ndarray
    served_by: str
    answered_at: datetime

    @property
    def rows(self) -> int:
        return len(self.predictions)

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return sum(int(column.nbytes) for column in self.columns.values()) + self.rows * (_CELL + _ROW)


@dataclass(frozen=True, slots=True)
class DayTable:
    """Rows whose times lie in `[first, last]`, one UTC day."""

    first: datetime
    last: datetime
    table: pa.Table


def day_tables(entries: Sequence[LogEntry], logged: Sequence[tuple[str, Kind]], time: str | None, version: str) -> Iterator[DayTable]:
    """The rows of these entries, one table per day; a feature that no entry has is no column
    of it.
    """
    table = _table(entries, logged, time or TIME, version)
    day = pc.cast(table[time or TIME], pa.date32()).combine_chunks()
    for each in pc.unique(day).to_pylist():
        rows = table if len(pc.unique(day)) == 1 else table.filter(pc.equal(day, each))
        span = pc.min_max(rows[time or TIME]).as_py()
        yield DayTable(span["min"], span["max"], rows)


def _table(entries: Sequence[LogEntry], logged: Sequence[tuple[str, Kind]], time: str, version: str) -> pa.Table:
    rows = sum(entry.rows for entry in entries)
    columns = {time: pa.concat_arrays([_times(entry) for entry in entries])}
    for name, kind in logged:
        asked = [entry.columns.get(name) for entry in entries]
        if any(array is not None for array in asked):
            columns[name] = _joined(asked, [entry.rows for entry in entries], kind)
    columns[PREDICTION] = pa.array(np.concatenate([entry.predictions for entry in entries]))
    columns[MODEL_VERSION] = pa.repeat(pa.scalar(version), rows)
    columns[SERVED_BY] = pa.array([entry.served_by for entry in entries for _ in range(entry.rows)])
    columns[REQUEST_ID] = pa.array([f"{entry.id}-{row}" for entry in entries for row in range(entry.rows)])
    columns[ANSWERED_AT] = pa.concat_arrays([pa.repeat(pa.scalar(entry.answered_at, MOMENT), entry.rows) for entry in entries])
    return pa.table(columns)


def _times(entry: LogEntry) -> pa.Array:
    """The rows' times; the time of the answer stands in where a row has none, or one that no log
    can be sorted by.
    """
    answered = pa.scalar(entry.answered_at, MOMENT)
    if entry.times is None:
        return pa.repeat(answered, entry.rows)
    sound = pc.and_(pc.greater_equal(entry.times, pa.scalar(_EARLIEST, MOMENT)), pc.less(entry.times, pa.scalar(_LATEST, MOMENT)))
    return pc.if_else(pc.fill_null(sound, False), entry.times, answered)


def _joined(asked: Sequence[pa.Array | None], rows: Sequence[int], kind: Kind) -> pa.Array:
    """One array of one type: numbers as float64; codes as they came where all came alike, else as
    text.
    """
    kinds = {array.type for array in asked if array is not None and not pa.types.is_null(array.type)}
    whole = pa.float64() if kind == "number" else kinds.pop() if len(kinds) == 1 else pa.string()
    return pa.concat_arrays(
        [pa.nulls(n, whole) if array is None else pc.cast(array, whole, safe=False) for array, n in zip(asked, rows, strict=True)]
    )

"""Writing the inference log and its labels from tables: for what was answered elsewhere or before
the loop was there, and for tests.

Nothing is written twice: an object's name carries the hash of its rows, so writing the same rows
again changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.codec import sha256
from modelmedic.steps.contracts.errors import BadInput, Conflict
from modelmedic.steps.contracts.inference_log import LABELLED_AT, REQUEST_ID, span_key
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.core.tables.moments import moments
from modelmedic.steps.data.parquet import encoded

_ROWS = 250_000  # of one object


@dataclass(frozen=True, slots=True, eq=False)
class LogObject:
    """An object of the log or the labels before it is written; its rows' times lie in
    `[first, last]`.
    """

    key: str
    data: bytes
    rows: int
    first: datetime
    last: datetime


def write_log(store: ObjectStore, policy: Policy, table: pa.Table, writer: str = "backfill") -> tuple[str, ...]:
    """Log answered rows: the policy's time column, features as they are, and the columns of the
    log. The keys, by time.

    Raises BadInput when the time column or `request_id` is missing or a time cannot be read.
    """
    return _written(store, log_objects(policy, table, writer))


def write_labels(store: ObjectStore, policy: Policy, table: pa.Table, writer: str = "backfill") -> tuple[str, ...]:
    """Store labels: `request_id`, the policy's target and `labelled_at`. The keys, by time."""
    return _written(store, label_objects(policy, table, writer))


def log_objects(policy: Policy, table: pa.Table, writer: str) -> Iterator[LogObject]:
    """The objects that `write_log` would write. Raises what it raises."""
    return _objects(policy.log_prefix, table, policy.data.time, writer)


def label_objects(policy: Policy, table: pa.Table, writer: str) -> Iterator[LogObject]:
    """The objects that `write_labels` would write. Raises what it raises."""
    missing = [name for name in (REQUEST_ID, policy.data.target, LABELLED_AT) if name not in table.column_names]
    if missing:
        raise BadInput(f"labels lack {missing[0]}; expected {REQUEST_ID}, {policy.data.target} and {LABELLED_AT}")
    chosen = table.select([REQUEST_ID, policy.data.target, LABELLED_AT])
    return _objects(policy.labels_prefix, chosen, LABELLED_AT, writer)


def created(store: ObjectStore, each: LogObject) -> bool:
    """Write the object; false when these very rows are there already."""
    try:
        store.create(each.key, each.data)
    except Conflict:
        return False
    return True


def _written(store: ObjectStore, objects: Iterator[LogObject]) -> tuple[str, ...]:
    keys = []
    for each in objects:
        created(store, each)
        keys.append(each.key)
    return tuple(keys)


def _objects(prefix: str, table: pa.Table, time: str, writer: str) -> Iterator[LogObject]:
    for name in (time, REQUEST_ID):
        if name not in table.column_names:
            raise BadInput(f"rows lack the column {name}; expected {time} and {REQUEST_ID} in every row that is logged")
    for first, last, rows in _by_day(table, time):
        data = encoded(rows)
        key = span_key(prefix, first, last, f"{writer}-{sha256(data)[:12]}", 0)
        yield LogObject(key, data, rows.num_rows, first, last)


def _by_day(table: pa.Table, time: str) -> Iterator[tuple[datetime, datetime, pa.Table]]:
    """First moment, last moment and rows of every UTC day, at most `_ROWS` at a time."""
    if not table.num_rows:
        return
    seen = moments(pa.concat_arrays(table[time].chunks))
    if seen.null_count:
        raise BadInput(f"column {time} has {seen.null_count} values that are no times; expected one in every row that is logged")
    table = table.set_column(table.column_names.index(time), time, seen)
    micros = pc.cast(seen, pa.int64()).to_numpy(zero_copy_only=False)
    order = np.argsort(micros, kind="stable")
    day = micros[order] // 86_400_000_000
    for piece in np.split(order, np.flatnonzero(np.diff(day)) + 1):
        for start in range(0, len(piece), _ROWS):
            rows = piece[start : start + _ROWS]
            yield _at(micros[rows[0]]), _at(micros[rows[-1]]), table.take(pa.array(rows))


def _at(micros: int) -> datetime:
    return datetime.fromtimestamp(int(micros) // 1_000_000, UTC)

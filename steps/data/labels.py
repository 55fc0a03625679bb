"""Labels that arrived late, looked up by the request that they are of."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.inference_log import LABELLED_AT, REQUEST_ID, span_of
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.window import utc
from modelmedic.steps.core.tables.log_columns import conform
from modelmedic.steps.core.tables.moments import MOMENT
from modelmedic.steps.data.parquet import fetched, parsed

_EARLY = timedelta(days=1)  # a label may be stamped before its row's time by so much
_AT_ONCE = 500_000  # label rows that are matched with the ids in one go


def known_labels(
    store: ObjectStore, policy: Policy, ids: pa.ChunkedArray, *, since: datetime, now: datetime, unreadable: dict[str, str]
) -> pa.Array:
    """For each id the target that was known at `now` (float64, null for none); of several labels
    the latest one holds. Objects that cannot be read are left out, and put into `unreadable` with
    the reason.
    """
    target = policy.data.target
    if not len(ids):
        return pa.nulls(0, pa.float64())
    wanted = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    parts = [part.filter(pc.is_in(part[REQUEST_ID], value_set=wanted)) for part in _parts(store, policy, since - _EARLY, now, unreadable)]
    labels = pa.concat_tables(parts) if parts else pa.table({REQUEST_ID: pa.array([], pa.string()), target: pa.array([], pa.float64())})
    place = pc.index_in(wanted, value_set=labels[REQUEST_ID].combine_chunks())
    return _latest(labels, target).take(place) if labels.num_rows else pc.cast(place, pa.float64())


def _latest(labels: pa.Table, target: str) -> pa.Array:
    """Per row of `labels` the target of the latest row with its id; of two at one moment the one
    written later.
    """
    codes = pc.dictionary_encode(labels[REQUEST_ID].combine_chunks()).indices.to_numpy(zero_copy_only=False)
    moments = pc.cast(labels[LABELLED_AT].combine_chunks(), pa.int64()).to_numpy(zero_copy_only=False)
    order = np.lexsort((np.arange(len(codes)), moments))
    last = np.empty(codes.max() + 1, dtype=np.int64)
    last[codes[order]] = order  # the last write to a place stays
    return labels[target].combine_chunks().take(pa.array(last[codes]))


def _parts(store: ObjectStore, policy: Policy, since: datetime, now: datetime, unreadable: dict[str, str]) -> Iterator[pa.Table]:
    """The labels given from `since` to `now`, many objects at a time."""
    schema = pa.schema([(REQUEST_ID, pa.string()), (policy.data.target, pa.float64()), (LABELLED_AT, MOMENT)])
    held: list[pa.RecordBatch] = []
    rows = 0
    for key, data in fetched(store, _keys(store, policy.labels_prefix, utc(since), utc(now))):
        try:
            found = _read(key, data, schema)
        except BadInput as error:
            unreadable[key] = str(error)
            continue
        held += found
        rows += sum(batch.num_rows for batch in found)
        if rows >= _AT_ONCE:
            yield _known(held, schema, now)
            held, rows = [], 0
    if held:
        yield _known(held, schema, now)


def _read(key: str, data: bytes, schema: pa.Schema) -> list[pa.RecordBatch]:
    with parsed(key, data) as file:
        names = [name for name in schema.names if name in file.schema_arrow.names]
        return [conform(batch, schema) for batch in file.iter_batches(columns=names)]


def _known(batches: list[pa.RecordBatch], schema: pa.Schema, now: datetime) -> pa.Table:
    table = pa.Table.from_batches(batches, schema=schema)
    known = pc.less_equal(table[LABELLED_AT], pa.scalar(utc(now), MOMENT))
    return table.filter(pc.and_(pc.fill_null(known, False), pc.is_valid(table[REQUEST_ID])))


def _keys(store: ObjectStore, prefix: str, since: datetime, now: datetime) -> Iterator[str]:
    for key in store.list(f"{prefix}/", after=f"{prefix}/{since:%Y-%m-%d}"):
        span = span_of(key)
        if span is not None and span.start <= now and span.end > since:
            yield key
        elif span is not None and span.start.date() > now.date():
            return

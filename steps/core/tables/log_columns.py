"""The schema of a logged window: as the policy declares it, and as the log objects really hold it.

A model's callers send what they like. A feature that no log object of the window has is left out,
so that the quality checks see it missing; a feature that holds text where the policy says number
becomes text as a whole, so that they see its type changed.
"""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.inference_log import MODEL_VERSION, PREDICTION, REQUEST_ID, SERVED_BY
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.core.tables.arrays import listed, plain
from modelmedic.steps.core.tables.moments import MOMENT, moments


def log_schema(policy: Policy, *, target: bool = False) -> pa.Schema:
    """The columns as the policy declares them: time, features, prediction, model_version,
    served_by, request_id and, if `target`, the target.
    """
    data = policy.data
    fields = [(data.time, MOMENT), *((c, pa.float64()) for c in data.numeric), *((c, pa.string()) for c in data.categorical)]
    fields += [(PREDICTION, pa.float64()), (MODEL_VERSION, pa.string()), (SERVED_BY, pa.string()), (REQUEST_ID, pa.string())]
    return pa.schema(fields + ([(data.target, pa.float64())] if target else []))


def found_schema(wanted: pa.Schema, schemas: Sequence[pa.Schema], features: Iterable[str]) -> pa.Schema:
    """The wanted columns as these log objects have them: a feature that none has is left out, a
    number that is text in any of them is text.
    """
    if not schemas:
        return wanted
    fields = []
    for field in wanted:
        kinds = [schema.field(field.name).type for schema in schemas if field.name in schema.names]
        if not kinds and field.name in set(features):
            continue
        texts = pa.types.is_floating(field.type) and any(not _counts(kind) for kind in kinds)
        fields.append(pa.field(field.name, pa.string()) if texts and field.name in set(features) else field)
    return pa.schema(fields)


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch's columns in the schema's order and types; null where the batch has no such column
    or its value cannot be read as that type.
    """
    names = set(batch.schema.names)
    arrays = [_cast(batch.column(f.name), f.type) if f.name in names else pa.nulls(batch.num_rows, f.type) for f in schema]
    return pa.record_batch(arrays, schema=schema)


def _counts(kind: pa.DataType) -> bool:
    """True for a type whose values are numbers, or nothing at all."""
    kinds = pa.types
    return bool(
        kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind) or kinds.is_boolean(kind) or kinds.is_null(kind)
    )


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if kind == MOMENT:
        return moments(array)
    array = plain(array)
    if array.type == kind:
        return array
    try:
        return pc.cast(array, kind, safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if pa.types.is_string(kind):
            return pa.array([None if value is None else str(value) for value in listed(array)], kind)
        return pa.array([_number(value) for value in listed(array)], kind)


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None

"""A request in columns, as the caller sent it: read from V2's tensors or V1's instances, refused in
one sentence when it is neither.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pyarrow as pa

from modelmedic.steps.contracts.errors import BadInput

_LONGEST_ID = 200
_DATATYPES = frozenset(("BOOL", "BYTES", "FP16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"))


@dataclass(frozen=True, slots=True)
class Tensor:
    """One named tensor of the V2 protocol; `data` is flat, or nested by one level."""

    name: str
    datatype: str
    shape: Sequence[int]
    data: Sequence[Any]


@dataclass(frozen=True, slots=True)
class PredictionRequest:
    """Arrays of one length, uncast, as the caller sent them. `id` is the caller's, or one
    made up.
    """

    id: str
    rows: int
    columns: Mapping[str, pa.Array]


def from_tensors(identity: str | None, tensors: Iterable[Tensor]) -> PredictionRequest:
    """One tensor per column, each of shape [rows] or [rows, 1]. Raises BadInput."""
    columns: dict[str, pa.Array] = {}
    rows: int | None = None
    for tensor in tensors:
        if tensor.name in columns:
            raise BadInput(f"tensor {_short(tensor.name)} is there twice; expected one tensor per column")
        column = _values(tensor)
        if rows is not None and len(column) != rows:
            raise BadInput(f"tensor {_short(tensor.name)} has {len(column)} rows; expected {rows} as the tensors before it")
        rows = len(column)
        columns[tensor.name] = _array(tensor.name, column)
    return _asked(identity, rows, columns)


def from_instances(identity: str | None, instances: Any, names: Sequence[str]) -> PredictionRequest:
    """V1: a list of objects by column, or of lists in the order of the model's columns `names`.
    Raises BadInput.
    """
    if not isinstance(instances, list) or not instances:
        raise BadInput('request has no "instances"; expected a list of objects, one per row')
    if all(isinstance(row, dict) for row in instances):
        found = dict.fromkeys(chain.from_iterable(instances))
        columns = {str(name): _array(str(name), [row.get(name) for row in instances]) for name in found}
    elif all(isinstance(row, list) and len(row) == len(names) for row in instances):
        columns = {name: _array(name, [row[at] for row in instances]) for at, name in enumerate(names)}
    else:
        raise BadInput(f"instances are neither all objects nor all lists of {len(names)} values in the order of the model's columns")
    return _asked(identity, len(instances), columns)


def _asked(identity: str | None, rows: int | None, columns: Mapping[str, pa.Array]) -> PredictionRequest:
    if not rows or not columns:
        raise BadInput("request has no rows; expected one tensor per column, each with a value per row")
    if identity is not None and not (0 < len(identity) <= _LONGEST_ID and identity.isprintable()):
        raise BadInput(f"request id is {_short(identity)}; expected 1 to {_LONGEST_ID} printable characters")
    return PredictionRequest(identity or uuid.uuid4().hex, rows, columns)


def _values(tensor: Tensor) -> Sequence[Any]:
    name, shape, data = _short(tensor.name), list(tensor.shape), tensor.data
    if tensor.datatype not in _DATATYPES:
        raise BadInput(f"tensor {name} has the datatype {_short(tensor.datatype)}; expected FP64, INT64, BOOL or BYTES")
    if not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)):
        raise BadInput(f"tensor {name} has the shape {shape[:5]}; expected one tensor per column, of shape [rows] or [rows, 1]")
    if data and isinstance(data[0], list):
        if any(not isinstance(row, list) or len(row) != 1 for row in data):
            raise BadInput(f"tensor {name} is ragged; expected one value per row")
        data = [row[0] for row in data]
    if len(data) != shape[0]:
        raise BadInput(f"tensor {name} has {len(data)} values; expected {shape[0]}, as its shape says")
    return data


def _array(name: str, values: Sequence[Any]) -> pa.Array:
    try:
        array = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeError) as error:
        raise BadInput(f"column {_short(name)} mixes kinds of values; expected all numbers or all texts ({_first_line(error)})") from error
    if pa.types.is_nested(array.type):
        raise BadInput(f"column {_short(name)} has lists or objects in it; expected one value per row")
    if pa.types.is_binary(array.type):
        try:
            array = array.cast(pa.string())
        except pa.ArrowInvalid as error:
            raise BadInput(f"column {_short(name)} has bytes that are no UTF-8 text") from error
    return array


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__

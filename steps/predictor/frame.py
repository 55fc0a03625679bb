"""The pandas frame for the model, cast from the request as the model's signature says."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.core.tables.moments import MOMENT, moments
from modelmedic.steps.predictor.columns import Kind, ModelColumn
from modelmedic.steps.predictor.request import PredictionRequest

Texts = Literal["string", "category"]  # how the model takes its texts
_WHOLE = {"long": np.int64, "integer": np.int32}
_PLAIN = {"float": np.float32, "boolean": np.bool_}


def check(asked: PredictionRequest, kinds: Iterable[tuple[str, Kind]]) -> None:
    """Refuse a request. Raises BadInput when a column that must be numeric is not."""
    for name, kind in kinds:
        column = asked.columns.get(name)
        if column is not None and kind == "number" and not _counts(column.type):
            raise BadInput(f"column {name!r} holds {column.type} values; expected numbers")


def missing(asked: PredictionRequest, wanted: Iterable[ModelColumn]) -> tuple[str, ...]:
    """The model's required columns that the request does not have."""
    return tuple(column.name for column in wanted if column.required and column.name not in asked.columns)


def frame(asked: PredictionRequest, wanted: Iterable[ModelColumn], texts: Texts) -> pd.DataFrame:
    """The model's columns in its order: a missing number is NaN, a missing text is None."""
    return pd.DataFrame({column.name: _cast(asked.columns.get(column.name), asked.rows, column, texts) for column in wanted}, copy=False)


def _cast(column: pa.Array | None, rows: int, wanted: ModelColumn, texts: Texts) -> Any:
    if wanted.kind == "text":
        values = _texts(column, rows)
        return pd.Categorical(values) if texts == "category" else values
    if wanted.kind == "moment":
        found = pa.nulls(rows, MOMENT) if column is None else moments(column)
        return found.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
    return _numbers(column, rows, wanted.exact)


def _texts(column: pa.Array | None, rows: int) -> np.ndarray:
    if column is None or pa.types.is_null(column.type):
        return np.full(rows, None, dtype=object)
    return np.asarray(pc.cast(column, pa.string()).to_numpy(zero_copy_only=False), dtype=object)


def _numbers(column: pa.Array | None, rows: int, exact: str) -> np.ndarray:
    if column is None or pa.types.is_null(column.type):
        return np.full(rows, np.nan)
    if column.null_count == 0 and exact in _WHOLE and pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=_WHOLE[exact])
    values = np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    whole = exact in _WHOLE and np.isfinite(values).all() and (values == np.floor(values)).all()
    kind = _WHOLE[exact] if whole else _PLAIN.get(exact, np.float64)
    return values if kind is np.bool_ and np.isnan(values).any() else values.astype(kind, copy=False)


def _counts(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind))

"""From a request in columns to one number per row, or to a sentence that names the wrong column."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from modelmedic.steps.adapters.models.loader import LoadedModel
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.core.tables.moments import moments
from modelmedic.steps.predictor.columns import Columns, Kind, ModelColumn
from modelmedic.steps.predictor.frame import Texts, check, frame, missing
from modelmedic.steps.predictor.request import PredictionRequest

_MADE_UP: dict[Kind, list[Any]] = {"number": [0.0], "text": [""], "moment": ["2000-01-01T00:00:00Z"]}


class ServedModel:
    """A loaded model that has answered a prediction of its own.

    `strict` refuses a request without a column that the signature requires. Otherwise the column is
    null for every row and the model answers if it can, as real services do: that way a column that
    went missing upstream reaches the log and the monitor. Raises BadInput when the model answers
    neither its own example nor a made-up row.
    """

    def __init__(self, model: LoadedModel, columns: Columns, *, strict: bool = False) -> None:
        self.wanted = columns.wanted((i.name, i.kind, i.required) for i in model.inputs)
        self.logged = columns.logged(self.wanted)
        self._model = model
        self._strict = strict
        self._kinds = dict((*self.logged, *((column.name, column.kind) for column in self.wanted)))
        if not self.wanted:
            raise BadInput("the model has no signature, and no policy names its columns; expected one of them")
        self._own = _own_rows(model.example, self.wanted)
        self._texts = self._warm()

    @property
    def names(self) -> tuple[str, ...]:
        """The model's columns in its order."""
        return tuple(column.name for column in self.wanted)

    def answer(self, asked: PredictionRequest) -> np.ndarray:
        """float64 of shape (rows,). Raises BadInput when the request is at fault, and the model's
        own error when the model is.
        """
        check(asked, self._kinds.items())
        gaps = missing(asked, self.wanted)
        if gaps and (self._strict or not any(name in asked.columns for name in self.names)):
            raise BadInput(f"column {gaps[0]!r} is missing; expected {', '.join(self.names)}")
        try:
            return self._ask(asked, self._texts)
        except Exception as error:
            if not self._works(self._texts):
                raise
            said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            which = f"without column {gaps[0]!r}" if gaps else "for these rows"
            raise BadInput(f"the model has no answer {which}: {said}") from error

    def _ask(self, asked: PredictionRequest, texts: Texts) -> np.ndarray:
        values = self._model.ask(frame(asked, self.wanted, texts))
        wild = np.flatnonzero(~np.isfinite(values))
        if len(wild):
            raise ValueError(f"row {int(wild[0])} got {values[wild[0]]}, which is no number")
        return values

    def _warm(self) -> Texts:
        """The way that the model takes its texts, found by trying both: MLflow's signature says
        string for pandas categories as well.
        """
        choices: Sequence[Texts] = ("string", "category")
        for texts in choices:
            if self._works(texts):
                return texts
        try:
            self._ask(self._own, "string")
        except Exception as error:
            whose = "a made-up row" if self._model.example is None else "its own input example"
            raise BadInput(
                f"the model does not answer {whose} ({type(error).__name__}: {error}); expected a model folder saved with an input example"
            ) from error
        return "string"

    def _works(self, texts: Texts) -> bool:
        try:
            self._ask(self._own, texts)
        except Exception:
            return False
        return True


def _own_rows(example: pa.Table | None, wanted: Sequence[ModelColumn]) -> PredictionRequest:
    """A request that the model has to be able to answer, with the wanted columns alone."""
    rows = 1 if example is None else example.num_rows
    names = () if example is None else example.column_names
    found = {
        column.name: example[column.name].combine_chunks() if example is not None and column.name in names else _made_up(column, rows)
        for column in wanted
    }
    return PredictionRequest("own", rows, found)


def _made_up(column: ModelColumn, rows: int) -> pa.Array:
    return pa.array(_MADE_UP[column.kind] * rows)


def times(asked: PredictionRequest, column: str | None) -> pa.Array | None:
    """The rows' own times in UTC, null where there is none that can be read; None when the request
    has no such column.
    """
    array = asked.columns.get(column) if column is not None else None
    return None if array is None else moments(array)

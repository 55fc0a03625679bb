"""One model behind a server: reads requests, answers them, keeps the log and the counters."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from modelmedic.steps.adapters.kserve.server import PredictorAnswer
from modelmedic.steps.predictor.columns import Kind
from modelmedic.steps.predictor.inference import ServedModel, times
from modelmedic.steps.predictor.inference_log import InferenceLog
from modelmedic.steps.predictor.log_rows import LogEntry
from modelmedic.steps.predictor.metrics import Identity, Metrics
from modelmedic.steps.predictor.request import PredictionRequest, Tensor, from_instances, from_tensors

ROLES = ("champion", "canary")
_DATATYPES: dict[Kind, str] = {"number": "FP64", "text": "BYTES", "moment": "BYTES"}


class LoggingPredictor:
    """Implements the server's `Predictor`. Without a log nothing is kept of a request.

    `name` is the model's name in requests; `identity` is its name in metrics. `role_from_header`
    takes champion or canary from the request, where a gateway in front sets it and callers cannot.
    """

    def __init__(
        self,
        name: str,
        identity: Identity,
        answering: ServedModel,
        metrics: Metrics,
        log: InferenceLog | None,
        *,
        time: str | None,
        served_by: str,
        role_from_header: bool = False,
    ) -> None:
        self.name, self.version, self.digest = name, identity.version, identity.digest
        self.platform = f"mlflow {identity.format}{' (unpickled)' if identity.unpickled else ''}"
        self._answering = answering
        self._metrics = metrics
        self._log = log
        self._time = time
        self._served_by = served_by
        self._role_from_header = role_from_header
        self._kept = tuple(name for name, _ in answering.logged)

    def tensors(
        self, identity: str | None, tensors: Sequence[tuple[str, str, Sequence[int], Sequence[Any]]], role: str | None
    ) -> PredictorAnswer:
        return self._answer(from_tensors(identity, (Tensor(*tensor) for tensor in tensors)), role)

    def instances(self, identity: str | None, instances: Any, role: str | None) -> PredictorAnswer:
        return self._answer(from_instances(identity, instances, self._answering.names), role)

    def role(self, stated: str | None) -> str:
        return stated if self._role_from_header and stated in ROLES else self._served_by

    def inputs(self) -> list[dict[str, Any]]:
        return [{"name": column.name, "datatype": _DATATYPES[column.kind], "shape": [-1]} for column in self._answering.wanted]

    def counted(self, code: int, rows: int, seconds: float, replay: bool) -> None:
        self._metrics.answered(code, rows, seconds, replay=replay)

    def flush(self) -> Mapping[str, Any]:
        if self._log is None:
            return {"flushed": True}
        return {"flushed": self._log.flush(10.0), **asdict(self._log.counts())}

    def _answer(self, asked: PredictionRequest, role: str | None) -> PredictorAnswer:
        values = self._answering.answer(asked)
        if role is not None and self._log is not None:
            self._log.add(self._entry(asked, values, role))
        return PredictorAnswer(asked.id, values)

    def _entry(self, asked: PredictionRequest, values: np.ndarray, role: str) -> LogEntry:
        kept = {name: asked.columns[name] for name in self._kept if name in asked.columns}
        return LogEntry(asked.id, kept, times(asked, self._time), values, role, datetime.now(UTC))

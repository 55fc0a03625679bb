"""Serving in memory, for tests of whoever deploys: the rehearsed one, whose versions behave as a
test says.
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from modelmedic.steps.adapters.memory.serving import Ask, Floats, RehearsedServing
from modelmedic.steps.contracts.errors import BadInput, Refused, Transient
from modelmedic.steps.contracts.serving import Prediction, Served
from modelmedic.steps.contracts.training import ModelVersion


class FakeServing(RehearsedServing):
    """`behaviours` by version: {"value": 0.5} is what it answers, {"error": …} refuses to serve,
    {"dies"} or {"silent"} never comes up,

    {"damaged"} has files that are no model, {"status": 500} fails every request, {"answers": f} is
    what it answers to an age. `ask` is a
    caller's request through the gateway.
    """

    def __init__(self, behaviours: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        super().__init__(self._loaded)
        self.behaviours: dict[str, Mapping[str, Any]] = dict(behaviours or {})
        self.asked: list[tuple[str, pa.Table, bool]] = []  # every direct request: whom, what, and whether it was a replay

    def infer(self, rows: pa.Table, *, to: Literal["champion", "canary"], replay: bool = True) -> Prediction:
        if (self.state().champion if to == "champion" else self.state().canary) is not None:
            self.asked.append((to, rows, replay))
        return super().infer(rows, to=to, replay=replay)

    def _up(self, model: ModelVersion) -> Served:
        """A test may have changed how the version behaves since it came up the last time."""
        self._ready.pop(model.digest, None)
        return super()._up(model)

    def _loaded(self, model: ModelVersion) -> Ask:
        behaviour = self.behaviours.get(model.version, {})
        if behaviour.get("error"):
            raise Refused(f"version {model.version} cannot serve: {behaviour['error']}")
        if behaviour.get("damaged"):
            raise BadInput(f"MLmodel of version {model.version} names no flavors; expected an MLflow model")
        if behaviour.get("dies") or behaviour.get("silent"):
            raise Transient(f"version {model.version} did not answer in time")
        return lambda rows: self._answers(model.version, rows)

    def _answers(self, version: str, rows: pa.Table) -> Floats:
        behaviour = self.behaviours.get(version, {})
        if behaviour.get("status"):
            raise Transient(f"version {version} answered {behaviour['status']}")
        told = behaviour.get("answers")
        if told is not None:
            return np.array([told(age) for age in rows["age"].to_pylist()], dtype=np.float64)
        return np.full(rows.num_rows, float(behaviour.get("value", 0.5)))

    def validated(self, version: str, rows: pa.Table) -> Floats:
        """What validation has seen of the version: its answers, or half where none are stated."""
        told = self.behaviours.get(version, {}).get("answers")
        return np.array([told(age) for age in rows["age"].to_pylist()], dtype=np.float64) if told else np.full(rows.num_rows, 0.5)

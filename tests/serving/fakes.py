"""Serving in memory, for tests of whoever deploys: it keeps the same rules as the real one and no processes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import pyarrow as pa

from steps.contracts.errors import Conflict, Refused, Transient
from steps.contracts.serving import Prediction, Served, ServingState, Traffic
from steps.contracts.training import ModelVersion
from steps.core.routing import to_canary


class FakeServing:
    """`behaviours` by version: {"value": 0.5} is what it answers, {"error": …} refuses to serve, {"dies"} or {"silent"} never comes up,

    {"status": 500} fails every request. `ask` is a caller's request through the gateway.
    """

    def __init__(self, behaviours: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.behaviours: dict[str, Mapping[str, Any]] = dict(behaviours or {})
        self.asked: list[tuple[str, pa.Table, bool]] = []  # every direct request: whom, what, and whether it was a replay
        self._state = ServingState(0, None)
        self._traffic: dict[str, Traffic] = {}  # by version
        self._number = 0

    def state(self) -> ServingState:
        return self._state

    def start(self, model: ModelVersion) -> ServingState:
        champion = self._state.champion
        if champion is not None and champion.digest != model.digest:
            raise Refused(f"version {champion.version} serves already")
        return self._state if champion is not None else self._become(champion=self._up(model))

    def start_canary(self, model: ModelVersion, *, expected: int) -> ServingState:
        canary = self._state.canary
        self._expect(expected)
        if self._state.champion is None:
            raise Refused("nothing serves; expected a champion")
        if canary is not None and canary.digest == model.digest:
            return self._state
        if canary is not None:
            raise Refused(f"version {canary.version} is the canary already")
        return self._become(canary=self._up(model), canary_percent=0)

    def set_share(self, percent: int, *, expected: int) -> ServingState:
        self._expect(expected)
        self._canary()
        if not 0 <= percent <= 100:
            raise Refused(f"share is {percent}; expected 0 to 100 percent")
        self._number = 0
        return self._become(canary_percent=percent)

    def promote(self, *, expected: int) -> ServingState:
        self._expect(expected)
        return self._become(champion=self._canary(), canary=None, canary_percent=0, previous=self._state.champion)

    def withdraw(self) -> ServingState:
        return self._become(canary=None, canary_percent=0)

    def restore(self, model: ModelVersion) -> ServingState:
        champion = self._state.champion
        if champion is not None and champion.digest == model.digest:
            return self.withdraw()
        return self._become(champion=self._up(model), canary=None, canary_percent=0, previous=None)

    def annotate(self, facts: Mapping[str, str]) -> None:
        self._state = replace(self._state, annotations={**self._state.annotations, **facts})

    def infer(self, rows: pa.Table, *, to: Literal["champion", "canary"], replay: bool = True) -> Prediction:
        served = self._state.champion if to == "champion" else self._state.canary
        if served is None:
            raise Transient(f"there is no {to} to ask")
        self.asked.append((to, rows, replay))
        return self._answer(served, rows)

    def traffic(self) -> Mapping[str, Traffic]:
        roles = {"champion": self._state.champion, "canary": self._state.canary}
        return {role: self._traffic.get(served.version, Traffic(0, 0)) for role, served in roles.items() if served is not None}

    def ask(self, rows: pa.Table, *, replay: bool = False) -> Prediction:
        state = self._state
        if state.champion is None:
            raise Transient("nothing serves")
        if not replay:
            self._number += 1
        if state.canary is not None and not replay and to_canary(self._number - 1, state.canary_percent):
            try:
                answer = self._answer(state.canary, rows)
            except Transient:
                self._count(state.canary, failed=True)
            else:
                self._count(state.canary, failed=False)
                return answer
        if not replay:
            self._count(state.champion, failed=bool(self.behaviours.get(state.champion.version, {}).get("status")))
        return self._answer(state.champion, rows)

    def _become(self, **changes: Any) -> ServingState:
        after = replace(self._state, **changes)
        if after != self._state:
            self._state = replace(after, generation=after.generation + 1)
        return self._state

    def _expect(self, expected: int) -> None:
        if expected != self._state.generation:
            raise Conflict(f"serving is at generation {self._state.generation}; expected {expected}")

    def _canary(self) -> Served:
        if self._state.canary is None:
            raise Refused("there is no canary")
        return self._state.canary

    def _up(self, model: ModelVersion) -> Served:
        behaviour = self.behaviours.get(model.version, {})
        if behaviour.get("error"):
            raise Refused(f"version {model.version} cannot serve: {behaviour['error']}")
        if behaviour.get("dies") or behaviour.get("silent"):
            raise Transient(f"version {model.version} did not answer in time")
        return Served(model.version, model.digest, model.uri, f"memory://{model.version}")

    def _answer(self, served: Served, rows: pa.Table) -> Prediction:
        behaviour = self.behaviours.get(served.version, {})
        if behaviour.get("status"):
            raise Transient(f"version {served.version} answered {behaviour['status']}")
        return Prediction((float(behaviour.get("value", 0.5)),) * rows.num_rows, served.version, 1.0)

    def _count(self, served: Served, *, failed: bool) -> None:
        before = self._traffic.get(served.version, Traffic(0, 0))
        self._traffic[served.version] = Traffic(before.requests + 1, before.failures + failed, 1.0)

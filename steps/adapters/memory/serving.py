"""Serving without a server: models of this process answer replayed rows, under the same rules as
predictors behind a gateway.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.contracts.errors import Conflict, Refused, Transient
from modelmedic.steps.contracts.serving import Prediction, Served, ServingState, Traffic, noted
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.core.rollout.routing import to_canary

Floats = npt.NDArray[np.float64]
Ask = Callable[[pa.Table], Floats]  # one number per row
Load = Callable[[ModelVersion], Ask]

_NO_TIME = 0.001  # ms, as good as none: how long an answer takes on another machine cannot be rehearsed on this one


@dataclass(frozen=True, slots=True)
class ServedAnswers:
    """One number per row, and who gave it: shapes (n,)."""

    values: Floats
    versions: tuple[str, ...]
    roles: tuple[str, ...]  # champion or canary


class RehearsedServing:
    """Implements `Serving`. `load` makes a version ready; it raises Refused or Transient for one
    that would not come up.

    An answer that raises Transient is a failed request. Latency is not rehearsed: every answer
    takes no time.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._state = ServingState(0, None)
        self._ready: dict[str, Ask] = {}  # by digest
        self._traffic: dict[str, Traffic] = {}  # by digest
        self._asked = 0  # requests since the share was set

    def state(self) -> ServingState:
        return self._state

    def start(self, model: ModelVersion) -> ServingState:
        champion = self._state.champion
        if champion is not None and champion.digest != model.digest:
            raise Refused(f"version {champion.version} serves already; expected nothing, or a canary for version {model.version}")
        return self._state if champion is not None else self._become(champion=self._up(model))

    def start_canary(self, model: ModelVersion, *, expected: int) -> ServingState:
        canary = self._state.canary
        self._expect(expected)
        if self._state.champion is None:
            raise Refused("nothing serves; expected a champion")
        if canary is not None and canary.digest == model.digest:
            return self._state
        if canary is not None:
            raise Refused(f"version {canary.version} is the canary already; withdraw it before version {model.version} is tried")
        return self._become(canary=self._up(model), canary_percent=0)

    def set_share(self, percent: int, *, expected: int) -> ServingState:
        self._expect(expected)
        self._canary()
        if not 0 <= percent <= 100:
            raise Refused(f"share is {percent}; expected 0 to 100 percent")
        self._asked = 0
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

    def annotate(self, facts: Mapping[str, str | None]) -> None:
        self._state = replace(self._state, annotations=noted(self._state.annotations, facts))

    def infer(self, rows: pa.Table, *, to: Literal["champion", "canary"], replay: bool = True) -> Prediction:
        served = self._state.champion if to == "champion" else self._state.canary
        if served is None:
            raise Transient(f"there is no {to} to ask; expected one that serves")
        values = self._ready[served.digest](rows)
        if not replay:
            self._count(served, 1, 0)
        return Prediction(tuple(values.tolist()), served.version, _NO_TIME)

    def traffic(self) -> Mapping[str, Traffic]:
        roles = {"champion": self._state.champion, "canary": self._state.canary}
        return {role: self._traffic.get(served.digest, Traffic(0, 0)) for role, served in roles.items() if served is not None}

    def ask(self, rows: pa.Table, *, replay: bool = False) -> Prediction:
        """The answer to one request of a caller, by the process whose turn it is. A replay is the
        champion's and counts nowhere.
        """
        if replay:
            return self.infer(rows, to="champion")
        turn = self._turns(1)[0]
        values, role = self._answered(rows, 1, canary=bool(turn))
        served = self._state.canary if role == "canary" else self._state.champion
        assert served is not None
        return Prediction(tuple(values.tolist()), served.version, _NO_TIME)

    def serve(self, rows: pa.Table) -> ServedAnswers:
        """Answer every row as a request of its own, in their order."""
        turns = self._turns(rows.num_rows)
        values, versions = np.empty(rows.num_rows), np.empty(rows.num_rows, dtype=object)
        roles = np.empty(rows.num_rows, dtype=object)
        for canary in (False, True):
            places = np.flatnonzero(turns == canary)
            if len(places):
                values[places], role = self._answered(rows.take(pa.array(places)), len(places), canary=canary)
                served = self._state.canary if role == "canary" else self._state.champion
                roles[places], versions[places] = role, served.version if served else ""
        return ServedAnswers(values, tuple(versions.tolist()), tuple(roles.tolist()))

    def _turns(self, requests: int) -> npt.NDArray[np.bool_]:
        """Truth values for the next requests: True where it is the canary's turn."""
        if self._state.champion is None:
            raise Transient("nothing serves; expected a champion")
        first, percent = self._asked, self._state.canary_percent if self._state.canary is not None else 0
        self._asked += requests
        return np.array([to_canary(number, percent) for number in range(first, first + requests)], dtype=bool)

    def _answered(self, rows: pa.Table, requests: int, *, canary: bool) -> tuple[Floats, str]:
        """The canary's failures are charged to it, and the champion answers in its place."""
        challenger = self._state.canary
        if canary and challenger is not None:
            try:
                values = self._ready[challenger.digest](rows)
            except Transient:
                self._count(challenger, requests, requests)
            else:
                self._count(challenger, requests, 0)
                return values, "canary"
        champion = self._state.champion
        assert champion is not None
        try:
            values = self._ready[champion.digest](rows)
        except Transient:
            self._count(champion, requests, requests)
            raise
        self._count(champion, requests, 0)
        return values, "champion"

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
            raise Refused("there is no canary; expected one that was started")
        return self._state.canary

    def _up(self, model: ModelVersion) -> Served:
        if model.digest not in self._ready:
            self._ready[model.digest] = self._load(model)
        return Served(model.version, model.digest, model.uri, f"rehearsed:{model.version}")

    def _count(self, served: Served, requests: int, failures: int) -> None:
        before = self._traffic.get(served.digest, Traffic(0, 0))
        self._traffic[served.digest] = Traffic(before.requests + requests, before.failures + failures, _NO_TIME)

"""Serving on one machine: predictors and a gateway as processes that outlive the command, behind
the same port as in a cluster.

The wanted state is written to a document first; then processes are started, routes are taken over,
and processes that no slot names are ended. A command that was killed anywhere in between leaves a
document that the next call makes true.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pyarrow as pa

from modelmedic.steps.adapters.local_serving.predictors import GATEWAY, PredictorProcesses, call
from modelmedic.steps.adapters.local_serving.processes import locked
from modelmedic.steps.adapters.local_serving.state import LocalState, PredictorSlot, StateFile
from modelmedic.steps.adapters.predictor.client import metrics_page
from modelmedic.steps.adapters.predictor.counters import read_traffic
from modelmedic.steps.contracts.errors import ModelmedicError, Refused, Transient
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.serving import Prediction, Served, ServingState, Traffic, noted
from modelmedic.steps.contracts.training import ModelVersion

_GRACE = 25.0  # seconds a predictor has to write the rest of its log at a stop
_KEPT = 10  # outputs of ended predictors


class LocalServing:
    """Implements `Serving` below `root`. `store_url` names `store` for the predictors, which log to
    it.

    `patience` bounds the start of a predictor; `log_seconds` is how long an answer may wait before
    it is in the log (`flush` does it at once); `predictor` is the module that is run as one.
    Everything listens on 127.0.0.1, on ports that were free.
    """

    def __init__(
        self,
        root: Path,
        policy: Policy,
        store_url: str,
        store: ObjectStore,
        *,
        patience: timedelta = timedelta(seconds=120),
        log_seconds: float = 1.0,
        predictor: str = "modelmedic.steps.predictor",
    ) -> None:
        self._root = root.absolute()
        url = store_url if "://" in store_url else str(Path(store_url).expanduser().absolute())
        self._predictors = PredictorProcesses(self._root, policy, url, store, patience, log_seconds, predictor)
        self._processes = self._predictors.processes
        self._document = StateFile(self._root)

    @property
    def url(self) -> str:
        """The gateway's address, the same over all changes of what serves. Raises Transient when
        nothing was started yet.
        """
        if not self.port:
            raise Transient(f"nothing serves below {self._root}; `modelmedic bootstrap` starts the first champion")
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The gateway's port, which it takes again after a stop where that is free; 0 before the
        first start.
        """
        return self._document.read().gateway_port or 0

    def state(self) -> ServingState:
        """The wanted state, and which of it answers. A champion or gateway that died is started
        again first, unless all was stopped.
        """
        wanted = self._document.read()
        if wanted.champion is not None and not wanted.stopped and not self._whole(wanted):
            with contextlib.suppress(ModelmedicError):  # the state says that it is not ready
                wanted = self._settle(wanted)
        return self._told(wanted)

    def start(self, model: ModelVersion) -> ServingState:
        wanted = self._document.read()
        if wanted.champion is not None:
            if wanted.champion.digest == model.digest:
                return self.resume()
            raise Refused(f"version {wanted.champion.version} serves already; expected nothing, or a canary for version {model.version}")

        def chosen(now: LocalState) -> LocalState:
            after, slot = now.new_slot(model)
            return replace(after, champion=slot, stopped=False, generation=now.generation + 1)

        wanted = self._document.change(chosen, expected=wanted.generation)
        with self._undone(lambda now: replace(now, champion=None), wanted):
            return self._told(self._settle(wanted))

    def start_canary(self, model: ModelVersion, *, expected: int) -> ServingState:
        """Raises Refused when the model says that it cannot serve, Transient when it does not come
        up in time.
        """
        self._champion(self._document.read())

        def chosen(now: LocalState) -> LocalState:
            if now.canary is not None and now.canary.digest == model.digest:
                return now  # an earlier call was killed while it came up
            if now.canary is not None:
                raise Refused(f"version {now.canary.version} is the canary already; withdraw it before version {model.version} is tried")
            after, slot = now.new_slot(model)
            return replace(after, canary=slot, percent=0, stopped=False, generation=now.generation + 1)

        wanted = self._document.change(chosen, expected=expected)
        with self._undone(lambda now: replace(now, canary=None, percent=0), wanted):
            self._settle(wanted)
            self._started(self._canary(wanted))
            self._reload(wanted)
        return self.state()

    def set_share(self, percent: int, *, expected: int) -> ServingState:
        if not 0 <= percent <= 100:
            raise Refused(f"share is {percent}; expected 0 to 100 percent")
        wanted = self._document.read()
        self._answering(self._canary(wanted))
        return self._changed(lambda now: replace(now, percent=percent), expected=expected)

    def promote(self, *, expected: int) -> ServingState:
        """No process is restarted: the gateway names the other one champion from now on."""
        wanted = self._document.read()
        self._answering(self._canary(wanted))
        return self._changed(
            lambda now: replace(now, champion=self._canary(now), canary=None, percent=0, previous=now.champion), expected=expected
        )

    def withdraw(self) -> ServingState:
        return self._changed(lambda now: replace(now, canary=None, percent=0, incoming=None))

    def restore(self, model: ModelVersion) -> ServingState:
        """Switch to the kept previous process where it is that version, else to a new one once it
        answers.
        """
        wanted = self._document.read()
        if wanted.champion is not None and wanted.champion.digest == model.digest:
            return self.withdraw()
        kept = next((slot for slot in (wanted.previous, wanted.canary, wanted.incoming) if slot and slot.digest == model.digest), None)
        coming = kept or wanted.new_slot(model)[1]

        def announced(now: LocalState) -> LocalState:
            return replace(now, incoming=coming, serial=max(now.serial, wanted.serial + 1), stopped=False, generation=now.generation + 1)

        wanted = self._document.change(announced)
        with self._undone(lambda now: replace(now, incoming=None), wanted):
            self._started(coming)
        return self._changed(lambda now: replace(now, champion=coming, canary=None, percent=0, previous=None, incoming=None))

    def annotate(self, facts: Mapping[str, str | None]) -> None:
        self._document.change(lambda now: replace(now, annotations=noted(now.annotations, facts)))

    def infer(self, rows: pa.Table, *, to: Literal["champion", "canary"], replay: bool = True) -> Prediction:
        wanted = self._document.read()
        slot = wanted.champion if to == "champion" else wanted.canary
        if slot is None:
            raise Transient(f"there is no {to} to ask; expected one that serves")
        with self._predictors.client(self._answering(slot), to) as client:
            return client.ask(rows, replay=replay)

    def traffic(self) -> Mapping[str, Traffic]:
        wanted = self._document.read()
        counts = call("GET", f"{self.url}/modelmedic/traffic")
        roles = {"champion": wanted.champion, "canary": wanted.canary}
        return {role: Traffic(**counts.get(slot.name, {"requests": 0, "failures": 0})) for role, slot in roles.items() if slot is not None}

    def counted(self, version: str) -> tuple[str, Traffic] | None:
        """The process that serves the version, champion, canary or previous, and the counters of
        its /metrics; None where none runs. Raises Transient.
        """
        slot = next((slot for slot in self._document.read().slots if slot.version == version), None)
        url = self._predictors.url(slot.name) if slot is not None else None
        return (slot.name, read_traffic(metrics_page(url))) if slot is not None and url is not None else None

    def flush(self) -> None:
        """Wait until every answer so far is in the inference log. Raises Transient when the store
        is away.
        """
        named = {slot.name for slot in self._document.read().slots}
        alive = [name for name in self._processes.names() if name != GATEWAY]
        for name in alive:
            if name in named:
                self._predictors.flush(name)
        if not self._processes.gone([name for name in alive if name not in named], _GRACE):  # they write theirs as they end
            raise Transient(f"a predictor that was asked to end below {self._root} has not written its log within {_GRACE:.0f} s")

    def resume(self) -> ServingState:
        """Start again what a reboot, a kill or `stop` took away. Raises as `start_canary`."""
        wanted = self._document.change(lambda now: replace(now, stopped=False))
        return self._told(self._settle(wanted) if wanted.champion is not None else wanted)

    def stop(self) -> None:
        """End every process, the log written; no process comes back before `resume` or a command
        that changes something.
        """
        self._document.change(lambda now: replace(now, stopped=True))
        with self._alone():
            names = self._processes.names()
            self._processes.end([name for name in names if name == GATEWAY], 10.0)
            self._processes.end([name for name in names if name != GATEWAY], _GRACE)

    def _changed(self, to: Callable[[LocalState], LocalState], *, expected: int | None = None) -> ServingState:
        """Write, switch the routes, end the processes that no slot names; the generation rises only
        when something changed.
        """

        def chosen(now: LocalState) -> LocalState:
            after = to(now)
            return now if after == now else replace(after, generation=now.generation + 1)

        wanted = self._document.change(chosen, expected=expected)
        return self._told(self._settle(wanted) if wanted.champion is not None and not wanted.stopped else wanted)

    def _settle(self, wanted: LocalState) -> LocalState:
        """Make the document true for champion and gateway; a canary that died stays dead, so that
        it is seen.
        """
        with self._alone():
            if not wanted.gateway_port or not self._processes.alive(GATEWAY):
                self._predictors.start_gateway(wanted.gateway_port)
        champion = self._champion(wanted)
        if not self._processes.alive(champion.name) or self._predictors.url(champion.name) is None:
            self._started(champion)
        port = int(self._predictors.wait_for(GATEWAY).rpartition(":")[2])
        if port != wanted.gateway_port:
            wanted = self._document.change(lambda now: replace(now, gateway_port=port))
        self._reload(wanted)
        self._sweep()
        return wanted

    def _started(self, slot: PredictorSlot) -> None:
        with self._alone():
            self._predictors.start(slot)
        self._predictors.wait_for_prediction(slot)

    def _reload(self, wanted: LocalState) -> None:
        """The gateway routes by this generation, or a later one, when this returns."""
        taken = call("POST", f"{self._predictors.wait_for(GATEWAY)}/modelmedic/reload").get("generation", -1)
        if taken < wanted.generation:
            raise Transient(f"the gateway routes by generation {taken} still; expected {wanted.generation}")

    def _sweep(self) -> None:
        """End the processes that no slot names, without waiting: their last requests are answered
        first.
        """
        with self._alone():
            named = {slot.name for slot in self._document.read().slots} | {GATEWAY}
            for name in self._processes.names():
                if name not in named:
                    self._processes.ask_to_end(name)
            self._processes.forget(named, keep=_KEPT)

    @contextlib.contextmanager
    def _undone(self, to: Callable[[LocalState], LocalState], wanted: LocalState) -> Iterator[None]:
        """Take a start that failed out of the document again, and end its process."""
        try:
            yield
        except ModelmedicError:

            def back(now: LocalState) -> LocalState:
                return replace(to(now), generation=now.generation + 1) if now.generation == wanted.generation else now

            self._document.change(back)
            with contextlib.suppress(ModelmedicError):
                self._sweep()
            raise

    def _alone(self) -> contextlib.AbstractContextManager[None]:
        return locked(self._root / "processes.lock")

    def _whole(self, wanted: LocalState) -> bool:
        return self._processes.alive(GATEWAY) and wanted.champion is not None and self._processes.alive(wanted.champion.name)

    def _champion(self, wanted: LocalState) -> PredictorSlot:
        if wanted.champion is None:
            raise Refused(f"nothing serves below {self._root}; expected a champion, which `modelmedic bootstrap` starts")
        return wanted.champion

    def _canary(self, wanted: LocalState) -> PredictorSlot:
        if wanted.canary is None:
            raise Refused("there is no canary; expected one that was started")
        return wanted.canary

    def _answering(self, slot: PredictorSlot) -> str:
        url = self._predictors.url(slot.name)
        if url is None:
            raise Transient(
                f"the predictor of version {slot.version} does not run; its output is below {self._root / 'processes' / slot.name}"
            )
        return url

    def _told(self, wanted: LocalState) -> ServingState:
        champion = self._served(wanted.champion)
        return ServingState(
            wanted.generation,
            replace(champion, url=f"http://127.0.0.1:{wanted.gateway_port}") if champion is not None and champion.ready else champion,
            self._served(wanted.canary),
            wanted.percent,
            self._served(wanted.previous),
            dict(wanted.annotations),
            stopped=wanted.stopped,
        )

    def _served(self, slot: PredictorSlot | None) -> Served | None:
        if slot is None:
            return None
        url = self._predictors.url(slot.name)
        return Served(slot.version, slot.digest, slot.uri, url or "", ready=url is not None)

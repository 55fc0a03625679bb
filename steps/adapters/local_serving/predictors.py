"""Predictor and gateway processes of one model on this machine: how each is started, and when it
counts as up. Called by `LocalServing`.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.adapters.local_serving.processes import Processes
from modelmedic.steps.adapters.local_serving.state import PredictorSlot
from modelmedic.steps.adapters.models.files import pull
from modelmedic.steps.adapters.models.folder import own_rows
from modelmedic.steps.adapters.polling import wait_until
from modelmedic.steps.adapters.predictor.client import PredictorClient
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Refused, Transient
from modelmedic.steps.contracts.inference_log import SERVED_BY_HEADER
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore

GATEWAY = "gateway"
_STEP = 0.05  # seconds between two looks
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # predictors that fight for cores answer later, not sooner


@dataclass(frozen=True, slots=True)
class PredictorProcesses:
    """`patience` is how long a start may take until the first real prediction."""

    root: Path
    policy: Policy
    store_url: str
    store: ObjectStore
    patience: timedelta
    log_seconds: float
    module: str = "modelmedic.steps.predictor"

    @property
    def processes(self) -> Processes:
        return Processes(self.root / "processes")

    def start(self, slot: PredictorSlot) -> None:
        """Fetch the files, verify their digest, then start the process; does nothing while it
        lives. Raises NotFound or Refused for the files.
        """
        folder = pull(self.store, slot.uri, self._folder(slot), slot.digest)
        self.processes.start(slot.name, self._command(slot, folder), _ONE_THREAD | os.environ)

    def start_gateway(self, port: int) -> None:
        options = {"root": self.root, "port": port, "announce": self.processes.announcement(GATEWAY)}
        command = [
            sys.executable,
            "-m",
            "modelmedic.steps.adapters.local_serving.gateway",
            *(f"--{name}={value}" for name, value in options.items()),
        ]
        self.processes.start(GATEWAY, command, os.environ)

    def url(self, name: str) -> str | None:
        """The address that a living process has announced."""
        said = self.processes.announced(name)
        return f"http://127.0.0.1:{said.port}" if said is not None and said.port and self.processes.alive(name) else None

    def wait_for(self, name: str) -> str:
        """The address of a process that is coming up.

        Raises Refused when the process says that it never will answer, Transient when it ends
        without a word or takes too long.
        """
        seconds = self.patience.total_seconds()
        url = wait_until(lambda: self._coming_up(name), seconds=seconds, pause=_STEP)
        if not url:
            raise Transient(f"{name} did not answer within {seconds:.0f} s; its output is {self._output(name)}")
        return url

    def wait_for_prediction(self, slot: PredictorSlot) -> None:
        """Wait until the predictor answers rows of its model's own and names its version. Raises as
        `wait_for`.
        """
        url = self.wait_for(slot.name)
        try:
            with self.client(url, "canary") as client:
                answer = client.ask(own_rows(self._folder(slot)), "ready", replay=True)
        except BadInput as error:
            raise Refused(f"{slot.name} refuses its model's own rows: {error}") from error
        if answer.version != slot.version:
            raise Refused(f"{slot.name} says that it is version {answer.version}; expected {slot.version}")

    def client(self, url: str, role: str) -> PredictorClient:
        return PredictorClient(url, self.policy.name, headers={SERVED_BY_HEADER: role})

    def flush(self, name: str) -> None:
        """Have a predictor write its waiting rows now. Raises Transient when the store does not
        take them in time.
        """
        url = self.url(name)
        if url is not None and not call("POST", f"{url}/modelmedic/flush", timeout=15.0).get("flushed"):
            raise Transient(f"{name} could not write its inference log to {self.store_url} within 10 s")

    def _coming_up(self, name: str) -> str | None:
        """The address as soon as the process has announced it. Raises as `wait_for`."""
        announced, alive = self.processes.announced(name), self.processes.alive(name)
        if announced is not None and announced.error:
            raise Refused(f"{name} cannot serve: {announced.error}")
        if not alive:
            words = self.processes.last_words(name)
            raise Transient(f"{name} ended before it answered; its last words ({self._output(name)}): {words}")
        return f"http://127.0.0.1:{announced.port}" if announced is not None and announced.port else None

    def _folder(self, slot: PredictorSlot) -> Path:
        return self.root / "models" / slot.digest

    def _output(self, name: str) -> Path:
        return self.root / "processes" / name / "output.log"

    def _command(self, slot: PredictorSlot, folder: Path) -> Sequence[str]:
        data = self.policy.data
        options: dict[str, str] = {
            "model-name": self.policy.name,
            "model-dir": str(folder),
            "version": slot.version,
            "digest": slot.digest,
            "task": data.task.value,
            "time-column": data.time,
            "log-store": self.store_url,
            "log-prefix": self.policy.log_prefix,
            "log-seconds": str(self.log_seconds),
            "served-by": "champion",
            "port": "0",
            "announce": str(self.processes.announcement(slot.name)),
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        flags += [f"--{kind}={c}" for kind, columns in (("numeric", data.numeric), ("categorical", data.categorical)) for c in columns]
        return [sys.executable, "-m", self.module, *flags, "--role-from-header", "--flushable"]


def call(method: str, url: str, timeout: float = 5.0) -> Mapping[str, Any]:
    """A JSON object from a server on this machine. Raises Transient."""
    with HttpClient(url, "the server", connect=timeout, answer=timeout) as client:
        try:
            return client.call_json(method)
        except ModelmedicError as error:
            raise Transient(str(error)) from error

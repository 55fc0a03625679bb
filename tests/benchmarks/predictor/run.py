"""The cost of a predictor: its start, and p50 and p99 of a request with and without the inference
log, in turns on one machine.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modelmedic.steps.adapters.predictor.client import PredictorClient
from tests.benchmarks.predictor.model import CODES, NUMBERS, rows, write_model


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds as the caller sees them; `cpu_ms` is the predictor's own processor time per
    request.
    """

    name: str
    start_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class RunningPredictor:
    name: str
    process: "subprocess.Popen[bytes]"
    client: PredictorClient
    start_s: float

    def cpu_s(self) -> float:
        """User and system time so far, from /proc."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(root: Path, store: str, *, requests: int = 400, batch: int = 300) -> tuple[Measured, ...]:
    """The predictors are asked in turns, so that whatever else the machine does meets all of
    them.
    """
    folder, table = write_model(root / "model"), rows(20_000)
    log = (f"--log-store={store}", "--log-seconds=1")
    with _running(root, folder, "without log") as bare, _running(root, folder, "with log", *log) as logging:
        runs = (bare, logging)
        for each in runs:
            for number in range(20):
                each.client.ask(table.slice(number * batch, batch))
        before = [each.cpu_s() for each in runs]
        seen: dict[str, list[float]] = {each.name: [] for each in runs}
        for number in range(requests):
            asked = table.slice((number * 137) % (table.num_rows - batch), batch)
            for each in runs:
                seen[each.name].append(each.client.ask(asked, f"{each.name}-{number}").latency_ms)
        spent = [(each.cpu_s() - was) / requests * 1000 for each, was in zip(runs, before, strict=True)]
    return tuple(_measured(each, seen[each.name], cpu) for each, cpu in zip(runs, spent, strict=True))


def _measured(each: RunningPredictor, seen: list[float], cpu_ms: float) -> Measured:
    p50, p99 = (float(value) for value in np.percentile(seen, (50, 99)))
    return Measured(each.name, each.start_s, p50, p99, cpu_ms)


@contextmanager
def _running(root: Path, folder: Path, name: str, *more: str) -> Iterator[RunningPredictor]:
    announce = root / f"{name}.json"
    flags = [f"--model-dir={folder}", "--model-name=bench", "--version=1", "--task=binary", "--port=0", f"--announce={announce}"]
    columns = [*(f"--numeric={c}" for c in NUMBERS), *(f"--categorical={c}" for c in CODES), "--time-column=at"]
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    begun = time.monotonic()
    with (root / f"{name}.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "modelmedic.steps.predictor", *flags, *columns, *more], stdout=output, stderr=output, env=environment
        )
    try:
        while not announce.exists():
            if process.poll() is not None:
                raise RuntimeError((root / f"{name}.log").read_text())
            time.sleep(0.01)
        started = time.monotonic() - begun
        with PredictorClient(f"http://127.0.0.1:{json.loads(announce.read_text())['port']}", "bench") as client:
            yield RunningPredictor(name, process, client, started)
    finally:
        process.terminate()
        process.wait(40)

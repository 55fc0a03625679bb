"""The training process started, bounded and watched from outside: whatever it does, the caller gets a folder or a sentence."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from steps.contracts.errors import BadInput
from steps.contracts.policy import Policy
from steps.contracts.window import format_duration
from steps.model_files import digest

_PASSED_ON = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "OMP_NUM_THREADS")
_LONGEST = 300  # characters of a sentence that their code may put into our records


@dataclass(frozen=True, slots=True)
class Trained:
    """`folder` holds an MLflow model, or is None and `sentence` says why. `seconds` is how long it took."""

    folder: Path | None
    seconds: float
    sentence: str


def train_apart(data: Path, policy: Policy, out: Path, *, recalibrate: Path | None = None, timeout: timedelta | None = None) -> Trained:
    """Run `python -m steps.training` on the rows in `data`, with none of our credentials in its environment.

    `out` is an empty folder for everything that it writes. A failure of any kind is an answer, not an exception: the traceback is in
    `out/training.log`.
    """
    allowed = timeout or policy.retrain.timeout
    (out / "home").mkdir(parents=True)
    (out / "policy.json").write_text(policy.model_dump_json(by_alias=True))
    command = [sys.executable, "-m", "steps.training", f"--data={data}", f"--policy={out / 'policy.json'}", f"--out={out}", "--tethered"]
    started = time.monotonic()
    code = _ran([*command, *([f"--recalibrate={recalibrate}"] if recalibrate else [])], out, allowed)
    seconds = round(time.monotonic() - started, 3)
    who = "recalibration" if recalibrate else f"training by {policy.retrain.entrypoint}"
    fault = _fault(code, out, allowed)
    if fault:
        return Trained(None, seconds, f"{who} {fault}; see {out / 'training.log'}")
    return Trained(out / "model", seconds, f"{who} took {seconds:.1f} s")


def _ran(command: list[str], out: Path, allowed: timedelta) -> int | None:
    """Its exit code; None when it took too long and was ended, with everything that it had started."""
    with (out / "training.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=_environment(os.environ, out), start_new_session=True
        )
        try:
            return process.wait(allowed.total_seconds())
        except subprocess.TimeoutExpired:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdin:
                process.stdin.close()


def _environment(ours: Mapping[str, str], out: Path) -> dict[str, str]:
    """What a training function needs to run, and nothing that opens a store: a list of what passes, not of what does not."""
    passed = {name: ours[name] for name in _PASSED_ON if name in ours}
    own = {
        "HOME": str(out / "home"),
        "TMPDIR": str(out / "home"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{out / 'home' / 'mlflow.db'}",  # an mlflow.log_metric of theirs stays theirs
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        # OpenMP threads wait for one another in a busy loop: on two cores with a neighbour two of them take ten times as long as one
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // 2)),
    }
    return {**own, **passed}


def _fault(code: int | None, out: Path, allowed: timedelta) -> str | None:
    if code is None:
        return f"was ended after {format_duration(allowed)} (retrain.timeout)"
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return "was killed (exit 137), most likely for want of memory"
    error = _reported(out)
    if error:
        return f"failed: {error}"
    if code != 0:
        return f"ended with exit code {code} and no word"
    try:
        digest(out / "model")
    except BadInput as reason:
        return f"left no usable model: {reason}"
    return None


def _reported(out: Path) -> str | None:
    """The error in the report as one printable line; their code may have written anything there."""
    try:
        error = json.loads((out / "report.json").read_text())["error"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    line = " ".join(str(error).split()) if error else ""
    return "".join(c for c in line if c.isprintable())[:_LONGEST] or None

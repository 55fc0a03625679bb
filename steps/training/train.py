"""A training in a child process (`__main__.py`): whatever the training code does, the caller gets a
folder or a sentence.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from modelmedic.steps.adapters.models.files import digest
from modelmedic.steps.adapters.models.plain_files import read_json, sentence
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import format_duration
from modelmedic.steps.training.process import LOG_FILE, run_child, was_killed

_LARGEST_REPORT = 1 << 20  # bytes
_LONGEST = 300  # characters of a sentence that a user's code may put into our records


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """`folder` holds an MLflow model, or is None and `sentence` says why. `seconds` is the
    duration.
    """

    folder: Path | None
    seconds: float
    sentence: str


def train_in_child(
    data: Path,
    policy: Policy,
    out: Path,
    *,
    recalibrate: Path | None = None,
    halving: timedelta | None = None,
    timeout: timedelta | None = None,
    unpickled: bool = False,
) -> TrainingOutcome:
    """Run `python -m modelmedic.steps.training` on the rows in `data`, with none of our credentials
    in the environment.

    `unpickled` refuses a training function whose models only pickling can save, before it gets all
    rows. A row counts half as much for every `halving` that it is older than the newest; None: all
    alike. `out` is a folder that does not exist yet, for everything that the child writes. A
    failure of any kind is an answer, not an exception; the traceback is in the log in `out`.
    """
    allowed = timeout or policy.retrain.timeout
    out.mkdir(parents=True)
    (out / "policy.json").write_text(policy.model_dump_json(by_alias=True))
    command = ["modelmedic.steps.training", f"--data={data}", f"--policy={out / 'policy.json'}", f"--out={out}"]
    if recalibrate is not None:
        command.append(f"--recalibrate={recalibrate}")
    if unpickled:
        command.append("--unpickled")
    if halving is not None:
        command.append(f"--halving={halving / timedelta(days=1)}")
    started = time.monotonic()
    code = run_child(command, out, allowed, [data, *([recalibrate] if recalibrate else [])])
    seconds = round(time.monotonic() - started, 3)
    who = "recalibration" if recalibrate else f"training by {policy.retrain.entrypoint}"
    fault = _fault(code, out, allowed)
    if fault:
        return TrainingOutcome(None, seconds, f"{who} {fault}; see {out / LOG_FILE}")
    return TrainingOutcome(out / "model", seconds, f"{who} took {seconds:.1f} s")


def _fault(code: int | None, out: Path, allowed: timedelta) -> str | None:
    if code is None:
        return f"was ended after {format_duration(allowed)} (retrain.timeout)"
    if was_killed(code):
        return "was killed (exit 137), most likely for want of memory"
    error = _reported(out)
    if error:
        return f"failed: {error}"
    if code != 0:
        return f"ended with exit code {code} and no message"
    try:
        digest(out / "model")
    except BadInput as reason:
        return f"left no usable model: {reason}"
    return None


def _reported(out: Path) -> str | None:
    """The error in the report as one printable line; a user's code may have left anything
    there.
    """
    try:
        return sentence(read_json(out / "report.json", _LARGEST_REPORT)["error"], _LONGEST) or None
    except (BadInput, OSError, ValueError, KeyError, TypeError):
        return None

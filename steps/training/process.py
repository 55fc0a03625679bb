"""A process for what others wrote: none of our credentials in its environment, a bound on its time, and no life after ours."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

LOG = "process.log"
_PASSED_ON = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "OMP_NUM_THREADS")


def run_apart(module: list[str], out: Path, allowed: timedelta) -> int | None:
    """`python -m` the module with its arguments; what it says goes to the log in `out`.

    Its exit code; None when it took too long and was ended, with everything that it had started. Its stdin is closed when this
    process dies, which `tethered` heeds.
    """
    (out / "home").mkdir(parents=True, exist_ok=True)
    with (out / LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=_environment(os.environ, out),
            start_new_session=True,
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


def killed(code: int | None) -> bool:
    """Whether the kernel or somebody else ended it with signal 9, as it does for want of memory."""
    return code in (-signal.SIGKILL, 128 + signal.SIGKILL)


def tether() -> None:
    """Call it in the child: it ends when its parent does, also by kill -9."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock would hold up the interpreter's end
        pass
    os._exit(1)


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

"""Child processes for code that users wrote: none of our credentials in the environment, a bound on
the time, and no child outlives its parent.

A replay that runs only our own code may do without (`in_this_process`), because starting Python and
scikit-learn takes longer than most trainings.
"""

import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

LOG_FILE = "process.log"
_PASSED_ON = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "OMP_NUM_THREADS")

_HERE: ContextVar[bool] = ContextVar("in_this_process", default=False)


@contextlib.contextmanager
def in_this_process() -> Iterator[None]:
    """Let `run_child` call the module's `main` in the block instead of starting a process; only for
    code that is our own.
    """
    token = _HERE.set(True)
    try:
        yield
    finally:
        _HERE.reset(token)


def is_in_this_process() -> bool:
    """True inside of `in_this_process`, where measured times mean nothing."""
    return _HERE.get()


def run_in_pairs(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """The tasks' answers; two tasks at a time, each of which waits for a child process, or one at a
    time inside of `in_this_process`.
    """
    if is_in_this_process():
        return [task() for task in tasks]
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(lambda task: task(), tasks))


def run_child(module: list[str], out: Path, allowed: timedelta) -> int | None:
    """Run `python -m` with the module and its arguments; its output goes to the log in `out`.

    The exit code, or None when the child took too long and was killed with everything that it had
    started. Its stdin is closed when this process dies (see `tether`).
    """
    if is_in_this_process():
        return _called(module)
    (out / "home").mkdir(parents=True, exist_ok=True)
    with (out / LOG_FILE).open("wb") as log:
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


def _called(module: list[str]) -> int:
    """Call `main` of the module, or of its `__main__` where it is a package; untethered, because
    there is no child.
    """
    found = importlib.import_module(module[0])
    if hasattr(found, "__path__"):
        found = importlib.import_module(f"{module[0]}.__main__")
    return int(found.main([argument for argument in module[1:] if argument != "--tethered"]))


def was_killed(code: int | None) -> bool:
    """True when a child ended by signal 9, as the kernel does for want of memory."""
    return code in (-signal.SIGKILL, 128 + signal.SIGKILL)


def tether() -> None:
    """Let this child process end when its parent does, also by kill -9."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    while os.read(0, 1):  # not sys.stdin, whose lock would hold up the interpreter's end
        pass
    os._exit(1)


def _environment(ours: Mapping[str, str], out: Path) -> dict[str, str]:
    """The variables that a training function needs, and none that opens a store: an allow list."""
    passed = {name: ours[name] for name in _PASSED_ON if name in ours}
    own = {
        "HOME": str(out / "home"),
        "TMPDIR": str(out / "home"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{out / 'home' / 'mlflow.db'}",  # an mlflow.log_metric of theirs stays theirs
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        # OpenMP threads wait for one another in a busy loop: two of them, on two cores with other
        # work, take ten times as long as one
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // 2)),
    }
    return {**own, **passed}


def fresh_folder(folder: Path) -> Path:
    """An empty folder, without what a killed run left there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder

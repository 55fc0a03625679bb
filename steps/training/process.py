"""A process for what others wrote: none of our credentials in its environment, a bound on its time,
and no life after ours.

A replay that runs nothing but our own code may do without (`in_this_process`): starting Python and
scikit-learn anew takes longer than most trainings.
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
    """While the block runs, `run_child` calls the module's `main` instead of starting a process:
    only for code that is our own.
    """
    token = _HERE.set(True)
    try:
        yield
    finally:
        _HERE.reset(token)


def is_in_this_process() -> bool:
    """Whether what would run apart runs in this process now, beside everything else that it does:
    times mean nothing then.
    """
    return _HERE.get()


def run_in_pairs(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """What each task answers, two of them at a time: each waits for a process of its own. One by
    one where all is in this process.
    """
    if is_in_this_process():
        return [task() for task in tasks]
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(lambda task: task(), tasks))


def run_child(module: list[str], out: Path, allowed: timedelta) -> int | None:
    """`python -m` the module with its arguments; what it says goes to the log in `out`.

    Its exit code; None when it took too long and was ended, with everything that it had started.
    Its stdin is closed when this process dies, which `tethered` heeds.
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
    """`main` of the module, or of its `__main__` where it is a package; it is not tethered, for it
    has no parent.
    """
    found = importlib.import_module(module[0])
    if hasattr(found, "__path__"):
        found = importlib.import_module(f"{module[0]}.__main__")
    return int(found.main([argument for argument in module[1:] if argument != "--tethered"]))


def was_killed(code: int | None) -> bool:
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
    """What a training function needs to run, and nothing that opens a store: a list of what passes,
    not of what does not.
    """
    passed = {name: ours[name] for name in _PASSED_ON if name in ours}
    own = {
        "HOME": str(out / "home"),
        "TMPDIR": str(out / "home"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{out / 'home' / 'mlflow.db'}",  # an mlflow.log_metric of theirs stays theirs
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        # OpenMP threads wait for one another in a busy loop: on two cores with a neighbour two of
        # them take ten times as long as one
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // 2)),
    }
    return {**own, **passed}


def fresh_folder(folder: Path) -> Path:
    """An empty folder: what a killed run left there is of no use."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder

"""Child processes for code that users wrote: none of our credentials in the environment, a bound on
the time and on the log, and nothing that they start outlives them or their parent.

A replay that runs only our own code may do without (`in_this_process`), because starting Python and
scikit-learn takes longer than most trainings.
"""

import contextlib
import importlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from modelmedic.steps.adapters.linux.cgroup import control_group
from modelmedic.steps.adapters.linux.prctl import undumpable

T = TypeVar("T")

LOG_FILE = "process.log"
FAULT_FILE = "supervisor.log"  # empty, unless the supervisor itself failed
_GRACE = 20.0  # seconds in which a supervisor has ended everything below it
MORE_PATHS = "MODELMEDIC_TRAINING_PATHS"  # more paths that training code may read, as in PATH
NETWORK = "MODELMEDIC_TRAINING_NETWORK"  # true: training code may open TCP connections
_SECRET = re.compile(r"^(MODELMEDIC|MLFLOW|AWS)_|KUBECONFIG|CREDENTIAL|SECRET|TOKEN|PASSW|KEY", re.I)  # variables that may name such a file
_FILE_URL = re.compile(r"^(file://|sqlite:///)")
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


def run_child(module: list[str], out: Path, allowed: timedelta, reads: Sequence[Path] = ()) -> int | None:
    """Run `python -m` with the module and its arguments below a supervisor (`supervisor.py`); its
    output goes to the log in `out`. It reads what `reads` names beside its packages, and writes
    `out`.

    The exit code, or None when the child took too long and was killed with everything that it had
    started. The same happens to all of them when this process dies. While a child runs, this
    process's memory and environment are closed to others of the same user.
    """
    if is_in_this_process():
        return _called(module)
    (out / "home").mkdir(parents=True, exist_ok=True)
    with undumpable(), control_group() as group, (out / FAULT_FILE).open("wb") as faults:
        process = subprocess.Popen(
            [sys.executable, "-m", "modelmedic.steps.training.supervisor", *_flags(os.environ, out, reads), "--", *module],
            stdin=subprocess.PIPE,
            stdout=faults,
            stderr=faults,
            env=_environment(os.environ, out),
            start_new_session=True,
        )
        group.add(process.pid)
        try:
            return process.wait(allowed.total_seconds())
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)


def _flags(ours: Mapping[str, str], out: Path, reads: Sequence[Path]) -> list[str]:
    more = [Path(path) for path in ours.get(MORE_PATHS, "").split(os.pathsep) if path]
    hidden = [path for name, value in ours.items() if _SECRET.search(name) and (path := _named(value)) is not None]
    hidden += _workspace(out)
    flags = [f"--log={out / LOG_FILE}", f"--write={out}", *(f"--read={path}" for path in (*reads, *more))]
    flags += [f"--hide={path}" for path in hidden]
    return [*flags, "--network"] if ours.get(NETWORK, "").lower() == "true" else flags


def _workspace(out: Path) -> Iterator[Path]:
    """The workspace that a scratch folder lies in, which is `<root>/work/<model>/…`, and its
    parts.
    """
    for path in out.parents:
        if path.name == "work":
            yield from (path.parent, *(path.parent / part for part in ("store", "serving", "work")))
            return


def _named(value: str) -> Path | None:
    """The file or folder that a variable names, by its path or as a URL of a folder or a SQLite
    file.
    """
    path = _FILE_URL.sub("", value)
    with contextlib.suppress(OSError, ValueError):
        return Path(path).absolute() if path and Path(path).exists() else None
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let the supervisor end everything below it, by closing its stdin; kill one that does not."""
    if process.stdin:
        process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _called(module: list[str]) -> int:
    """Call `main` of the module, or of its `__main__` where it is a package."""
    found = importlib.import_module(module[0])
    if hasattr(found, "__path__"):
        found = importlib.import_module(f"{module[0]}.__main__")
    return int(found.main(module[1:]))


def was_killed(code: int | None) -> bool:
    """True when a child ended by signal 9, as the kernel does for want of memory."""
    return code in (-signal.SIGKILL, 128 + signal.SIGKILL)


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

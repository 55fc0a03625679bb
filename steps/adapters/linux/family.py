"""The descendants of a process, found by /proc and ended, whatever session or group they moved
to.
"""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_STEP: Final = 0.01  # seconds between two looks


def descendants(of: int) -> set[int]:
    """The living descendants of a process; none where there is no /proc."""
    parents = _parents()
    found: set[int] = set()
    while more := {pid for pid, parent in parents.items() if parent in found | {of}} - found:
        found |= more
    return found


def end_descendants(within: float) -> bool:
    """Kill all descendants of this process and collect them; False when some are left after
    `within` seconds, as of a program that forks faster than it can be killed.
    """
    deadline = time.monotonic() + within
    while True:
        left = descendants(os.getpid())
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        collect()
        if not left or time.monotonic() > deadline:
            return not left
        time.sleep(_STEP)


def collect() -> dict[int, int]:
    """The exit codes of the children that have ended, by process id; a signal's is 128 and its
    number.
    """
    ended = {}
    with contextlib.suppress(ChildProcessError):
        while (answer := os.waitpid(-1, os.WNOHANG))[0]:
            code = os.waitstatus_to_exitcode(answer[1])
            ended[answer[0]] = code if code >= 0 else 128 - code
    return ended


def _parents() -> dict[int, int]:
    """The parent of each living process by process id; what is only not collected yet is left
    out.
    """
    found = {}
    for folder in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if state not in "ZX":
                found[int(folder.name)] = int(parent)
    return found

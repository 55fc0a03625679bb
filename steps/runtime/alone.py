"""A lock between the processes of one machine, beside the lease between machines: what shares a
working folder is done by one process at a time. The kernel frees it when its holder ends, however
it ends.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

from modelmedic.steps.contracts.errors import Transient

_LONGEST = 300  # characters of a holder's name that are shown


@contextlib.contextmanager
def alone(file: Path, subject: str, doing: str, actor: str, now: datetime) -> Iterator[None]:
    """Hold the lock on `file` for the block. `subject` and `doing` name the work, such as
    `incident flights-1a2b3c4d-1` and `healed`.

    Raises Transient, naming who holds it, when another process does.
    """
    with _opened(file) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Transient(f"{subject} is being {_holder(lock)}; run the same command again once that has ended") from None
        _write(lock, f"{doing} by {actor} (process {os.getpid()} of this machine) since {now:%Y-%m-%dT%H:%M:%SZ}")
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # closing is not enough: children that were forked meanwhile have the file open as well


def _opened(file: Path) -> IO[str]:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("a+", errors="replace")
    except OSError as error:
        raise Transient(f"lock file {file} cannot be opened ({error.strerror or error}); expected a folder of this user") from error


def _holder(lock: IO[str]) -> str:
    lock.seek(0)
    said = "".join(c for c in lock.read(_LONGEST) if c.isprintable())
    return said or "worked on by another process of this machine"  # which has not written its name yet


def _write(lock: IO[str], text: str) -> None:
    """Put the text in the place of an earlier holder's. Full disks keep nobody from the work."""
    with contextlib.suppress(OSError):
        lock.truncate(0)
        lock.write(text)
        lock.flush()

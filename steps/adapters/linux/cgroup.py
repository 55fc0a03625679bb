"""A control group for one child process, where this process may make one (cgroup v2): the kernel
ends all of its members at once, which no number of forks escapes.
"""

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PATIENCE: Final = 5.0  # seconds that the members may take to be gone


class ControlGroup:
    """One group of processes; `folder` is None where none can be made, and nothing happens then."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def add(self, pid: int) -> None:
        if self.folder is not None:
            with contextlib.suppress(OSError):
                (self.folder / "cgroup.procs").write_text(str(pid))

    def kill(self) -> None:
        if self.folder is not None:
            with contextlib.suppress(OSError):
                (self.folder / "cgroup.kill").write_text("1")


@contextlib.contextmanager
def control_group(parent: Path | None = None) -> Iterator[ControlGroup]:
    """A group below our own, or below `parent`; at the end of the block its members are killed and
    it is removed.
    """
    group = ControlGroup(_made(parent or _own()))
    try:
        yield group
    finally:
        group.kill()
        _removed(group.folder)


def _own() -> Path | None:
    """The folder of the group of version 2 that this process is in."""
    with contextlib.suppress(OSError, IndexError, StopIteration):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        path = next(line for line in lines if line.startswith("0::")).removeprefix("0::")
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        mount = next(words for words in mounts if words[words.index("-") + 1] == "cgroup2")
        return Path(mount[4], os.path.relpath(path, mount[3]))
    return None


def _made(parent: Path | None) -> Path | None:
    if parent is None:
        return None
    for left in parent.glob("modelmedic-*"):  # by a process that was killed; one that has members stays
        with contextlib.suppress(OSError):
            if not Path("/proc", left.name.split("-")[1]).exists():
                left.rmdir()
    folder = parent / f"modelmedic-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir()
    except OSError:
        return None
    if (folder / "cgroup.kill").exists():
        return folder
    _removed(folder)  # a folder of another kind of file system, or of a kernel before 5.14
    return None


def _removed(folder: Path | None) -> None:
    deadline = time.monotonic() + _PATIENCE
    while folder is not None and time.monotonic() < deadline:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:  # a member is not gone yet
            time.sleep(0.01)

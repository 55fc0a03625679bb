"""Server processes that outlive the command which started them, each in a folder of its own.

A process holds the lock on its folder's lock file for as long as it lives: it inherits the open
file, and the kernel frees the lock when it ends, however it ends. The lock therefore tells whether
the process lives, and a process id is only used while the lock is held: the id of a dead process,
which may be another program's by now, is never signalled.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelmedic.steps.adapters.polling import wait_until
from modelmedic.steps.contracts.errors import Transient

_STEP = 0.02  # seconds between two looks
_BIRTH = 2.0  # seconds in which a new process has written its id
_KILL_AFTER = 40.0  # seconds a process may take to end after it was asked to


@dataclass(frozen=True, slots=True)
class Announcement:
    """The word of a process once it was up: its port, or why it will never have one."""

    pid: int
    port: int | None = None
    error: str | None = None


class Processes:
    """The processes below `folder`, by name. Names are the caller's and are never used twice for
    different things.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def announcement(self, name: str) -> Path:
        """The file in which the process announces itself; its command has to name it."""
        return self._folder / name / "announce.json"

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it detached. Does nothing while it lives."""
        home = self._folder / name
        home.mkdir(parents=True, exist_ok=True)
        lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _taken(lock):
                return
            for stale in ("announce.json", "pid", "ending"):
                (home / stale).unlink(missing_ok=True)
            os.set_inheritable(lock, True)
            _spawn(command, environment, home)
        finally:
            os.close(lock)

    def alive(self, name: str) -> bool:
        try:
            lock = os.open(self._folder / name / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that look do not disturb each other
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def announced(self, name: str) -> Announcement | None:
        """The announcement of a process, living or not."""
        try:
            return Announcement(**json.loads(self.announcement(name).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def names(self) -> tuple[str, ...]:
        """The names of the living processes."""
        try:
            return tuple(sorted(entry.name for entry in self._folder.iterdir() if self.alive(entry.name)))
        except FileNotFoundError:
            return ()

    def forget(self, named: Collection[str], keep: int) -> None:
        """Remove what ended processes left, but for the latest `keep` of them and the named
        ones.
        """
        ended = [home for home in self._folder.iterdir() if home.name not in named and not self.alive(home.name)]
        for home in sorted(ended, key=lambda each: each.name)[:-keep]:
            shutil.rmtree(home, ignore_errors=True)

    def last_words(self, name: str) -> str:
        """The last line of its output."""
        try:
            lines = (self._folder / name / "output.log").read_text(errors="replace").strip().splitlines()
        except FileNotFoundError:
            return ""
        return lines[-1][:300] if lines else ""

    def ask_to_end(self, name: str) -> None:
        """SIGTERM, once, without waiting; SIGKILL when that was long ago."""
        pid, mark = self._pid(name), self._folder / name / "ending"
        if pid is None:
            return
        if not mark.exists():
            mark.touch()
            _signal(pid, signal.SIGTERM)
        elif time.time() - mark.stat().st_mtime > _KILL_AFTER:
            _signal(pid, signal.SIGKILL)

    def end(self, names: Sequence[str], grace: float) -> None:
        """Ask the processes to end, wait, and kill the ones that are left. Raises Transient when
        one survives even that.
        """
        for name in names:
            self.ask_to_end(name)
        if self.gone(names, grace):
            return
        for name in names:
            pid = self._pid(name)
            if pid is not None:
                _signal(pid, signal.SIGKILL)
        if not self.gone(names, 10.0):
            raise Transient(f"process {next(n for n in names if self.alive(n))} in {self._folder} does not end; end it by hand")

    def gone(self, names: Sequence[str], within: float) -> bool:
        """True when all of the named processes end within so many seconds."""

        def ended() -> bool:
            alive = [name for name in names if self.alive(name)]
            for name in alive:
                _reap(self._pid(name))
            return not alive

        return wait_until(ended, seconds=within, pause=_STEP)

    def _pid(self, name: str) -> int | None:
        """The id of a process that lives, which writes it as the first thing it does."""

        def written() -> int | bool:
            try:
                return int((self._folder / name / "pid").read_text())
            except (FileNotFoundError, ValueError):
                return not self.alive(name)

        pid = wait_until(written, seconds=_BIRTH, pause=_STEP) if self.alive(name) else False
        return None if isinstance(pid, bool) else pid


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """One at a time over all processes; the kernel frees the lock of a killed one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _taken(lock: int) -> bool:
    """True when this process has the lock now; a process that only looks holds it for a moment, a
    living server for good.
    """

    def taken() -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    return wait_until(taken, seconds=5 * _STEP, pause=_STEP)


def _spawn(command: Sequence[str], environment: Mapping[str, str], home: Path) -> None:
    """Start the process in a session of its own, so that a Ctrl-C at the terminal does not reach
    it.

    The shell writes the process id and then becomes the command: a starter that is killed right
    here leaves no nameless process.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    output = (os.POSIX_SPAWN_OPEN, 1, str(home / "output.log"), flags, 0o600)
    files = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), output, (os.POSIX_SPAWN_DUP2, 1, 2)]
    whole = ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(home / "pid"), *command]
    os.posix_spawn(whole[0], whole, dict(environment), file_actions=files, setsid=True)


def _signal(pid: int, which: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, which)


def _reap(pid: int | None) -> None:
    """Take notice of the end of a child of ours, so that it does not stay behind as a zombie."""
    if pid is not None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)

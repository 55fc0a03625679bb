"""Attacks, each in a process of its own: forked, so that it costs milliseconds, with an end in time
and memory, and ended with its children.
"""

import contextlib
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path

from tests.adversary.attack import Attack, Result, not_held

_FORK = multiprocessing.get_context("fork")
_MOST_WRITTEN = 4 << 30  # bytes of one file
_POLL = 0.2  # seconds between two looks at the clock


@dataclass(frozen=True)
class _Running:
    attack: Attack
    folder: Path
    process: ForkProcess
    answer: Connection
    until: float  # of time.monotonic

    @property
    def late(self) -> bool:
        return time.monotonic() >= self.until


def run_all(attacks: Iterable[Attack], jobs: int = 2) -> Iterator[tuple[Attack, Result]]:
    """Each attack with what became of it, as they end; `jobs` of them at a time."""
    running: list[_Running] = []
    try:
        for attack in attacks:
            running.append(_start(attack))
            while len(running) >= jobs:
                yield from _ended(running)
        while running:
            yield from _ended(running)
    finally:
        for each in running:
            _end(each)


def run_one(attack: Attack) -> Result:
    return next(run_all([attack], jobs=1))[1]


def _start(attack: Attack) -> _Running:
    folder = Path(tempfile.mkdtemp(prefix="adversary-"))
    mine, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_child, args=(attack, folder, theirs))
    process.start()
    theirs.close()
    return _Running(attack, folder, process, mine, time.monotonic() + attack.seconds)


def _child(attack: Attack, folder: Path, answer: Connection) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_DATA, (attack.memory, attack.memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_WRITTEN, _MOST_WRITTEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _say_nothing()
    place = folder / "attack"
    place.mkdir()
    try:
        result = attack.run(place)
    except MemoryError:
        result = not_held(f"it took more than {attack.memory >> 20} MiB of memory")
    except BaseException as error:  # SystemExit too: nothing that an attack raises ends the run
        result = not_held(_one_line(f"{type(error).__name__}: {error}"))
    answer.send(result)


def _say_nothing() -> None:
    """Take the run's terminal away from the attack and from its children."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    sys.stdin, sys.stdout, sys.stderr = (Path(os.devnull).open(mode) for mode in ("r", "w", "w"))  # noqa: SIM115


def _ended(running: list[_Running]) -> Iterator[tuple[Attack, Result]]:
    wait([each.answer for each in running], timeout=_POLL)
    for each in [each for each in running if each.late or each.answer.poll()]:
        result = _result(each)
        running.remove(each)
        _end(each)
        yield each.attack, result


def _result(each: _Running) -> Result:
    if not each.answer.poll():
        return not_held(f"it had not ended after {each.attack.seconds:g} s")
    try:
        found = each.answer.recv()
    except EOFError:
        each.process.join(5)
        return not_held(f"its process was lost with exit code {each.process.exitcode}")
    return found if isinstance(found, Result) else not_held(f"it ended with {found!r}; expected a result")


def _end(each: _Running) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(each.process.pid or 0, signal.SIGKILL)
    each.process.join()
    each.answer.close()
    shutil.rmtree(each.folder, ignore_errors=True)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]

"""The supervisor of one child process: `python -m modelmedic.steps.training.supervisor --log=FILE
-- MODULE ARGUMENTS` runs the module in a process of its own and ends with its exit code, when
everything that it started has ended too.

It adopts whatever the module's code starts, by a double fork or in a session of its own, and kills
what is left when the module ends, when stdin is closed, as it is when the parent was killed, or on
SIGTERM. It imports nothing but the standard library and this program's own calls to the kernel: no
code of a user runs in it.
"""

import argparse
import contextlib
import os
import resource
import runpy
import select
import signal
import sys
from pathlib import Path
from typing import Final, NoReturn

from modelmedic.steps.adapters.linux.family import collect, end_descendants
from modelmedic.steps.adapters.linux.prctl import adopt_orphans, die_with_parent
from modelmedic.steps.training.bounded_log import BoundedLog
from modelmedic.steps.training.confinement import Needs, confine

_CHUNK: Final = 1 << 16  # bytes
_GRACE: Final = 10.0  # seconds in which everything that is killed is gone
_ENDED: Final = 143  # the exit code of a module that was ended from outside, as of one ended by SIGTERM


def main(arguments: list[str] | None = None) -> int:
    """The exit code of the module, 128 and the number of the signal that ended it, or 143 when it
    was ended from outside.
    """
    options = _parser().parse_args(arguments)
    adopt_orphans()
    wake, output, inlet = _wake_on_signals(), *os.pipe()
    module = os.fork()
    if module == 0:
        _become(options, inlet)
    os.close(inlet)
    log = BoundedLog(options.log)
    try:
        return _watch(module, wake, output, log)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(module, signal.SIGKILL)  # where there is no /proc to find the others in
        end_descendants(_GRACE)
        _drain(output, log)
        log.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m modelmedic.steps.training.supervisor", description="Run one module of a user's code.")
    parser.add_argument("--log", type=Path, required=True, help="file for what the module prints")
    parser.add_argument("--read", type=Path, action="append", default=[], help="a path that the module reads beside its packages")
    parser.add_argument("--write", type=Path, action="append", default=[], help="a folder that the module writes")
    parser.add_argument(
        "--hide", type=Path, action="append", default=[], help="a path that stays closed, though it lies among its packages"
    )
    parser.add_argument("--network", action="store_true", help="leave TCP open")
    parser.add_argument("module", nargs=argparse.REMAINDER, help="the module and its arguments, after --")
    return parser


def _wake_on_signals() -> int:
    """A descriptor that can be read when a child has ended; SIGTERM ends the watch."""
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, _stop)
    return wake


def _stop(*_: object) -> NoReturn:
    raise SystemExit(_ENDED)


def _watch(module: int, wake: int, output: int, log: BoundedLog) -> int:
    waiting = [sys.stdin.fileno(), wake, output]
    while True:
        ready = select.select(waiting, [], [])[0]
        if output in ready and not _copied(output, log):
            waiting.remove(output)
        if wake in ready:
            os.read(wake, _CHUNK)
            code = collect().get(module)
            if code is not None:
                return code
        if waiting[0] in ready and not os.read(waiting[0], _CHUNK):
            return _ENDED


def _copied(output: int, log: BoundedLog) -> bool:
    """False at the end of the output."""
    data = os.read(output, _CHUNK)
    log.add(data)
    return bool(data)


def _drain(output: int, log: BoundedLog) -> None:
    """What a pipe still holds; a writer that outlived everything is not waited for."""
    os.set_blocking(output, False)
    with contextlib.suppress(BlockingIOError):
        while _copied(output, log):
            pass


def _become(options: argparse.Namespace, output: int) -> NoReturn:
    """Turn this forked process into the module, in a session of its own, without the descriptors of
    its supervisor and confined to what it needs.
    """
    code = 1
    try:
        die_with_parent()
        os.setsid()
        signal.set_wakeup_fd(-1)
        for handled in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(handled, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, own in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(number, own)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        print(confine(Needs(options.read, options.write, options.hide, options.network)), flush=True)  # noqa: T201
        name, *sys.argv[1:] = options.module[1:] if options.module[:1] == ["--"] else options.module
        code = _ran(name)
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _ran(name: str) -> int:
    """The exit code of the module, as the interpreter would make it."""
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Only a process that is known to live is ever signalled."""

import os
import sys
from pathlib import Path

from modelmedic.steps.adapters.local_serving.processes import Processes

_WAITS = (
    "import json, os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(json.dumps({'pid': os.getpid(), 'port': 1})); time.sleep(60)"
)


def _command(processes: Processes) -> list[str]:
    return [sys.executable, "-c", _WAITS, str(processes.announcement("one"))]


def _started(folder: Path) -> Processes:
    processes = Processes(folder)
    processes.start("one", _command(processes), os.environ)
    while processes.announced("one") is None:
        assert processes.alive("one")
    return processes


def test_a_process_lives_until_it_is_ended_and_is_not_started_twice(tmp_path: Path) -> None:
    processes = _started(tmp_path)
    first = processes.announced("one")
    processes.start("one", _command(processes), os.environ)
    assert processes.announced("one") == first
    assert processes.names() == ("one",)
    processes.end(["one"], 5.0)
    assert processes.names() == ()


def test_an_id_that_somebody_else_has_by_now_is_never_signalled(tmp_path: Path) -> None:
    processes = _started(tmp_path)
    processes.end(["one"], 5.0)
    (tmp_path / "one" / "pid").write_text(str(os.getpid()))  # recycled: it is ours now
    processes.ask_to_end("one")
    processes.end(["one"], 0.1)
    assert not processes.alive("one")


def test_a_process_that_has_not_written_its_id_yet_is_waited_for_and_ended(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    processes.start("one", _command(processes), os.environ)
    processes.end(["one"], 5.0)
    assert not processes.alive("one")

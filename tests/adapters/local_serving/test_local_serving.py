"""Serving on one machine under kills: no caller notices, and the next call makes true what the
document wants.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelmedic.steps.adapters.local_serving.processes import Processes
from modelmedic.steps.adapters.local_serving.serving import LocalServing
from modelmedic.steps.adapters.local_serving.state import LocalState, PredictorSlot, StateFile
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Transient
from tests.worlds.serving import ROWS, ServingWorld, on_this_machine


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServingWorld]:
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    made = on_this_machine(tmp_path)
    yield made
    made.close()


def _serving(world: ServingWorld) -> LocalServing:
    assert isinstance(world.serving, LocalServing)
    return world.serving


def _kill(root: Path, name: str) -> None:
    """Kill a process as the kernel does when memory runs out, and wait until it is gone."""
    processes = Processes(root / "serving" / "processes")
    os.kill(int((root / "serving" / "processes" / name / "pid").read_text()), signal.SIGKILL)
    processes.end([name], 5.0)


class _Caller:
    """Asks through the gateway without a pause until told to stop; keeps what went wrong."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._ended = threading.Event()
        self.answered = 0
        self.failures: list[str] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "_Caller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._ask()
                self.answered += 1
            except ModelmedicError as error:
                self.failures.append(str(error))


def test_no_request_fails_through_canary_share_promotion_and_the_way_back(world: ServingWorld) -> None:
    serving = world.serving
    serving.start(world.model("1"))
    with _Caller(lambda: world.ask(ROWS)) as caller:
        state = serving.start_canary(world.model("2"), expected=serving.state().generation)
        state = serving.set_share(50, expected=state.generation)
        serving.promote(expected=state.generation)
        state = serving.start_canary(world.model("3"), expected=serving.state().generation)
        serving.set_share(20, expected=state.generation)
        serving.withdraw()
        serving.restore(world.model("1"))
        serving.restore(world.model("0"))
    assert caller.failures == []
    assert caller.answered > 50


def test_a_canary_that_is_killed_under_traffic_fails_no_caller_and_stays_dead(world: ServingWorld, tmp_path: Path) -> None:
    serving = world.serving
    serving.start(world.model("1"))
    state = serving.start_canary(world.model("2"), expected=serving.state().generation)
    serving.set_share(50, expected=state.generation)
    with _Caller(lambda: world.ask(ROWS)) as caller:
        _kill(tmp_path, "predictor-0002")
        state = serving.state()
        for _ in range(10):
            world.ask(ROWS)
    assert caller.failures == []
    assert state.canary is not None
    assert not state.canary.ready
    assert serving.traffic()["canary"].failures >= 5
    with pytest.raises(Transient, match="version 2 does not run"):
        serving.promote(expected=state.generation)
    assert serving.withdraw().canary is None


def test_a_killed_champion_is_started_again_and_its_callers_only_wait(world: ServingWorld, tmp_path: Path) -> None:
    state = world.serving.start(world.model("1"))
    with _Caller(lambda: world.ask(ROWS)) as caller:
        _kill(tmp_path, "predictor-0001")
        again = world.serving.state()
    assert caller.failures == []
    assert again.champion is not None
    assert again.champion.ready
    assert again.generation == state.generation


def test_a_killed_gateway_comes_back_at_the_same_address(world: ServingWorld, tmp_path: Path) -> None:
    world.serving.start(world.model("1"))
    before = _serving(world).url
    _kill(tmp_path, "gateway")
    with pytest.raises(Transient):
        world.serving.traffic()
    world.serving.state()
    assert _serving(world).url == before
    assert world.ask(ROWS).version == "1"


@pytest.mark.slow
def test_another_process_sees_and_goes_on_with_what_serves(world: ServingWorld, tmp_path: Path) -> None:
    state = world.serving.start(world.model("1"))
    other = on_this_machine(tmp_path)
    assert other.serving.state() == state
    assert other.serving.start_canary(other.model("2"), expected=state.generation).canary is not None


def test_what_was_wanted_and_never_started_is_started_by_the_next_call(world: ServingWorld, tmp_path: Path) -> None:
    """A kill -9 between the document and the process leaves this state."""
    document, model = StateFile(tmp_path / "serving"), world.model("1")
    document.change(lambda now: replace(now, champion=PredictorSlot.of("predictor-0001", model), serial=1, generation=1))
    state = world.serving.state()
    assert state.champion is not None
    assert state.champion.ready
    canary = world.model("2")
    document.change(lambda now: replace(now, canary=PredictorSlot.of("predictor-0002", canary), serial=2, generation=2))
    state = world.serving.state()
    assert state.canary is not None
    assert not state.canary.ready
    state = world.serving.start_canary(canary, expected=state.generation)
    assert state.canary is not None
    assert state.canary.ready


def test_a_canary_whose_starter_was_killed_is_found_and_withdrawn(world: ServingWorld, tmp_path: Path) -> None:
    world.serving.start(world.model("1"))
    script = (
        "from pathlib import Path; from tests.worlds.serving import on_this_machine\n"
        f"w = on_this_machine(Path({str(tmp_path)!r})); s = w.serving.state()\n"
        "w.serving.start_canary(w.model('2', silent=True), expected=s.generation)\n"
    )
    processes = Processes(tmp_path / "serving" / "processes")
    starter = subprocess.Popen([sys.executable, "-c", script], cwd=os.environ["PYTHONPATH"])
    while not (tmp_path / "serving" / "processes" / "predictor-0002" / "pid").exists():
        assert starter.poll() is None
    starter.kill()
    starter.wait()
    state = world.serving.state()
    assert state.canary is not None
    assert not state.canary.ready
    world.serving.withdraw()
    processes.end(["predictor-0002"], 5.0)
    assert world.ask(ROWS).version == "1"
    assert processes.names() == ("gateway", "predictor-0001")


@pytest.mark.slow
def test_a_canary_that_never_answers_is_given_up_and_ended(world: ServingWorld, tmp_path: Path) -> None:
    state = world.serving.start(world.model("1"))
    hasty = on_this_machine(tmp_path, patience=0.7)
    with pytest.raises(Transient, match=r"did not answer within .* its output is .*predictor-0002/output.log"):
        hasty.serving.start_canary(hasty.model("2", silent=True), expected=state.generation)
    Processes(tmp_path / "serving" / "processes").end(["predictor-0002"], 5.0)
    assert world.serving.state().canary is None


def test_a_stop_holds_until_something_is_wanted_again(world: ServingWorld) -> None:
    serving = _serving(world)
    state, url = serving.start(world.model("1")), serving.url
    assert state.champion is not None
    assert state.champion.url == url, "whoever asks the predictor itself is asked by no canary"
    assert serving.port < 32_768, "a port that the system lends to any connection may be gone after a stop"
    serving.stop()
    stopped = serving.state()
    assert stopped.champion is not None
    assert (stopped.champion.ready, stopped.generation) == (False, state.generation)
    with pytest.raises(Transient):
        world.ask(ROWS)
    resumed = serving.resume()
    assert resumed.champion is not None
    assert resumed.champion.ready
    assert serving.url == url
    assert world.ask(ROWS).version == "1"


def test_an_unknown_share_of_the_document_survives_a_race(tmp_path: Path) -> None:
    """Two writers at once: each change is made on what the other wrote."""
    document = StateFile(tmp_path)

    def slow(now: LocalState) -> LocalState:
        if not now.annotations:
            StateFile(tmp_path).change(lambda other: replace(other, annotations={"by": "another"}))
        return replace(now, serial=now.serial + 1)

    assert document.change(slow) == LocalState(serial=1, annotations={"by": "another"})


def test_a_state_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "state" / "serving.json"
    file.parent.mkdir()
    file.write_text('{"generation": "many"}')
    with pytest.raises(BadInput, match=rf"{file} is no state of local serving \(generation: "):
        StateFile(tmp_path).read()


def test_what_a_version_was_asked_is_counted_by_its_own_process_also_after_another_took_its_place(world: ServingWorld) -> None:
    serving = _serving(world)
    serving.start(world.model("1", value=0.1))
    world.ask(ROWS)
    serving.start_canary(world.model("2", status=500), expected=serving.state().generation)
    serving.promote(expected=serving.state().generation)
    with pytest.raises(Transient):
        world.ask(ROWS)
    counted = [(each[1].requests, each[1].failures) for version in ("1", "2") if (each := serving.counted(version)) is not None]
    assert (counted, serving.counted("3")) == ([(1, 0), (1, 1)], None)

"""The rules of every serving side: dark first, exact shares, one generation per change, retreat
without one.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelmedic.steps.contracts.errors import Conflict, Refused, Transient
from modelmedic.steps.contracts.serving import ServingState, Traffic
from tests.worlds.cluster import in_cluster
from tests.worlds.serving import ROWS, ServingWorld, in_fake_cluster, in_memory, on_this_machine, rehearsed

_CLUSTER = pytest.param("cluster", marks=pytest.mark.e2e)
everywhere = pytest.mark.parametrize("world", ["memory", "rehearsed", "machine", "kserve", _CLUSTER], indirect=True)
_SLOW = pytest.param("machine", marks=pytest.mark.slow)
in_time = pytest.mark.parametrize("world", ["memory", "rehearsed", _SLOW, "kserve", _CLUSTER], indirect=True)
shielded = pytest.mark.parametrize("world", ["memory", "rehearsed", "machine"], indirect=True)
open_to_callers = pytest.mark.parametrize("world", ["kserve", _CLUSTER], indirect=True)


_WORLDS: dict[str, Callable[[Path], ServingWorld]] = {
    "memory": lambda _: in_memory(),
    "rehearsed": lambda _: rehearsed(),
    "machine": on_this_machine,
    "kserve": in_fake_cluster,
    "cluster": in_cluster,
}


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServingWorld]:
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    made = _WORLDS[request.param](tmp_path)
    yield made
    made.close()


def _with_canary(world: ServingWorld, share: int = 0, **behaviour: object) -> ServingState:
    world.serving.start(world.model("1", value=0.1))
    state = world.serving.start_canary(world.model("2", value=0.2, **behaviour), expected=world.serving.state().generation)
    return world.serving.set_share(share, expected=state.generation) if share else state


def _tried(world: ServingWorld) -> str | None:
    try:
        return world.ask(ROWS).version
    except Transient:
        return None


def _asked(world: ServingWorld, times: int) -> Counter[str]:
    return Counter(world.ask(ROWS).version for _ in range(times))


@everywhere
def test_nothing_serves_before_the_first_start_and_only_one_champion_is_started(world: ServingWorld) -> None:
    assert world.serving.state() == ServingState(0, None)
    with pytest.raises(Refused):
        world.serving.start_canary(world.model("2"), expected=0)
    state = world.serving.start(world.model("1", value=0.1))
    assert state.champion is not None
    assert (state.champion.version, state.champion.ready, state.canary, state.previous) == ("1", True, None, None)
    assert world.ask(ROWS).values == (0.1, 0.1)
    assert world.serving.start(world.model("1", value=0.1)).generation == state.generation
    with pytest.raises(Refused, match="version 1 serves already"):
        world.serving.start(world.model("2"))


@everywhere
def test_a_canary_comes_up_dark_and_answers_by_name(world: ServingWorld) -> None:
    state = _with_canary(world)
    assert state.canary is not None
    assert (state.canary.version, state.canary.ready, state.canary_percent) == ("2", True, 0)
    assert _asked(world, 20) == {"1": 20}
    assert world.serving.infer(ROWS, to="canary").version == "2"
    assert world.serving.infer(ROWS, to="champion").values == (0.1, 0.1)
    assert world.serving.start_canary(world.model("2", value=0.2), expected=state.generation) == state
    with pytest.raises(Refused, match="version 2 is the canary already"):
        world.serving.start_canary(world.model("3"), expected=state.generation)


@everywhere
def test_a_share_is_exact_and_counted_for_each_and_replays_count_nowhere(world: ServingWorld) -> None:
    _with_canary(world, share=20)
    for _ in range(10):
        world.ask(ROWS, replay=True)
    assert _asked(world, 100) == {"1": 80, "2": 20}
    traffic = world.serving.traffic()
    assert {role: (seen.requests, seen.failures) for role, seen in traffic.items()} == {"champion": (80, 0), "canary": (20, 0)}
    assert all(seen.latency_p95_ms and seen.latency_p95_ms > 0 for seen in traffic.values())


@shielded
def test_replays_that_come_through_the_gateway_are_the_champions(world: ServingWorld) -> None:
    _with_canary(world, share=50)
    assert {world.ask(ROWS, replay=True).version for _ in range(10)} == {"1"}


@shielded
def test_callers_never_see_a_failing_canary_and_it_is_charged_with_each_failure(world: ServingWorld) -> None:
    _with_canary(world, share=50, status=500)
    assert _asked(world, 20) == {"1": 20}
    traffic = world.serving.traffic()
    assert (traffic["canary"].requests, traffic["canary"].failures) == (10, 10)
    assert traffic["champion"].failures == 0


@open_to_callers
def test_a_failing_canary_is_charged_with_each_failure_that_its_callers_saw(world: ServingWorld) -> None:
    """No Gateway API gateway can spare callers these failures, because it does not ask the champion
    again.
    """
    _with_canary(world, share=50, status=500)
    answered = [_tried(world) for _ in range(20)]
    traffic = world.serving.traffic()
    assert (answered.count("1"), answered.count(None)) == (10, 10)
    assert (traffic["canary"].requests, traffic["canary"].failures, traffic["champion"].failures) == (10, 10, 0)


@everywhere
def test_a_promoted_canary_answers_everything_and_the_old_champion_is_kept(world: ServingWorld) -> None:
    before = _with_canary(world, share=50)
    _asked(world, 10)
    state = world.serving.promote(expected=before.generation)
    assert state.champion is not None
    assert state.previous is not None
    assert (state.champion.version, state.previous.version, state.canary, state.canary_percent) == ("2", "1", None, 0)
    assert state.generation > before.generation
    assert _asked(world, 10) == {"2": 10}
    assert world.serving.traffic()["champion"].requests == 15
    with pytest.raises(Refused, match="there is no canary"):
        world.serving.promote(expected=state.generation)


@in_time
def test_a_stale_generation_changes_nothing(world: ServingWorld) -> None:
    state = _with_canary(world, share=20)
    stale = state.generation - 1
    with pytest.raises(Conflict):
        world.serving.set_share(50, expected=stale)
    with pytest.raises(Conflict):
        world.serving.promote(expected=stale)
    with pytest.raises(Conflict):
        world.serving.start_canary(world.model("2", value=0.2), expected=stale)
    assert world.serving.state() == state


@in_time
def test_withdrawing_needs_no_generation_and_twice_is_harmless(world: ServingWorld) -> None:
    _with_canary(world, share=50)
    state = world.serving.withdraw()
    assert (state.canary, state.canary_percent) == (None, 0)
    assert world.serving.withdraw() == state
    assert _asked(world, 10) == {"1": 10}
    assert "canary" not in world.serving.traffic()
    with pytest.raises(Transient):
        world.serving.infer(ROWS, to="canary")


@everywhere
def test_the_previous_version_is_restored_after_a_promotion(world: ServingWorld) -> None:
    world.serving.promote(expected=_with_canary(world).generation)
    state = world.serving.restore(world.model("1", value=0.1))
    assert state.champion is not None
    assert (state.champion.version, state.canary, state.previous) == ("1", None, None)
    assert _asked(world, 5) == {"1": 5}
    assert world.serving.restore(world.model("1", value=0.1)).generation == state.generation


@in_time
def test_any_version_is_restored_whatever_served_before(world: ServingWorld) -> None:
    _with_canary(world, share=50)
    state = world.serving.restore(world.model("0", value=0.0))
    assert state.champion is not None
    assert (state.champion.version, state.canary, state.canary_percent) == ("0", None, 0)
    assert _asked(world, 5) == {"0": 5}


@in_time
def test_notes_stay_and_are_no_change_of_what_serves(world: ServingWorld) -> None:
    state = world.serving.start(world.model("1"))
    world.serving.annotate({"withdrawn": "2"})
    world.serving.annotate({"reason": "slow"})
    assert world.serving.state().annotations == {"withdrawn": "2", "reason": "slow"}
    world.serving.annotate({"withdrawn": None})
    assert world.serving.state().annotations == {"reason": "slow"}
    assert world.serving.state().generation == state.generation


@in_time
@pytest.mark.parametrize(("behaviour", "error"), [({"error": "it is pickled"}, Refused), ({"dies": True}, Transient)])
def test_a_canary_that_does_not_come_up_leaves_nothing_behind(
    world: ServingWorld, behaviour: dict[str, object], error: type[Exception]
) -> None:
    state = world.serving.start(world.model("1", value=0.1))
    with pytest.raises(error):
        world.serving.start_canary(world.model("2", **behaviour), expected=state.generation)
    after = world.serving.state()
    assert (after.canary, after.champion) == (None, state.champion)
    assert _asked(world, 5) == {"1": 5}


@in_time
def test_a_first_share_of_traffic_starts_at_no_failures(world: ServingWorld) -> None:
    _with_canary(world)
    assert world.serving.traffic()["canary"] == Traffic(0, 0, None)

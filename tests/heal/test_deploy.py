"""A challenger climbs only on what it was seen to do, and goes back to the last good version for
every doubt.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.errors import StoreError, Transient
from modelmedic.steps.contracts.incident import Answer
from modelmedic.steps.core.incidents.outcome import ending
from modelmedic.steps.heal.deploy import deploy
from modelmedic.steps.runtime.run import Run
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import NOW


def test_a_good_challenger_serves_all_traffic_and_has_the_alias(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path)
    assert deploy(world.run, "2") == {"outcome": "healed"}
    assert world.agrees == "2"
    assert world.registry.alias("previous") == "1"
    shares = [step["share"] for step in (world.run.site.ledger.stage(world.run.incident, "deploy") or {})["steps"]]
    assert shares == [0, 20, 50]


def test_the_release_is_recorded_with_what_it_replaced(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path)
    deploy(world.run, "2")
    last = world.site.history.releases("churn")[-1]
    assert (last.version, last.previous, last.by) == ("2", "1", world.run.incident.id)


def test_replayed_requests_never_count_as_traffic(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path)
    deploy(world.run, "2")
    assert all(replay for _to, _rows, replay in world.serving.asked)
    assert world.serving.asked[0][0] == "canary"


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        ({"dies": True}, "did not answer in time"),
        ({"error": "no such file"}, "cannot serve"),
        ({"damaged": True}, "names no flavors"),
        ({"status": 500}, "answered 500"),
        ({"value": 0.7}, "serves differently"),
        ({"value": float("nan")}, "no prediction"),
    ],
)
def test_a_canary_that_is_not_what_was_validated_never_gets_traffic(tmp_path: Path, behaviour: dict[str, Any], why: str) -> None:
    world = DeployedWorld(tmp_path, behaviours={"2": behaviour})
    assert deploy(world.run, "2") == {"outcome": "withdrawn"}
    assert world.agrees == "1"
    assert why in (world.run.site.ledger.stage(world.run.incident, "deploy") or {})["sentence"]
    assert world.serving.traffic()["champion"].requests == 0


def test_a_canary_that_fails_under_traffic_is_taken_back(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path)
    world.clock.meanwhile = _failing_from(world, share=20)
    assert deploy(world.run, "2") == {"outcome": "withdrawn"}
    assert world.agrees == "1"


def test_a_canary_without_traffic_is_held_until_the_deadline_and_never_promoted(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path, traffic=0)
    assert deploy(world.run, "2") == {"outcome": "withdrawn"}
    assert world.agrees == "1"
    assert world.clock.now() - NOW >= world.site.policy.rollout.deadline


def test_a_canary_that_nobody_asked_is_not_judged_and_not_called_worse(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path, traffic=0, label=_came_of)
    said: list[str] = []
    world.site.say = said.append
    deploy(world.run, "2")
    assert any(each.startswith("the canary answers 20 % of the traffic from now on; it is judged after") for each in said)
    assert any(each.startswith("at 20 % nobody asked the canary") for each in said[:-1]), "nobody waits without a word"
    sentence = _deployed(world)["sentence"]
    assert "at 20 % nobody asked the canary, so it is not judged; rollout asks for 10 requests within 1h" in sentence
    assert "loses" not in sentence
    assert not ending({"diagnose": {}, "deploy": _deployed(world)}).judged


def test_a_canary_that_loses_clearly_more_where_labels_are_quick_is_taken_back(tmp_path: Path) -> None:
    answers = {"1": {"answers": lambda age: 0.9 if age > 45 else 0.1}, "2": {"answers": lambda age: 0.6 if age > 45 else 0.4}}
    world = DeployedWorld(tmp_path, behaviours=answers, label=_came_of)
    assert deploy(world.run, "2") == {"outcome": "withdrawn"}
    step = _deployed(world)["steps"][-1]
    assert "at 20 % the canary loses" in step["sentence"]
    assert "more per row than version 1 on the same" in step["sentence"]
    assert step["canary_loss"] > 2 * step["champion_loss"]
    assert world.agrees == "1"


def test_a_canary_that_loses_less_passes_with_its_losses_said(tmp_path: Path) -> None:
    answers = {"1": {"answers": lambda age: 0.6 if age > 45 else 0.4}, "2": {"answers": lambda age: 0.9 if age > 45 else 0.1}}
    world = DeployedWorld(tmp_path, behaviours=answers, label=_came_of)
    assert deploy(world.run, "2") == {"outcome": "healed"}
    step = _deployed(world)["steps"][-1]
    assert "less per row than version 1 on the same" in step["sentence"]
    assert (step["labels"] >= 50, step["compared"] >= 50, step["correlation"]) == (True, True, pytest.approx(1.0))


def test_without_labels_the_losses_are_not_judged_and_the_answers_are_compared(tmp_path: Path) -> None:
    answers = {version: {"answers": lambda age: age / 100} for version in ("1", "2")}
    world = DeployedWorld(tmp_path, behaviours=answers)
    assert deploy(world.run, "2") == {"outcome": "healed"}
    step = _deployed(world)["steps"][-1]
    assert "its losses are not judged, because no label of these requests is known yet" in step["sentence"]
    assert "rank correlation of 1.00 with the champion's" in step["sentence"]
    assert (step["labels"], step["canary_loss"]) == (0, None)


@pytest.mark.parametrize(
    ("live", "why"),
    [
        (lambda age: 1 - age / 100, "orders them the other way round (rank correlation -1.00; in validation 1.00)"),
        (lambda _age: 0.5, "gives one answer to 100% of them, which it did not in validation"),
    ],
)
def test_answers_unlike_the_champions_as_validation_did_not_show_are_taken_back(tmp_path: Path, live: Any, why: str) -> None:
    answers = {version: {"answers": lambda age: age / 100} for version in ("1", "2")}
    world = DeployedWorld(tmp_path, behaviours=answers)
    play = world.clock.meanwhile

    def meanwhile(start: Any, end: Any) -> None:
        if world.serving.state().canary_percent:
            world.serving.behaviours["2"] = {"answers": live}
        play(start, end)

    world.clock.meanwhile = meanwhile
    assert deploy(world.run, "2") == {"outcome": "withdrawn"}
    assert why in _deployed(world)["sentence"]
    assert world.agrees == "1"


def test_a_challenger_that_answered_otherwise_in_validation_too_may_do_so(tmp_path: Path) -> None:
    answers = {"1": {"answers": lambda age: age / 100}, "2": {"answers": lambda age: 1 - age / 100}}
    world = DeployedWorld(tmp_path, behaviours=answers)
    assert deploy(world.run, "2") == {"outcome": "healed"}


def _came_of(age: float) -> float:
    return float(age > 45)


def _deployed(world: DeployedWorld) -> Any:
    return world.run.site.ledger.stage(world.run.incident, "deploy")


def test_a_freeze_in_the_middle_takes_the_canary_back(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path)
    world.clock.meanwhile = lambda _start, _end: world.site.freezes.freeze(None, by="ana", reason="sale") and None
    assert deploy(world.run, "2") == {"outcome": "withdrawn"}
    assert world.agrees == "1"


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_an_alias_that_a_human_moved_is_left_where_it_is(tmp_path: Path, when: str) -> None:
    world = DeployedWorld(tmp_path)
    theirs = world.registry.add_by_hand({})

    def move(*_: object) -> None:
        world.registry.move_alias("champion", theirs, expected=world.registry.alias("champion"))

    if when == "before":
        move()
    else:
        world.clock.meanwhile = move
    assert deploy(world.run, "2") == {"outcome": "withdrawn"}
    assert world.registry.alias("champion") == theirs
    champion = world.serving.state().champion
    assert champion is not None
    assert champion.version == "1"


def test_without_an_approval_in_the_ledger_nothing_is_deployed_whatever_the_engine_was_told(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path, approval="needed")
    assert deploy(world.run, "2") == {"outcome": "rejected"}
    assert world.serving.state().generation == 1


def test_an_approval_of_another_model_does_not_count(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path, approval="needed")
    world.site.ledger.answer(world.run.incident, Answer(True, "ana", NOW, digest="another"))
    assert deploy(world.run, "2") == {"outcome": "rejected"}


def test_an_approval_of_this_model_lets_it_through(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path, approval="needed")
    world.site.ledger.answer(world.run.incident, Answer(True, "ana", NOW, digest=world.second.digest))
    assert deploy(world.run, "2") == {"outcome": "healed"}


def test_running_it_again_changes_nothing_more(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path)
    deploy(world.run, "2")
    records, generation = world.site.trail.length(), world.serving.state().generation
    assert deploy(world.again(), "2") == {"outcome": "healed"}
    assert (world.site.trail.length(), world.serving.state().generation) == (records, generation)


@pytest.mark.parametrize("where", ["the same machine", "another pod"])
def test_without_its_store_a_canary_does_not_stay_and_the_record_is_not_lost(tmp_path: Path, where: str) -> None:
    """The record waits on this machine, which may be a pod that is gone, and on the serving object,
    which stays.
    """
    world = DeployedWorld(tmp_path)

    def away(*_: object) -> None:
        world.site.store.unreachable = True  # type: ignore[attr-defined]

    world.clock.meanwhile = away
    with pytest.raises(StoreError):
        deploy(world.run, "2")
    assert world.serving.state().canary is None
    world.site.store.unreachable = False  # type: ignore[attr-defined]
    site = world.site if where == "the same machine" else replace(world.site, work=tmp_path / "another")
    assert deploy(Run(site, world.run.incident), "2") == {"outcome": "withdrawn"}
    assert world.agrees == "1"
    assert "the deadline has passed" in (world.run.site.ledger.stage(world.run.incident, "deploy") or {})["sentence"]
    assert world.serving.state().annotations == {}
    done = [record for record in site.trail.records() if (record.event, record.phase) == ("canary.withdrawn", Phase.OUTCOME)]
    assert ["spooled" in record.facts for record in done] == [True, False]  # what the first run did, and that the second found it done
    assert site.trail.verify() == []


def test_an_unreachable_registry_moves_nothing_and_the_next_run_goes_on(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path)
    world.registry.unreachable = True
    with pytest.raises(Transient):
        deploy(world.run, "2")
    assert world.serving.state().generation == 1
    world.registry.unreachable = False
    assert deploy(world.again(), "2") == {"outcome": "healed"}


def test_without_the_registry_a_canary_does_not_stay_unwatched(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path)

    def away(*_: object) -> None:
        world.registry.unreachable = True

    world.clock.meanwhile = _also(world.clock.meanwhile, away)
    with pytest.raises(Transient):
        deploy(world.run, "2")
    assert world.serving.state().canary is None
    world.registry.unreachable = False
    assert deploy(world.again(), "2") == {"outcome": "withdrawn"}
    assert world.agrees == "1"


class Killed(BaseException):
    """The process ends here, as by kill -9: nothing of ours runs any more."""


CALLS = [("serving", name) for name in ("start_canary", "set_share", "promote")] + [("registry", "move_alias")]


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize(("port", "name"), CALLS, ids=[name for _, name in CALLS])
def test_a_run_that_is_killed_at_any_change_is_finished_by_the_next(tmp_path: Path, port: str, name: str, after: bool) -> None:
    world = DeployedWorld(tmp_path)
    target = getattr(world, port)
    real = getattr(target, name)

    def dying(*args: Any, **kwargs: Any) -> None:
        setattr(target, name, real)
        if after:
            real(*args, **kwargs)
        raise Killed

    setattr(target, name, dying)
    with pytest.raises(Killed):
        deploy(world.run, "2")
    assert deploy(world.again(), "2") == {"outcome": "healed"}
    assert world.agrees == "2"
    assert world.site.trail.verify() == []
    outcomes = [r.key for r in world.site.trail.records() if r.phase is Phase.OUTCOME]
    assert len(outcomes) == len(set(outcomes)), "an effect happened twice"


def _failing_from(world: DeployedWorld, share: int) -> Any:
    play = world.clock.meanwhile

    def meanwhile(start: Any, end: Any) -> None:
        if world.serving.state().canary_percent >= share:
            world.serving.behaviours["2"] = {"status": 500}
        play(start, end)

    return meanwhile


def _also(first: Callable[..., object], second: Callable[..., object]) -> Callable[..., None]:
    def both(*span: object) -> None:
        first(*span)
        second(*span)

    return both

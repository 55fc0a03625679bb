"""Kills at every single write to the store, by every command that writes, before the write and
after it: the same command, run again, finishes the work, and no record is missing.

A kill is an exception that nothing of ours catches, and a store that hears nothing more from the
process.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.approval.answers import give
from modelmedic.steps.approval.quarantine_release import release
from modelmedic.steps.bootstrap.in_process import bootstrap
from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.keys import policy_key, verdict_folder
from modelmedic.steps.contracts.ports import Blob, ObjectStore
from modelmedic.steps.contracts.results import RetrainResult
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.heal.engine import heal
from modelmedic.steps.heal.results import note_diagnosis, note_training, note_validation
from modelmedic.steps.heal.steps import call
from modelmedic.steps.incidents.opening import open_by_hand
from modelmedic.steps.reconcile.assess import assess
from modelmedic.steps.reconcile.sweep import sweep
from modelmedic.steps.records.documents import keep
from modelmedic.steps.rollout.undo import undo
from modelmedic.steps.runtime.run import Run, Site
from modelmedic.steps.training.process import in_this_process
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.adversary.gaps import gaps
from tests.data.log import DAY
from tests.fakes.workflows import FakeWorkflows
from tests.incidents.test_alerts import alert
from tests.incidents.test_triage import DRIFTED_AND_WORSE, POLICIES, Desk
from tests.reconcile.test_assess import compared, healed_site
from tests.worlds import training
from tests.worlds.deployed import DeployedWorld
from tests.worlds.detection import monitored_site
from tests.worlds.played import NOW, WINDOW
from tests.worlds.played import site as played_site
from tests.worlds.results import diagnosed, validated

_GROUP = "kills"
_AT_A_TIME = 5  # writes of one attack
# those whose writes take seconds to count: how many there are, and each how many is tried
_SLOW = {"a monitor that opens": (13, 1), "a bootstrap": (52, 7)}


class Killed(BaseException):
    """A kill -9: nothing of ours catches it."""


@dataclass
class DyingStore:
    """Passes writes on until the n-th, at which the process dies; from then on it hears nothing."""

    inner: ObjectStore
    dies_at: int | None = None
    after: bool = False
    writes: int = 0
    dead: bool = False

    def get(self, key: str) -> Blob:
        self._live()
        return self.inner.get(key)

    def create(self, key: str, data: bytes) -> str:
        return self._write(lambda: self.inner.create(key, data))

    def swap(self, key: str, data: bytes, expected: str) -> str:
        return self._write(lambda: self.inner.swap(key, data, expected))

    def upload(self, key: str, source: Path) -> str:
        return self._write(lambda: self.inner.upload(key, source))

    def list(self, prefix: str, *, after: str = "") -> Iterator[str]:
        self._live()
        return self.inner.list(prefix, after=after)

    def open(self, key: str) -> BinaryIO:
        self._live()
        return self.inner.open(key)

    def _live(self) -> None:
        if self.dead:
            raise Killed

    def _write(self, action: Callable[[], str]) -> str:
        self._live()
        self.writes += 1
        if self.writes != self.dies_at:
            return action()
        if self.after:
            with suppress(ModelmedicError):
                action()
        self.dead = True
        raise Killed


@dataclass
class _World:
    """`command` is run at a site on whatever store it is given; `ends` says whether it came to its
    end.
    """

    site: Site
    command: Callable[[Site], object]
    ends: Callable[[Site], bool] = field(default=lambda _site: True)


def _deployed(folder: Path, **options: Any) -> tuple[DeployedWorld, _World]:
    world = DeployedWorld(folder, **options)
    return world, _World(world.site, lambda at: heal(Run(at, world.run.incident), step=_step), lambda at: _outcome(at) is not None)


def _close_first(world: DeployedWorld) -> None:
    world.site.ledger.close(world.run.incident, Closing(Outcome.NO_ACTION, NOW, "before"))
    call("close", world.run, {})


def _back(at: Site) -> bool:
    served = at.serving.state().champion
    return at.registry.alias("champion") == "1" and served is not None and served.version == "1"


def _outcome(at: Site) -> Outcome | None:
    closing = at.ledger.closing(at.ledger.incidents(at.model)[-1])
    return closing.outcome if closing else None


def _healed(folder: Path) -> _World:
    return _deployed(folder)[1]


def _withdrawn(folder: Path) -> _World:
    return _deployed(folder, behaviours={"2": {"value": 0.7}})[1]


def _waiting(folder: Path) -> _World:
    world, waits = _deployed(folder, approval="needed")
    return replace(waits, ends=lambda at: at.ledger.outputs(world.run.incident, "approve") is None)


def _approved(folder: Path, approved: bool = True) -> _World:
    """Both commands, one after the other, as often as it takes."""
    world, _ = _deployed(folder, approval="needed")

    def command(at: Site) -> None:
        run = Run(at, world.run.incident)
        if heal(run, step=_step).waiting_at:
            give(at.store, at.clock, run.incident.id, approved=approved, by="ann", policy=at.policy)
            heal(run, step=_step)

    return _World(world.site, command, lambda at: _outcome(at) is (Outcome.HEALED if approved else Outcome.REJECTED))


def _answered(folder: Path) -> _World:
    """The answer alone, while the heal waits."""
    world, waits = _deployed(folder, approval="needed")
    waits.command(world.site)

    def command(at: Site) -> None:
        give(at.store, at.clock, world.run.incident.id, approved=True, by="ann", policy=at.policy)

    return _World(world.site, command, lambda at: len(at.ledger.answers(world.run.incident)) == 1)


def _other(remedy: Remedy, found: Diagnosis) -> Callable[[Path], _World]:
    """A heal whose diagnosis asks for another remedy."""

    def made(folder: Path) -> _World:
        world = DeployedWorld(folder)
        _close_first(world)
        incident = open_by_hand(world.site).incident
        said = diagnosed(remedy, found=found, champion="1", window=WINDOW)
        step = partial(_step, said=said)
        return _World(world.site, lambda at: heal(Run(at, incident), step=step), lambda at: at.ledger.closing(incident) is not None)

    return made


def _taken_back(folder: Path) -> _World:
    """A rollback of version 2, which serves since a heal."""
    world, healing = _deployed(folder)
    healing.command(world.site)
    incident = open_by_hand(world.site).incident
    found = Diagnosis(Cause.BAD_RELEASE, 0.9, sentence="made up", version="2", instead="1")
    said = diagnosed(Remedy.ROLLBACK, found=found, champion="2", window=WINDOW)
    step = partial(_step, said=said)
    return _World(world.site, lambda at: heal(Run(at, incident), step=step), _back)


def _undone(folder: Path) -> _World:
    world, healing = _deployed(folder)
    healing.command(world.site)
    return _World(world.site, lambda at: undo(Run(at, world.run.incident), by="ann", reason="it lost"), _back)


def _swept(folder: Path) -> _World:
    """A canary that nobody watches, a release by hand, an incident without its last records."""
    world = DeployedWorld(folder)
    world.site.ledger.close(world.run.incident, Closing(Outcome.ESCALATED, NOW, "it broke", by_error=True))
    world.serving.start_canary(world.second, expected=1)
    world.serving.promote(expected=world.serving.state().generation)
    world.registry.move_alias("champion", "2", expected="1")
    world.serving.start_canary(world.first, expected=world.serving.state().generation)
    return _World(world.site, sweep, lambda at: at.serving.state().canary is None and at.history.releases(at.model)[-1].version == "2")


def _overdue(folder: Path) -> _World:
    world = DeployedWorld(folder, traffic=0)
    world.clock.sleep(timedelta(days=60))
    return _World(world.site, sweep, lambda at: _outcome(at) is Outcome.ESCALATED)


def _frozen(folder: Path) -> _World:
    world = DeployedWorld(folder)

    def command(at: Site) -> None:
        at.freezes.freeze(at.model, by="ann", reason="sale")

    return _World(world.site, command, lambda at: at.freezes.frozen(at.model) is not None)


def _lifted(folder: Path) -> _World:
    world = DeployedWorld(folder)
    world.site.freezes.freeze(world.site.model, by="ann", reason="sale")

    def command(at: Site) -> None:
        with suppress(ModelmedicError):  # a second lift finds nothing to lift
            at.freezes.lift(at.model, by="ann", reason="over")

    return _World(world.site, command, lambda at: at.freezes.frozen(at.model) is None)


def _released(folder: Path) -> _World:
    world = _other(Remedy.QUARANTINE, Diagnosis(Cause.DATA_QUALITY, 0.9, ("age",), sentence="made up"))(folder)
    world.command(world.site)
    incident = world.site.ledger.incidents(world.site.model)[-1]

    def command(at: Site) -> None:
        with suppress(ModelmedicError):  # a second release finds nothing set aside
            release(at.store, at.clock, at.policy, incident.id, by="ann", why="the sensor was right")

    return _World(world.site, command, lambda at: not at.history.quarantined(at.model))


def _monitored(folder: Path) -> _World:
    """The second of two drifted weeks, which opens an incident; the next run is an hour later."""
    here = monitored_site(folder)
    for first in (0, 7):
        here.serve(first, change=lambda table: table.set_column(2, "age", _older(table["age"])))
    monitor(here.site, here.at(7))
    here.at(14)

    def command(at: Site) -> None:
        monitor(at)
        here.clock.at += DAY / 24

    return _World(here.site, command, lambda at: at.ledger.current(at.model) is not None)


def _older(ages: Any) -> Any:
    import pyarrow.compute as pc

    return pc.add(ages, 8.0)


def _by_hand(folder: Path) -> _World:
    world = DeployedWorld(folder)
    _close_first(world)
    return _World(world.site, open_by_hand, lambda at: at.ledger.current(at.model) is not None)


def _sorted(folder: Path) -> _World:
    """A triage of two alerts of a model of which a verdict alarms."""
    here, heals = played_site(folder), FakeWorkflows()
    desk = Desk(here.store, heals, clock=here.clock)
    keep(here.store, policy_key(POLICIES["churn"].hash), POLICIES["churn"])
    desk.judged()
    (verdict,) = here.store.list(verdict_folder("churn"))
    here.once("drift.measured", verdict, {}, documents=[verdict])

    def command(at: Site) -> None:
        replace(desk, store=at.store).take(*DRIFTED_AND_WORSE, alert(labels={"model": "nobody"}))

    return _World(here, command, lambda at: heals.heals.keys() == {each.id for each in at.ledger.incidents("churn")} != set())


def _assessed(folder: Path) -> _World:
    """An assessment of a heal of four weeks ago, which did not help."""
    here = healed_site(folder)
    incident = open_by_hand(here).incident
    here.ledger.close(incident, Closing(Outcome.HEALED, NOW, "healed", "1", "2"))
    call("close", Run(here, incident), {})
    compared(here, 28, rise=0.8)
    return _World(here, assess, lambda at: at.ledger.assessment(incident) is not None)


def _bootstrapped(folder: Path) -> _World:
    rules = training.policy()
    rows = training.rows(training.START, training.START + timedelta(days=40), rules)
    here = training.site(folder, rules, rows)

    def command(at: Site) -> None:
        with in_this_process():
            bootstrap(at, rows)

    return _World(here, command, lambda at: at.registry.alias("champion") == "1" and at.serving.state().champion)


_PLAN = TrainingPlan(Remedy.RETRAIN, WINDOW, WINDOW, reason="made up")


def _step(name: str, run: Run, inputs: Any, said: Any = None) -> Any:
    """The real steps, but for those that need data: their results are made up."""
    if name == "diagnose":
        note_diagnosis(run, kept := run.record(said or diagnosed(champion="1", window=WINDOW)))
        return kept.outputs
    if name == "retrain":
        kept = run.record(RetrainResult(_PLAN, trained=True, rows=9, candidate="c", sentence="made up"))
        note_training(run)  # in a cluster the next stage does it
        return kept.outputs
    if name == "validate":
        note_training(run)
        note_validation(run, kept := run.record(validated("2", "d")))
        return kept.outputs
    return call(name, run, inputs)


_SEASONAL = Diagnosis(Cause.SEASONAL, 0.9, ("age",), sentence="made up")
_BROKEN = Diagnosis(Cause.DATA_QUALITY, 0.9, ("age",), sentence="made up")
SCENARIOS: dict[str, Callable[[Path], _World]] = {
    "a heal that deploys": _healed,
    "a heal whose canary is withdrawn": _withdrawn,
    "a heal that comes to its approval": _waiting,
    "a heal that is approved": _approved,
    "a heal that is rejected": partial(_approved, approved=False),
    "an approval": _answered,
    "a heal that rolls back": _taken_back,
    "a heal that sets rows aside": _other(Remedy.QUARANTINE, _BROKEN),
    "a heal that acknowledges": _other(Remedy.NONE, _SEASONAL),
    "an undo": _undone,
    "a sweep": _swept,
    "a sweep that closes": _overdue,
    "a freeze": _frozen,
    "a lift": _lifted,
    "a release of rows": _released,
    "a monitor that opens": _monitored,
    "an opening by hand": _by_hand,
    "a triage": _sorted,
    "an assessment": _assessed,
    "a bootstrap": _bootstrapped,
}


def attacks(seed: int) -> Iterator[Attack]:
    del seed  # every write is tried
    for name, made in SCENARIOS.items():
        writes, every = _SLOW.get(name) or (writes_of(made), _AT_A_TIME)
        for first in range(1, writes + 1, every):
            last = first if name in _SLOW else min(first + every - 1, writes)
            what = f"{name}, killed at its writes {first} to {last} of {writes}"
            yield Attack(what, _GROUP, partial(_kill, made, first, last), seconds=180, tries=2 * (last - first + 1))


@cache
def writes_of(made: Callable[[Path], _World]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        world = made(Path(folder))
        counting = DyingStore(world.site.store)
        world.command(at_process(world.site, counting))
        return counting.writes


def at_process(site: Site, store: ObjectStore) -> Site:
    """The site of a new process of the same machine, which knows that the one before is dead."""
    return replace(site, store=store, gone=lambda _holder: True)


def _kill(made: Callable[[Path], _World], first: int, last: int, folder: Path) -> Result:
    for number in range(first, last + 1):
        for after in (False, True):
            place = folder / f"{number}-{after}"
            place.mkdir()
            fault = _one(made(place), number, after)
            if fault:
                return not_held(f"killed {'after' if after else 'before'} write {number}: {fault}")
    return HELD


def _one(world: _World, number: int, after: bool) -> str:
    store = world.site.store
    assert isinstance(store, MemoryStore)
    with suppress(Killed):
        world.command(at_process(world.site, DyingStore(store, number, after)))
        return "nothing was killed"
    world.command(at_process(world.site, store))
    return fault_of(world, store)


def fault_of(world: _World, store: ObjectStore) -> str:
    """A sentence about what the commands left undone, untold or twice; empty where all is well."""
    at = at_process(world.site, store)
    if not world.ends(at):
        return "the same command did not come to its end"
    found = gaps(at)
    return found[0] if found else _twice(at)


def _twice(at: Site) -> str:
    """A sentence about a deed that was recorded as done more than once; empty without one."""
    outcomes = [(r.event, r.key) for r in at.trail.records() if r.phase is Phase.OUTCOME and r.event not in _TWICE]
    found = {each for each in outcomes if outcomes.count(each) > 1}
    return f"{sorted(found)[0]} happened twice" if found else ""


_TWICE = ("canary.withdrawn", "model.restored", "window.quarantined")  # retreats bear it, and look again

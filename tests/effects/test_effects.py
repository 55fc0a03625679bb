"""An effect happens once, whatever dies when; advancing needs everything, retreating nothing."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.control import FreezeOrder
from modelmedic.steps.contracts.errors import LeaseLost, ModelmedicError, Refused, StoreError, Transient
from modelmedic.steps.contracts.keys import freeze_key
from modelmedic.steps.contracts.ports import Blob, ObjectStore
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.core.records.chain import ChainFault
from modelmedic.steps.effects.journal import Journal
from modelmedic.steps.effects.lease import Lease, acquire
from modelmedic.steps.effects.perform import Effect, perform
from modelmedic.steps.effects.spool import Spool
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.documents import put
from modelmedic.steps.records.freezes import Freezes

NOW = datetime(2026, 1, 8, 12, tzinfo=UTC)
MODEL = "flights"
KEY = "flights-1a2b3c4d-1/alias/7"


@dataclass
class PlayedClock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


def frozen(store: ObjectStore, clock: PlayedClock, scope: str | None, reason: str) -> None:
    """A freeze that is on no trail."""
    put(store, freeze_key(scope), FreezeOrder(scope, "ann", reason, clock.now()))


class Killed(BaseException):
    """A kill -9: nothing of ours catches it."""


class DyingStore:
    """Passes calls on until the n-th, at which the process dies, just before or just after."""

    def __init__(self, inner: ObjectStore, life: "Life") -> None:
        self._inner = inner
        self._life = life

    def get(self, key: str) -> Blob:
        return self._life.call(lambda: self._inner.get(key))

    def create(self, key: str, data: bytes) -> str:
        return self._life.call(lambda: self._inner.create(key, data))

    def swap(self, key: str, data: bytes, expected: str) -> str:
        return self._life.call(lambda: self._inner.swap(key, data, expected))

    def list(self, prefix: str, *, after: str = "") -> Iterator[str]:
        return self._life.call(lambda: self._inner.list(prefix, after=after))

    def open(self, key: str) -> BinaryIO:
        return self._life.call(lambda: self._inner.open(key))

    def upload(self, key: str, source: Path) -> str:
        return self._life.call(lambda: self._inner.upload(key, source))


@dataclass
class Life:
    """Counts every call on the store and on the alias, and ends at call `dies_at`."""

    dies_at: int | None = None
    after: bool = False
    calls: int = 0

    def call(self, action: Callable[[], Any]) -> Any:
        self.calls += 1
        if self.calls == self.dies_at:
            if self.after:
                with suppress(ModelmedicError):
                    action()
            raise Killed
        return action()


@dataclass
class RememberedAlias:
    """The thing to be changed: an alias that remembers every move."""

    moves: list[str] = field(default_factory=list)
    unseen: bool = False
    error: ModelmedicError | None = None
    error_after: ModelmedicError | None = None

    def move(self) -> None:
        if self.error:
            raise self.error
        self.moves.append("7")
        if self.error_after:
            raise self.error_after

    def look(self) -> Mapping[str, Any] | None:
        if self.unseen:
            raise StoreError("registry is away")
        return {"version": self.moves[-1]} if self.moves else None


@dataclass
class EffectWorld:
    """Everything that `perform` needs, on one store."""

    store: ObjectStore
    path: Path
    alias: RememberedAlias = field(default_factory=RememberedAlias)
    clock: PlayedClock = field(default_factory=PlayedClock)
    notes: list[Mapping[str, str | None]] = field(default_factory=list)

    def trail(self, store: ObjectStore | None = None) -> AuditTrail:
        return AuditTrail(store or self.store, MODEL, self.clock, "deploy")

    def effect(self, direction: Direction, life: Life | None = None) -> Effect:
        life = life or Life()
        return Effect(
            "alias.moved",
            KEY,
            direction,
            lambda: life.call(self.alias.move),
            lambda: life.call(self.alias.look),
            {"to": "7"},
        )

    def run(self, direction: Direction, lease: Lease | None, life: Life | None = None) -> Mapping[str, Any]:
        store = DyingStore(self.store, life) if life else self.store
        journal = Journal(self.trail(store), self.clock, Spool(self.path), self.notes.append)
        return perform(self.effect(direction, life), journal=journal, freezes=Freezes(store, self.clock), lease=lease)

    def lease(self, life: Life | None = None) -> Lease:
        store = DyingStore(self.store, life) if life else self.store
        return acquire(store, MODEL, "me", self.clock, gone=lambda _: True)

    def story(self) -> list[tuple[str, str]]:
        return [(record.event, record.phase.value) for record in self.trail().records()]

    def faults(self) -> list[ChainFault]:
        return [fault for fault in self.trail().verify() if not fault.harmless]


@pytest.fixture
def world(tmp_path: Path) -> EffectWorld:
    return EffectWorld(MemoryStore(), tmp_path / "spool.jsonl")


def away(world: EffectWorld, unreachable: bool = True) -> None:
    assert isinstance(world.store, MemoryStore)
    world.store.unreachable = unreachable


@pytest.mark.parametrize("direction", Direction)
def test_an_effect_is_recorded_before_and_after(world: EffectWorld, direction: Direction) -> None:
    lease = world.lease()
    assert world.run(direction, lease) == {"version": "7"}
    intent, outcome = world.trail().records()
    assert (intent.phase, outcome.phase) == (Phase.INTENT, Phase.OUTCOME)
    assert intent.key == outcome.key == KEY
    assert intent.fence == outcome.fence == lease.fence
    assert outcome.facts == {"version": "7"}


@pytest.mark.parametrize("direction", Direction)
def test_a_second_run_does_nothing_more(world: EffectWorld, direction: Direction) -> None:
    lease = world.lease()
    assert world.run(direction, lease) == world.run(direction, lease)
    assert world.alias.moves == ["7"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("direction", Direction)
def test_a_kill_at_any_call_is_finished_by_the_next_run_and_happens_once(tmp_path: Path, direction: Direction, after: bool) -> None:
    dies_at, survived = 0, False
    while not survived:
        dies_at += 1
        world = EffectWorld(MemoryStore(), tmp_path / f"spool-{dies_at}.jsonl")
        life = Life(dies_at, after)
        try:
            with world.lease(life) as lease:
                world.run(direction, lease, life)
            survived = True
        except Killed:
            pass
        with world.lease() as lease:
            assert world.run(direction, lease) == {"version": "7"}
        assert world.alias.moves == ["7"], f"killed at call {dies_at}"
        assert world.faults() == [], f"killed at call {dies_at}"
        assert world.story()[-1] == ("alias.moved", "outcome")
    assert dies_at > 12


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_two_kills_in_a_row_are_finished_by_the_third_run(tmp_path: Path, after: bool) -> None:
    for first in range(1, 16):
        for second in range(1, 16):
            world = EffectWorld(MemoryStore(), tmp_path / "spool.jsonl")
            for dies_at in (first, second):
                life = Life(dies_at, after)
                with suppress(Killed), world.lease(life) as lease:
                    world.run(Direction.ADVANCE, lease, life)
            with world.lease() as lease:
                world.run(Direction.ADVANCE, lease)
            assert world.alias.moves == ["7"], f"killed at calls {first} and {second}"
            assert world.faults() == []


def test_without_a_lease_nothing_advances(world: EffectWorld) -> None:
    with pytest.raises(Refused, match="no lease on model flights"):
        world.run(Direction.ADVANCE, None)
    assert (world.alias.moves, world.story()) == ([], [])


def test_a_stale_holder_does_not_advance(world: EffectWorld) -> None:
    stale = world.lease()
    world.clock.moment += timedelta(minutes=5)
    world.lease()
    with pytest.raises(LeaseLost, match="fence 2"):
        world.run(Direction.ADVANCE, stale)
    assert (world.alias.moves, world.story()) == ([], [])


@pytest.mark.parametrize("scope", [None, MODEL])
def test_a_freeze_stops_the_advance_and_says_who_and_why(world: EffectWorld, scope: str | None) -> None:
    frozen(world.store, world.clock, scope, "black friday")
    with pytest.raises(Refused, match=r"^the \w+ was not \w+: .* frozen by ann .*: black friday$"):
        world.run(Direction.ADVANCE, world.lease())
    assert (world.alias.moves, world.story()) == ([], [])


def test_a_freeze_that_comes_between_intent_and_act_is_obeyed_and_recorded(world: EffectWorld) -> None:
    class FreezingStore(MemoryStore):
        def create(self, key: str, data: bytes) -> str:
            tag = super().create(key, data)
            if key.startswith("audit/") and key.endswith("00000001.json"):
                frozen(self, world.clock, None, "now")
            return tag

    world.store = FreezingStore()
    with pytest.raises(Refused, match="frozen by ann"):
        world.run(Direction.ADVANCE, world.lease())
    assert world.alias.moves == []
    assert world.story() == [("alias.moved", "intent"), ("alias.moved", "failure")]


def test_an_unreadable_store_lets_nothing_advance(world: EffectWorld) -> None:
    lease = world.lease()
    away(world)
    with pytest.raises(StoreError):
        world.run(Direction.ADVANCE, lease)
    assert (world.alias.moves, len(Spool(world.path))) == ([], 0)


def test_an_error_after_the_write_is_read_back_and_counts_as_done(world: EffectWorld) -> None:
    world.alias.error_after = Transient("no answer")
    assert world.run(Direction.ADVANCE, world.lease()) == {"version": "7"}
    assert world.story() == [("alias.moved", "intent"), ("alias.moved", "outcome")]


def test_an_error_before_the_write_is_a_recorded_failure_and_may_be_tried_again(world: EffectWorld) -> None:
    lease = world.lease()
    world.alias.error = Refused("the alias is at 9")
    with pytest.raises(Refused, match="at 9"):
        world.run(Direction.ADVANCE, lease)
    world.alias.error = None
    world.run(Direction.ADVANCE, lease)
    assert [phase for _, phase in world.story()] == ["intent", "failure", "intent", "outcome"]


def test_what_cannot_be_read_back_is_left_open_and_looked_at_by_the_next_run(world: EffectWorld) -> None:
    lease = world.lease()
    world.alias.unseen = True
    with pytest.raises(Transient, match="may or may not have happened"):
        world.run(Direction.ADVANCE, lease)
    assert [phase for _, phase in world.story()] == ["intent"]
    world.alias.unseen = False
    world.run(Direction.ADVANCE, lease)
    assert world.alias.moves == ["7"]


def test_a_frozen_model_without_a_lease_still_retreats(world: EffectWorld) -> None:
    frozen(world.store, world.clock, None, "all")
    world.run(Direction.RETREAT, None)
    assert world.alias.moves == ["7"]
    assert world.story() == [("alias.moved", "intent"), ("alias.moved", "outcome")]


def test_a_retreat_without_the_store_is_spooled_noted_and_recorded_later(world: EffectWorld) -> None:
    lease = world.lease()
    away(world)
    world.run(Direction.RETREAT, lease)
    assert world.alias.moves == ["7"]
    waiting = [json.loads(str(text)) for note in world.notes for text in note.values()]
    assert [(line["event"], line["phase"]) for line in waiting] == [("alias.moved", "outcome")]
    away(world, False)
    assert Spool(world.path).flush(world.trail()) == 2
    assert [phase for _, phase in world.story()] == ["intent", "outcome"]
    assert world.faults() == []
    assert len(Spool(world.path)) == 0


def test_a_retreat_whose_recorded_outcome_was_undone_is_done_again(world: EffectWorld) -> None:
    world.run(Direction.RETREAT, None)
    world.alias.moves.clear()
    world.run(Direction.RETREAT, None)
    assert world.alias.moves == ["7"]


def test_a_serving_object_that_takes_no_note_does_not_stop_a_retreat(world: EffectWorld) -> None:
    def refuse(_: Mapping[str, str]) -> None:
        raise Transient("kserve is away")

    away(world)
    journal = Journal(world.trail(), world.clock, Spool(world.path), refuse)
    perform(world.effect(Direction.RETREAT), journal=journal, freezes=Freezes(world.store, world.clock), lease=None)
    assert world.alias.moves == ["7"]


def test_a_machine_that_cannot_keep_a_record_leaves_it_on_the_serving_object(world: EffectWorld) -> None:
    away(world)
    nowhere = world.path.parent / "a-file"
    nowhere.write_text("")
    journal = Journal(world.trail(), world.clock, Spool(nowhere / "spool.jsonl"), world.notes.append)
    perform(world.effect(Direction.RETREAT), journal=journal, freezes=Freezes(world.store, world.clock), lease=None)
    assert world.alias.moves == ["7"]
    waiting = [json.loads(str(text)) for note in world.notes for text in note.values()]
    assert [(line["event"], line["phase"]) for line in waiting] == [("alias.moved", "outcome")]


def test_spooled_records_come_before_the_next_one(world: EffectWorld) -> None:
    away(world)
    world.run(Direction.RETREAT, None)
    away(world, False)
    world.trail().append("gate.failed", facts={})
    journal = Journal(world.trail(), world.clock, Spool(world.path), world.notes.append)
    journal.append("alias.moved", Phase.NOTE, "other", None, {})
    assert [phase for _, phase in world.story()] == ["note", "intent", "outcome", "note"]


def test_a_flush_killed_at_any_call_records_each_spooled_line_once(tmp_path: Path) -> None:
    for dies_at in range(1, 14):
        world = EffectWorld(MemoryStore(), tmp_path / f"spool-{dies_at}.jsonl")
        away(world)
        world.run(Direction.RETREAT, None)
        away(world, False)
        life = Life(dies_at, after=True)
        with suppress(Killed):
            Spool(world.path).flush(world.trail(DyingStore(world.store, life)))
        Spool(world.path).flush(world.trail())
        assert [phase for _, phase in world.story()] == ["intent", "outcome"], f"killed at call {dies_at}"


def test_a_torn_spool_line_is_kept_in_the_trail(world: EffectWorld) -> None:
    away(world)
    world.run(Direction.RETREAT, None)
    with world.path.open("ab") as file:
        file.write(b'\n{"id": "to')
    away(world, False)
    Spool(world.path).flush(world.trail())
    damaged = list(world.trail().records())[-1]
    assert (damaged.event, damaged.facts["text"]) == ("spool.damaged", '{"id": "to')


def test_a_record_that_is_written_is_recorded_though_the_head_cannot_move() -> None:
    """As on a disk that fills up between the two: told that it was not, a retreat would record it
    again from its spool.
    """

    class FullStore(MemoryStore):
        full = False

        def create(self, key: str, data: bytes) -> str:
            if self.full and key.endswith("head.json"):
                raise StoreError("the disk is full")
            return super().create(key, data)

        def swap(self, key: str, data: bytes, expected: str) -> str:
            if self.full:
                raise StoreError("the disk is full")
            return super().swap(key, data, expected)

    store = FullStore()
    trail = AuditTrail(store, "churn", PlayedClock(), "test")
    trail.append("a.happened")
    store.full = True
    assert trail.append("b.happened").sequence == 2
    store.full = False
    AuditTrail(store, "churn", PlayedClock(), "another").append("c.happened")
    assert [record.event for record in trail.records()] == ["a.happened", "b.happened", "c.happened"]
    assert trail.verify() == []

"""The side-effect protocol: intent, write, read back, outcome; a run killed anywhere in between is
finished, not repeated.

Advancing fails closed: without a record, without a lease or under a freeze, nothing is done.
Retreating is always allowed: what cannot be recorded now waits in a local spool and is noted on the
serving object.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.errors import ModelmedicError, Refused, Transient
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.effects.journal import EffectRecords, Journal, RetreatRecords
from modelmedic.steps.effects.lease import Lease
from modelmedic.steps.records.freezes import Freezes


@dataclass(frozen=True, slots=True)
class Effect:
    """One change to the world.

    `key` names it over all reruns; another attempt at something new needs another key. `read_back`
    answers what is there when the effect is, and None when it is not. `act` of a retreat has to
    bear being called twice.
    """

    event: str  # noun.participle
    key: str
    direction: Direction
    act: Callable[[], object]
    read_back: Callable[[], Mapping[str, Any] | None]
    facts: Mapping[str, Any] = field(default_factory=dict)


def perform(effect: Effect, *, journal: Journal, freezes: Freezes, lease: Lease | None) -> Mapping[str, Any]:
    """Make the effect happen once, and return what was read back.

    Raises Refused (LeaseLost among them) when an advance is not allowed, StoreError when that
    cannot be told, the error of `act` when the effect is known not to have happened, and Transient
    when it is not known: the next run with the same key reads back before it acts.
    """
    if effect.direction is Direction.RETREAT:
        return _retreat(effect, RetreatRecords(journal, effect.event, effect.key, lease.fence if lease else None), lease)

    def permit() -> Lease:
        return _permit(effect, journal.model, freezes, lease)

    return _advance(effect, EffectRecords(journal, effect.event, effect.key, permit().fence), permit)


def _advance(effect: Effect, records: EffectRecords, permit: Callable[[], Lease]) -> Mapping[str, Any]:
    earlier = records.earlier()
    if earlier is not None and earlier.phase is Phase.OUTCOME:
        return earlier.facts
    found = _look(effect) if earlier is not None else None
    if found is None:
        records.write(Phase.INTENT, effect.facts)
        try:
            permit()  # freeze and lease may have changed while the record was written
        except Refused as error:
            records.write(Phase.FAILURE, {"error": str(error)})
            raise
        found = _act(effect, records)
    records.write(Phase.OUTCOME, found)
    return found


def _retreat(effect: Effect, records: RetreatRecords, lease: Lease | None) -> Mapping[str, Any]:
    """A recorded outcome is not believed here: what it undid may have come back."""
    found = _glance(effect) if records.may_have_happened() else None
    if found is None:
        records.write(Phase.INTENT, {**effect.facts, "lease": "unknown" if records.away else _standing(lease)})
        found = _act(effect, records)
    records.write(Phase.OUTCOME, found)
    return found


def _act(effect: Effect, records: EffectRecords) -> Mapping[str, Any]:
    """Act, and believe what is there rather than what the call said. A bug in `act` leaves the
    intent open, as a kill does.
    """
    failure: ModelmedicError | None = None
    try:
        effect.act()
    except ModelmedicError as error:
        failure = error
    found = _look(effect)
    if found is not None:
        return found
    failure = failure or Transient(f"{effect.event} ({effect.key}) was written but cannot be seen; expected to read it back")
    records.write(Phase.FAILURE, {"error": str(failure)})
    raise failure


def _look(effect: Effect) -> Mapping[str, Any] | None:
    try:
        return effect.read_back()
    except ModelmedicError as error:
        raise Transient(
            f"{effect.event} ({effect.key}) may or may not have happened, because it cannot be read back ({error}); "
            "the next run reads it back before it acts"
        ) from error


def _glance(effect: Effect) -> Mapping[str, Any] | None:
    """Before a retreat, what cannot be read counts as not there: going back twice is harmless."""
    try:
        return effect.read_back()
    except ModelmedicError:
        return None


def _permit(effect: Effect, model: str, freezes: Freezes, lease: Lease | None) -> Lease:
    order = freezes.frozen(model)
    if order is not None:
        raise Refused(f"{_not_done(effect)}: {order.sentence}")
    if lease is None:
        raise Refused(f"{_not_done(effect)}: no lease on model {model} is held here")
    lease.check()
    return lease


def _not_done(effect: Effect) -> str:
    """`canary.started` in words for people, whom the key of a record tells nothing."""
    noun, _, done = effect.event.partition(".")
    return f"the {noun} was not {done}"


def _standing(lease: Lease | None) -> str:
    """The words of a retreat's record about the lease, on which the retreat does not depend."""
    if lease is None:
        return "none"
    try:
        lease.check()
    except ModelmedicError as error:
        return str(error)
    return "held"

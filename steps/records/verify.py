"""The check of a model's audit trail, made while others may be writing to it, and of ledger,
releases, verdicts and registry against it; called by `modelmedic audit verify` and the incident
page.
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from modelmedic.steps.contracts.audit import Record
from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused
from modelmedic.steps.contracts.keys import audit_head_key, audit_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore, Registry
from modelmedic.steps.contracts.words import Remedy
from modelmedic.steps.core.records.anchor import NAME, against, read_anchor
from modelmedic.steps.core.records.chain import ChainFault
from modelmedic.steps.records.agreement import disagreements, with_registry
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.history import History
from modelmedic.steps.records.ledger import Ledger

_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Witness:
    """The registry of the model, which the trail is held against, and the key of its anchor."""

    registry: Registry
    alias: str
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """The faults of one trail. `model` is None when no record can be read any more. `anchored` is
    the number of the last record that the registry bears out; None without a registry or anchor.
    """

    folder: str
    model: str | None
    records: int
    faults: tuple[ChainFault, ...]
    anchored: int | None = None

    @property
    def broken(self) -> bool:
        return any(not fault.harmless for fault in self.faults)

    def with_faults(self, more: Iterable[ChainFault]) -> "Check":
        """The check with what another reader of the records found."""
        return replace(self, faults=(*self.faults, *more))

    @property
    def name(self) -> str:
        return self.model or self.folder


def verify(store: ObjectStore, clock: Clock, hashed: str, model: str | None, witness: Witness | None = None) -> Check:
    """Check the trail below `audit/<hashed>/` and what it tells of. What only one look sees is
    another writer's record on its way, and no fault.
    """
    if model is None:
        sentence = f"no record in {audit_key(hashed)} can be read; they were changed since, or a newer modelmedic wrote them"
        unreadable = ChainFault(0, sentence)
        return Check(hashed, None, _count(store, hashed), (unreadable,))
    check = _look(store, clock, hashed, model, witness)
    for _ in range(_LOOKS - 1):
        if not check.broken:
            break
        check = _look(store, clock, hashed, model, witness)
    return check


def _look(store: ObjectStore, clock: Clock, hashed: str, model: str, witness: Witness | None) -> Check:
    try:
        return _checked(store, clock, hashed, model, witness)
    except BadInput as error:  # a link, or a document that the checks need and nobody can read
        return Check(hashed, model, 0, (ChainFault(0, str(error)),))


def _checked(store: ObjectStore, clock: Clock, hashed: str, model: str, witness: Witness | None) -> Check:
    records, anchored = _count(store, hashed), None
    faults = AuditTrail(store, model, clock, "verify").verify()
    if not records and Ledger(store, clock).past_heals(model):
        faults.append(ChainFault(0, "there are closed incidents and no records; the trail was dropped"))
    read = _readable(store, clock, model)
    if not any(not fault.harmless for fault in faults):
        faults += disagreements(store, model, read)
    if witness is not None:
        anchored, seen = _against_registry(store, clock, model, read, witness)
        faults += seen
    return Check(hashed, model, records, tuple(faults), anchored)


def _readable(store: ObjectStore, clock: Clock, model: str) -> tuple[Record, ...]:
    """The records up to the first that cannot be read, which is a fault already."""
    found: list[Record] = []
    with contextlib.suppress(NotFound, BadInput, Refused):
        found.extend(AuditTrail(store, model, clock, "verify").records())
    return tuple(found)


def _against_registry(
    store: ObjectStore, clock: Clock, model: str, records: tuple[Record, ...], witness: Witness
) -> tuple[int | None, list[ChainFault]]:
    text, faults = witness.registry.remark(NAME), list(_versions(store, clock, model, records, witness))
    if text is None:
        anchored_once = any(record.event == "release.recorded" for record in records)  # by a version that anchors
        said = f"the registry has no anchor of the trail of {model}; it was taken away"
        return None, [*faults, *([ChainFault(0, said)] if anchored_once else [])]
    anchored, found = read_anchor(model, text, witness.key), None
    with contextlib.suppress(BadInput, Refused):  # a fault already
        found = AuditTrail(store, model, clock, "verify").hash_of(anchored.head.sequence) if anchored.head.sequence else None
    sentence = against(model, anchored, len(records), found)
    return (None if sentence else anchored.head.sequence), [*faults, *([ChainFault(0, sentence)] if sentence else [])]


def _versions(store: ObjectStore, clock: Clock, model: str, records: tuple[Record, ...], witness: Witness) -> Iterator[ChainFault]:
    """While an incident is open, its challenger may have the alias before it is released, and in a
    rollback the version before.
    """
    releases, ledger = History(store, clock).releases(model), Ledger(store, clock)
    current = ledger.current(model) if releases else None
    challenger = (ledger.outputs(current, "validate") or {}).get("version") if current else None
    taken_back = current is not None and (ledger.outputs(current, "diagnose") or {}).get("remedy") == Remedy.ROLLBACK.value
    back = releases[-1].previous if taken_back else None
    served = tuple(version for version in (releases[-1].version if releases else None, challenger, back) if version)
    return with_registry(witness.registry, records, served, witness.alias)


def _count(store: ObjectStore, hashed: str) -> int:
    return sum(key != audit_head_key(hashed) for key in store.list(audit_key(hashed)))

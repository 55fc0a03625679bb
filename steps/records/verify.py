"""The check of a model's audit trail, made while others may be writing to it; called by
`modelmedic audit verify` and the incident page.
"""

from dataclasses import dataclass

from modelmedic.steps.contracts.keys import audit_head_key, audit_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.core.records.chain import ChainFault
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.ledger import Ledger

_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Check:
    """The faults of one trail. `model` is None when no record can be read any more."""

    folder: str
    model: str | None
    records: int
    faults: tuple[ChainFault, ...]

    @property
    def broken(self) -> bool:
        return any(not fault.harmless for fault in self.faults)

    @property
    def name(self) -> str:
        return self.model or self.folder


def verify(store: ObjectStore, clock: Clock, hashed: str, model: str | None) -> Check:
    """Check the trail below `audit/<hashed>/`. What only one look sees is another writer's record
    on its way, and no fault.
    """
    if model is None:
        sentence = f"no record in {audit_key(hashed)} can be read; they were changed since, or a newer modelmedic wrote them"
        unreadable = ChainFault(0, sentence)
        return Check(hashed, None, _count(store, hashed), (unreadable,))
    check = _look(store, clock, hashed, model)
    for _ in range(_LOOKS - 1):
        if not check.broken:
            break
        check = _look(store, clock, hashed, model)
    return check


def _look(store: ObjectStore, clock: Clock, hashed: str, model: str) -> Check:
    records = _count(store, hashed)
    faults = AuditTrail(store, model, clock, "verify").verify()
    if not records and Ledger(store, clock).past_heals(model):
        faults.append(ChainFault(0, "there are closed incidents and no records; the trail was dropped"))
    return Check(hashed, model, records, tuple(faults))


def _count(store: ObjectStore, hashed: str) -> int:
    return sum(key != audit_head_key(hashed) for key in store.list(audit_key(hashed)))

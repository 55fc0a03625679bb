"""The monitor's looks at the ageing of a model, as they are kept, and the trainings since. Read by
the monitor, triage, the diagnosis and whatever asks whether an alarm repeats.
"""

from collections.abc import Iterator
from datetime import datetime

from modelmedic.steps.contracts.ageing import ALERTS, AgeingLook
from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.keys import ageing_key
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.results import RetrainResult
from modelmedic.steps.records.ledger import Ledger


def newest_look(store: ObjectStore, model: str, by: datetime) -> AgeingLook | None:
    """The last look that was made at `by` or before; None before the first."""
    until = ageing_key(model, by)
    keys = [key for key in store.list(ageing_key(model)) if key <= until]
    return parse(AgeingLook, store.get(keys[-1]).data, keys[-1]) if keys else None


def looks(store: ObjectStore, model: str) -> Iterator[AgeingLook]:
    """Every look, oldest first."""
    for key in store.list(ageing_key(model)):
        yield parse(AgeingLook, store.get(key).data, key)


def trained_since(ledger: Ledger, model: str, since: datetime) -> datetime | None:
    """The last training of an incident that was opened at `since` or later and that left a model,
    whatever became of it.
    """
    for incident in reversed(ledger.incidents(model)):
        if incident.opened_at < since:
            return None
        result = ledger.result(incident, RetrainResult)
        if result is not None and result.trained:
            return incident.opened_at
    return None


def answered(ledger: Ledger, look: AgeingLook) -> bool:
    """True when an incident was opened for the look, or a training was tried since."""
    since = [incident for incident in ledger.incidents(look.model) if incident.opened_at >= look.at]
    return any(incident.alert in ALERTS for incident in since) or trained_since(ledger, look.model, look.at) is not None

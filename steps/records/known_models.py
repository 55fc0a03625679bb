"""The models that a store has records of. Records lie under a hash of the model's name, so the name
is read from one of them.
"""

from collections.abc import Iterator

from modelmedic.steps.contracts.errors import BadInput, NotFound
from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import audit_head_key, audit_key, incident_key, model_hash
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.records.audit import read_entry

_PREFIXES = ("incidents/", "audit/", "verdicts/", "releases/")
_BEHIND = "~"  # sorts behind every key in a folder of ours


def models(store: ObjectStore) -> tuple[str, ...]:
    """The names, in order; a model that has nothing readable is left out."""
    return tuple(sorted(name for name in by_hash(store).values() if name is not None))


def by_hash(store: ObjectStore) -> dict[str, str | None]:
    """Model hash → name, None where no record of the model can be read."""
    hashes = sorted({hashed for prefix in _PREFIXES for hashed in _folders(store, prefix)})
    return {hashed: _name(store, hashed) for hashed in hashes}


def _folders(store: ObjectStore, prefix: str) -> Iterator[str]:
    """One listing a folder, however many objects lie in it."""
    key = next(store.list(prefix), None)
    while key is not None:
        folder = key.removeprefix(prefix).partition("/")[0]
        yield folder
        key = next(store.list(prefix, after=f"{prefix}{folder}/{_BEHIND}"), None)


def _name(store: ObjectStore, hashed: str) -> str | None:
    return next((name for name in _names(store, hashed) if model_hash(name) == hashed), None)


def _names(store: ObjectStore, hashed: str) -> Iterator[str]:
    """The names that the records state, one after the other until the caller believes one."""
    try:
        key = incident_key(hashed, 1, "opened.json")
        yield parse(Incident, store.get(key).data, key).model
    except (NotFound, BadInput):
        pass
    for key in store.list(audit_key(hashed)):
        if key != audit_head_key(hashed):
            try:
                yield read_entry(store.get(key).data, key).record.model
            except (NotFound, BadInput):
                continue
    for key in store.list("policies/"):
        try:
            yield parse(Policy, store.get(key).data, key).name
        except (NotFound, BadInput):
            continue

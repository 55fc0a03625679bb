"""Ledger, releases, verdicts, registry and trail held against each other: every stored decision is
in a record, and is what the record vouches for. Called by records/verify.

A record of an earlier version vouches for no document. A document that is older than the first
record which does is held against the events of the trail alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelmedic.steps.contracts.audit import Phase, Record
from modelmedic.steps.contracts.codec import sha256, to_plain
from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.errors import BadInput, NotFound
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.keys import (
    acknowledged_key,
    ageing_key,
    freeze_key,
    model_hash,
    policy_key,
    quarantine_key,
    release_key,
    stage_key,
    verdict_folder,
)
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore, Registry
from modelmedic.steps.core.records.chain import ChainFault
from modelmedic.steps.records.documents import read

_DOCUMENT = dict[str, Any]
_UNRECORDED = "its process was killed before it recorded it (the same command again, or the sweep, does), or somebody else wrote it"


@dataclass(frozen=True)
class _Told:
    """The facts that the records of a model tell. `vouched`: key to number and hash, by the newest
    record; `since`: the time of the first record that vouches for documents.
    """

    records: tuple[Record, ...]
    vouched: dict[str, tuple[int, str]]
    since: datetime | None

    def tells(self, event: str, incident: str) -> bool:
        return any(record.event == event and record.incident == incident for record in self.records)


def disagreements(store: ObjectStore, model: str, records: Iterable[Record]) -> Iterator[ChainFault]:
    """A fault for each stored decision that is not what the records tell of it."""
    told = _told(tuple(records))
    yield from _changed(store, told)
    for sentence in (*_incidents(store, model, told), *_verdicts(store, model, told), *_others(store, model, told)):
        yield ChainFault(0, sentence)


def with_registry(registry: Registry, records: Iterable[Record], served: tuple[str, ...], alias: str) -> Iterator[ChainFault]:
    """A fault for each version that the registry does not have as it was registered, and for a
    champion alias that is at none of `served`: the version that was released last, and the one that
    an open incident promotes.
    """
    for record in records:
        if (record.event, record.phase) != ("version.registered", Phase.OUTCOME):
            continue
        version, digest = str(record.facts.get("version")), str(record.facts.get("digest"))
        try:
            known = registry.version(version).digest
        except (NotFound, BadInput):
            yield ChainFault(record.sequence, f"version {version}, which record {record.sequence} registered, is not in the registry")
            continue
        if known != digest:
            said = f"version {version} has the digest {known[:12] or 'none'} in the registry"
            yield ChainFault(record.sequence, f"{said}; record {record.sequence} registered it with {digest[:12]}")
    now = registry.alias(alias)
    if served and now not in served:
        yield ChainFault(0, f"alias {alias} is at version {now or 'none'} in the registry; version {served[0]} was released last")


def _told(records: tuple[Record, ...]) -> _Told:
    vouched = {key: (record.sequence, found) for record in records for key, found in record.documents.items()}
    return _Told(records, vouched, next((record.at for record in records if record.documents), None))


def _changed(store: ObjectStore, told: _Told) -> Iterator[ChainFault]:
    for key, (number, expected) in sorted(told.vouched.items()):
        try:
            found = sha256(store.get(key).data)
        except NotFound:
            yield ChainFault(number, f"object {key}, which record {number} vouches for, is gone")
            continue
        except BadInput as error:
            yield ChainFault(number, str(error))
            continue
        if found != expected:
            yield ChainFault(number, f"object {key} was changed after record {number} vouched for it")


def _incidents(store: ObjectStore, model: str, told: _Told) -> Iterator[str]:
    folder = f"incidents/{model_hash(model)}/"
    keys = list(store.list(folder))
    first = min((key for key in told.vouched if key.startswith(folder) and key.endswith("/opened.json")), default=None)
    for epoch in sorted({key.removeprefix(folder).partition("/")[0] for key in keys}):
        place = f"{folder}{epoch}/"
        inside = [key for key in keys if key.startswith(place)]
        yield from _incident(store, told, place, inside, bound=first is not None and f"{place}opened.json" >= first)


def _incident(store: ObjectStore, told: _Told, folder: str, keys: list[str], *, bound: bool) -> Iterator[str]:
    """`bound`: its opening is vouched for, or that of an earlier incident is."""
    incident, fault = _parsed(store, Incident, f"{folder}opened.json")
    if incident is None:
        yield fault or f"object {folder}opened.json is gone, and {len(keys)} objects of the incident are there"
        return
    closed = f"{folder}closed.json"
    if closed in keys and not told.tells("incident.closed", incident.id):
        yield f"incident {incident.id} is closed, and no record tells of it; {_UNRECORDED}"
    if told.tells("incident.closed", incident.id) and closed not in keys:
        yield f"incident {incident.id} was closed, and {closed} is gone"
    if bound and f"{folder}opened.json" not in told.vouched:
        yield f"object {folder}opened.json is in no record; {_UNRECORDED}"
    policy, wrong = _parsed(store, Policy, policy_key(incident.policy_hash))
    if bound and (wrong or policy is None or policy.hash != incident.policy_hash):
        yield wrong or f"policy {incident.policy_hash[:12]} of incident {incident.id} is {'gone' if policy is None else 'another one'}"
    if closed in told.vouched:
        yield from _unvouched(store, told, folder, keys, incident)


def _unvouched(store: ObjectStore, told: _Told, folder: str, keys: list[str], incident: Incident) -> Iterator[str]:
    """Of a closed incident everything is vouched for, but for what close itself stores last, which
    says nothing that the closing does not.
    """
    last = stage_key(model_hash(incident.model), incident.epoch, "close")
    for key in keys:
        if key not in told.vouched and key != last:
            yield f"object {key} is in no record; {_UNRECORDED}"
    said, fault = _parsed(store, _DOCUMENT, last)
    closing, _ = _parsed(store, Closing, f"{folder}closed.json")
    if fault or (said and closing and (said.get("outcome"), said.get("sentence")) != (closing.outcome.value, closing.sentence)):
        yield fault or f"object {last} tells of another end than {folder}closed.json"


def _verdicts(store: ObjectStore, model: str, told: _Told) -> Iterator[str]:
    """Every version of this program records a verdict when it stores it."""
    windows = [record.facts.get("window") for record in told.records if record.event == "drift.measured" and not record.documents]
    for key in store.list(verdict_folder(model)):
        if key in told.vouched:
            continue
        verdict, fault = _parsed(store, Verdict, key)
        if verdict is None or to_plain(verdict.window) not in windows:
            yield fault or f"object {key} is in no record; {_UNRECORDED}"


def _others(store: ObjectStore, model: str, told: _Told) -> Iterator[str]:
    """Releases, rows set aside, shifts acknowledged, looks and freezes: of those that are newer
    than the first record that vouches for documents.
    """
    for folder in (release_key(model), quarantine_key(model), acknowledged_key(model), ageing_key(model), freeze_key(model)):
        for key in store.list(folder):
            if key in told.vouched:
                continue
            said, fault = _parsed(store, _DOCUMENT, key)
            if fault or (said is not None and told.since is not None and _at(said) > told.since):
                yield fault or f"object {key} is in no record; {_UNRECORDED}"
    released = {"release.recorded", "release.noticed", "alias.moved"}
    if next(store.list(release_key(model)), None) and not any(record.event in released for record in told.records):
        yield f"versions of {model} were released, and no record tells of it; the trail was dropped"


def _at(said: _DOCUMENT) -> datetime:
    try:
        found = datetime.fromisoformat(str(said["at"]).replace("Z", "+00:00"))
    except (KeyError, ValueError):
        return _NEVER
    return found if found.tzinfo else _NEVER


_NEVER = datetime.fromisoformat("9999-12-31T00:00:00+00:00")  # of a document without a time: as new as can be


def _parsed(store: ObjectStore, kind: Any, key: str) -> tuple[Any, str]:
    """The document and no fault, nothing at all where there is none, or the fault of one that
    cannot be read.
    """
    try:
        return read(store, kind, key), ""
    except BadInput as error:
        return None, str(error)

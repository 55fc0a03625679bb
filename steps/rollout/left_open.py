"""The end of effects whose process was killed and that no later run came back to: what is there now
says whether they happened. Called by the sweep, and by the local engine when an incident is closed.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from modelmedic.steps.contracts.audit import Phase, Record
from modelmedic.steps.contracts.serving import Served, ServingState
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.runtime.versions import of_key

_RECENT: Final = 200  # records; an effect that was left open for longer was seen by many sweeps
_WHO: Final = "its process ended; what is there now was read by a later one"


def end_left_open(site: Site, records: Iterable[Record] | None = None) -> int:
    """Record an outcome or a failure for each intent among the records (by default the latest ones)
    that has none, and say how many there were. Call it only when no heal of the model is under way.
    """
    seen = list(records) if records is not None else list(islice(site.trail.latest(), _RECENT))[::-1]
    left = [record for record in site.trail.open_intents(seen) if record.event in _SEEN]
    for record in left:
        found = _SEEN[record.event](site, record.facts, record.key or "")
        facts = {"left_open": _WHO, **(found or {"error": "it is not seen"})}
        phase = Phase.OUTCOME if found is not None else Phase.FAILURE
        site.trail.append(record.event, phase, incident=record.incident, key=record.key, fence=record.fence, facts=facts)
    return len(left)


Found = Mapping[str, Any] | None


def _is(served: Served | None, facts: Mapping[str, Any]) -> bool:
    return served is not None and served.version == facts.get("version")


def _state(state: ServingState) -> dict[str, Any]:
    return {"generation": state.generation, "champion": state.champion.version if state.champion else None}


def _champion(site: Site, facts: Mapping[str, Any], _key: str) -> Found:
    state = site.serving.state()
    return _state(state) if _is(state.champion, facts) else None


def _canary(site: Site, facts: Mapping[str, Any], _key: str) -> Found:
    state = site.serving.state()
    return _state(state) if _is(state.canary, facts) or _is(state.champion, facts) else None


def _no_canary(site: Site, facts: Mapping[str, Any], _key: str) -> Found:
    state = site.serving.state()
    return _state(state) if not _is(state.canary, facts) else None


def _started(site: Site, _facts: Mapping[str, Any], _key: str) -> Found:
    state = site.serving.state()
    return _state(state) if state.champion is not None else None


def _alias(site: Site, facts: Mapping[str, Any], key: str) -> Found:
    alias, _, version = key.removeprefix("bootstrap:").rpartition(":")
    name = str(facts.get("alias") or alias.rpartition(":")[2])
    wanted = str(facts.get("to") or version)
    return {"alias": name, "version": wanted} if site.registry.alias(name) == wanted else None


def _registered(site: Site, _facts: Mapping[str, Any], key: str) -> Found:
    found = of_key(site, key.removeprefix("register:"))
    return {"version": found.version, "digest": found.digest} if found is not None else None


def _quarantined(site: Site, _facts: Mapping[str, Any], key: str) -> Found:
    spans = [each.span for each in site.history.quarantines(site.model)]
    found = [span for span in spans if span.incident == key.removeprefix("quarantine:")]
    return {"window": found[0].window, "columns": list(found[0].columns)} if found else None


_SEEN: Final = {
    "canary.started": _canary,
    "share.set": _canary,
    "canary.promoted": _champion,
    "canary.withdrawn": _no_canary,
    "model.restored": _champion,
    "serving.started": _started,
    "alias.moved": _alias,
    "version.registered": _registered,
    "window.quarantined": _quarantined,
}

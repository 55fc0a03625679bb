"""A heal as one trace: the incident, its stages, the effects in them, and gates and decisions as
moments, read off the audit records. Called by incidents/handing_over; docs/what-happened.md has the
names.

Ids follow from the incident's, so that a trace that is built again is the same one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from modelmedic.steps.contracts.audit import Phase, Record
from modelmedic.steps.contracts.codec import sha256, to_plain
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.redaction import redact_texts
from modelmedic.steps.contracts.trace import Attribute, Moment, Span

_PARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_ENDS: Final = "incident.closed"
_ASKS: Final = "approval.requested"
_REPORT: Final = "report"  # beside the other stages
_STAGES: Final[Mapping[str, str]] = {  # the stage whose record an event is; any other belongs to the stage under way
    "cause.diagnosed": "diagnose",
    "remedy.decided": "diagnose",
    "quarantine.lasted": "diagnose",
    "window.quarantined": "quarantine",
    "model.rolled_back": "rollback",
    "model.trained": "retrain",
    "training.refused": "retrain",
    "version.registered": "validate",
    "gate.passed": "validate",
    "gate.failed": "validate",
    "challenger.kept": "validate",
    "canary.started": "deploy",
    "canary.judged": "deploy",
    "canary.promoted": "deploy",
    "canary.withdrawn": "deploy",
    "share.set": "deploy",
    "evidently.written": _REPORT,
    "evidently.failed": _REPORT,
    "shift.acknowledged": "close",
    "breaker.opened": "close",
    _ENDS: "close",
}


@dataclass(slots=True)
class _Part:
    """A stage with its records, in their order."""

    name: str
    start: datetime
    records: list[Record] = field(default_factory=list)

    @property
    def end(self) -> datetime:
        return max(self.start, *(record.at for record in self.records))


def trace_id(incident: str, joined: str = "") -> str:
    """The trace's id: that of `joined`, a W3C traceparent, where it is one, else the incident's."""
    parent = _PARENT.fullmatch(joined)
    return parent[1] if parent else sha256(incident.encode())[:32]


def heal_trace(incident: Incident, closing: Closing, records: Sequence[Record], joined: str = "") -> tuple[Span, ...]:
    """The spans of a closed incident, the first one the heal itself. `records` are those of the
    incident, oldest first; what was recorded after its closing is left out. `joined` is a W3C
    traceparent whose span caused the heal; any other text joins nothing.
    """
    told = list(_until_closed(records))
    parent = _PARENT.fullmatch(joined)
    trace, root = trace_id(incident.id, joined), _span_id(incident.id, "heal")
    parts = _parts(incident.opened_at, told)
    ends = max((incident.opened_at, closing.at, *(part.end for part in parts)))
    facts = _root_facts(incident, closing, told)
    heal = Span(trace, root, parent[2] if parent else "", f"heal {incident.model}", incident.opened_at, ends, facts)
    error = closing.sentence if closing.by_error else ""
    spans = [replace(heal, error=error)]
    for part in parts:
        spans += _stage_spans(incident.id, trace, root, part)
    return tuple(spans)


def _until_closed(records: Sequence[Record]) -> Iterator[Record]:
    for record in records:
        yield record
        if record.event == _ENDS:
            return


def _parts(opened: datetime, records: Sequence[Record]) -> list[_Part]:
    """The stages in the order of their first records. A stage begins where the one before it ended:
    an approval when it is asked for, the report when the cause was known.
    """
    parts: dict[str, _Part] = {}
    under_way, free = "", opened
    for record in records:
        if record.event == "incident.opened":
            continue
        name = _stage_of(record, under_way)
        if name not in parts:
            known = parts["diagnose"].end if name == _REPORT and "diagnose" in parts else free
            parts[name] = _Part(name, record.at if record.event == _ASKS else min(known, record.at))
        parts[name].records.append(record)
        if name != _REPORT:
            under_way, free = name, parts[name].end
    return list(parts.values())


def _stage_of(record: Record, under_way: str) -> str:
    if record.event.startswith("approval.") and isinstance(record.facts.get("stage"), str):
        return str(record.facts["stage"])
    if record.event == "model.restored":  # the way back of a canary too
        return under_way if under_way == "deploy" else "rollback"
    return _STAGES.get(record.event, under_way or "diagnose")


def _stage_spans(incident: str, trace: str, root: str, part: _Part) -> Iterator[Span]:
    own = _span_id(incident, f"stage/{part.name}")
    moments = tuple(Moment(each.event, each.at, _flat(each.facts)) for each in part.records if each.phase is Phase.NOTE)
    actors = tuple(dict.fromkeys(redact_texts(each.actor) for each in part.records))
    facts: dict[str, Attribute] = {"modelmedic.incident": incident, "modelmedic.stage": part.name, "modelmedic.actors": actors}
    yield Span(trace, own, root, part.name, part.start, part.end, facts, moments)
    for begun, ended in _effects(part.records):
        yield _effect_span(incident, trace, own, begun, ended)


def _effects(records: Sequence[Record]) -> Iterator[tuple[Record, Record | None]]:
    """Each effect's first record with its last; None for an intent that nothing came after."""
    open_: dict[tuple[str, str | None], Record] = {}
    for record in records:
        named = record.event, record.key
        if record.phase is Phase.INTENT:
            if (left := open_.pop(named, None)) is not None:
                yield left, None
            open_[named] = record
        elif record.phase is not Phase.NOTE:
            yield open_.pop(named, record), record
    yield from ((left, None) for left in open_.values())


def _effect_span(incident: str, trace: str, stage: str, begun: Record, ended: Record | None) -> Span:
    own = _span_id(incident, f"effect/{begun.sequence}")
    end = max(begun.at, ended.at) if ended is not None else begun.at
    last = ended if ended is not None else begun
    facts: dict[str, Attribute] = {"modelmedic.incident": incident, "modelmedic.effect.phase": last.phase.value}
    facts |= {} if begun.key is None else {"modelmedic.effect.key": str(redact_texts(begun.key))}
    facts |= {} if begun.fence is None else {"modelmedic.effect.fence": begun.fence}
    facts |= _flat({**begun.facts, **last.facts})
    span = Span(trace, own, stage, begun.event, begun.at, end, facts)
    if ended is None:
        return replace(span, error="no outcome is recorded")
    failed = ended.phase is Phase.FAILURE
    return replace(span, error=str(redact_texts(ended.facts.get("error", "it failed")))) if failed else span


def _root_facts(incident: Incident, closing: Closing, records: Sequence[Record]) -> dict[str, Attribute]:
    said: dict[str, Any] = {
        "incident": incident.id,
        "model": incident.model,
        "alert": incident.alert,
        "policy": incident.policy_hash,
        "outcome": closing.outcome,
        "sentence": closing.sentence,
        "champion.before": closing.champion_before,
        "champion.after": closing.champion_after,
    }
    for record in records:
        if record.event == "cause.diagnosed":
            said |= {"cause": record.facts.get("cause"), "confidence": record.facts.get("confidence")}
        if record.event == "remedy.decided":
            said |= {name: record.facts.get(name) for name in ("remedy", "rule", "autonomy")}
    return _flat(to_plain(said))


def _flat(facts: Mapping[str, Any], prefix: str = "modelmedic.") -> dict[str, Attribute]:
    """Facts as attributes: names of what is nested are joined by dots, and nothing stands for
    null.
    """
    found: dict[str, Attribute] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            found[f"{prefix}{name}"] = tuple(str(redact_texts(each)) for each in value)
        elif value is not None:
            found[f"{prefix}{name}"] = redact_texts(value)
    return found


def _span_id(incident: str, part: str) -> str:
    return sha256(f"{incident}/{part}".encode())[:16]

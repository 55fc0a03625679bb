"""The timeline of one incident, from its audit trail: one line per event, and the effects that were
begun and have no end on record.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelmedic.steps.contracts.audit import Phase, Record
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.reporting.pictures.text import percent, short, words

_Facts = Mapping[str, Any]
_SHOWN = 4  # facts of an event that has no sentence of its own


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline. `state` is done, good, bad or open (begun, without an end on
    record).
    """

    at: datetime
    title: str
    detail: str = ""
    state: str = "done"
    timed: bool = True  # False: no record says when; it lies behind the one before


def moments(
    incident: Incident, records: Iterable[Record], evidence: Iterable[Mapping[str, Any]] = (), untimed: Iterable[Moment] = ()
) -> tuple[Moment, ...]:
    """The timeline from the alert to the last record."""
    records = [record for record in records if record.event != "incident.opened"]  # told as the alert that fired
    told = [Moment(incident.opened_at, "Fired", _fired(incident), "done")]
    told += [Moment(datetime.fromisoformat(str(e["at"])), "Alert repeated", short(e.get("alert", ""), 200)) for e in evidence if "at" in e]
    ended = {record.key for record in records if record.phase in (Phase.OUTCOME, Phase.FAILURE)}
    for record in records:
        if record.phase is not Phase.INTENT:
            told.append(_told(record))
        elif record.key not in ended:
            ended.add(record.key)
            told.append(Moment(record.at, f"{_capital(words(record.event))}: begun", "no record says that it ended", "open"))
    return tuple(sorted([*told, *untimed], key=lambda moment: moment.at))


def _fired(incident: Incident) -> str:
    facts = [f"{short(key, 40)} {short(value, 80)}" for key, value in list(incident.facts.items())[:_SHOWN]]
    return "; ".join([short(incident.alert, 200), *facts])


def _told(record: Record) -> Moment:
    facts = record.facts
    if record.phase is Phase.FAILURE:
        return Moment(record.at, f"{_capital(words(record.event))}: failed", short(facts.get("error", ""), 400), "bad")
    say = _SENTENCES.get(record.event)
    if say is None:
        return Moment(record.at, _capital(words(record.event)), _some(facts))
    title, detail, state = say(facts)
    return Moment(record.at, title, detail, state)


def _some(facts: _Facts) -> str:
    if "sentence" in facts:
        return short(facts["sentence"], 400)
    plain = [(key, value) for key, value in facts.items() if isinstance(value, str | int | float | bool) and key != "generation"]
    return "; ".join(f"{words(key)} {short(value, 80)}" for key, value in plain[:_SHOWN])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _fact(facts: _Facts, name: str, longest: int = 300) -> str:
    return short(facts.get(name, "?"), longest)


def _diagnosed(facts: _Facts) -> tuple[str, str, str]:
    columns = ", ".join(short(c, 30) for c in list(facts.get("columns") or [])[:3])
    sure = facts.get("confidence")
    said = f", {percent(sure)} sure" if isinstance(sure, int | float) else ""
    return "Diagnosed", f"{words(_fact(facts, 'cause'))}{said}{f': {columns}' if columns else ''}", "done"


def _decided(facts: _Facts) -> tuple[str, str, str]:
    held = [short(each.get("sentence", "a limit"), 200) for each in facts.get("objections") or [] if isinstance(each, Mapping)]
    limits = f"; held back because {'; '.join(held)}" if held else ""
    rule = f"{words(_fact(facts, 'remedy'))} by rule {_fact(facts, 'rule')}, autonomy {_fact(facts, 'autonomy')}{limits}"
    return "Decided", rule, "bad" if held else "done"


def _answered(facts: _Facts) -> tuple[str, str, str]:
    yes = facts.get("decision") == "approved"
    return "Approved" if yes else "Rejected", _fact(facts, "sentence"), "good" if yes else "bad"


def _judged(facts: _Facts) -> tuple[str, str, str]:
    share = facts.get("share")
    title = "Judged dark" if share == 0 else f"Judged at {_fact(facts, 'share')} %"
    return title, _fact(facts, "sentence"), "good" if facts.get("verdict") == "pass" else "bad"


def _closed(facts: _Facts) -> tuple[str, str, str]:
    outcome = words(_fact(facts, "outcome"))
    state = "good" if outcome in ("healed", "rolled back", "quarantined", "no action") else "bad"
    return f"Closed: {outcome}", _fact(facts, "sentence", 400), state


def _effect(facts: Mapping[str, Any]) -> str:
    return "done" if facts.get("told_apart") is False else "good" if facts.get("effective") else "bad"


def _gated(title: str, state: str) -> Callable[[_Facts], tuple[str, str, str]]:
    def told(facts: _Facts) -> tuple[str, str, str]:
        gate = facts.get("gate")
        return title, f"{_fact(gate, 'name')}: {_fact(gate, 'sentence')}" if isinstance(gate, Mapping) else _some(facts), state

    return told


_SENTENCES: dict[str, Callable[[_Facts], tuple[str, str, str]]] = {
    "cause.diagnosed": _diagnosed,
    "remedy.decided": _decided,
    "approval.requested": lambda facts: ("Approval requested", f"about {_fact(facts, 'digest', 20)}", "done"),
    "approval.reminded": lambda _facts: ("Reminded of the approval", "nobody had answered", "done"),
    "approval.decided": _answered,
    "window.quarantined": lambda _: ("Set aside", "the broken window will not be trained on", "good"),
    "quarantine.released": lambda facts: ("Released", f"the rows count as good again: {_fact(facts, 'reason')}", "good"),
    "gate.passed": _gated("Gate passed", "good"),
    "gate.failed": _gated("Gate failed", "bad"),
    "canary.started": lambda _: ("Challenger up", "dark: the challenger answers, and gets no traffic", "done"),
    "canary.judged": _judged,
    "share.set": lambda facts: (f"Share {_fact(facts, 'percent', 6)} %", "of the traffic goes to the challenger", "done"),
    "canary.promoted": lambda _: ("Promoted", "the challenger serves all traffic", "good"),
    "canary.withdrawn": lambda facts: (
        "Taken back",
        _fact(facts, "reason") if "reason" in facts else "the champion serves all traffic",
        "bad",
    ),
    "alias.moved": lambda facts: ("Alias moved", f"{_fact(facts, 'alias', 60)} is version {_fact(facts, 'version', 40)} now", "good"),
    "model.restored": lambda facts: ("Restored", f"version {_fact(facts, 'champion', 40)} serves all traffic again", "good"),
    "heal.undone": lambda facts: ("Undone", f"{_fact(facts, 'sentence')}; {_fact(facts, 'reason') or 'no reason was given'}", "bad"),
    "autonomy.fell": lambda facts: ("Autonomy fell", _fact(facts, "sentence"), "bad"),
    "heal.assessed": lambda facts: ("Assessed", _fact(facts, "sentence"), _effect(facts)),
    "incident.closed": _closed,
    "report.failed": lambda facts: ("No incident page", _fact(facts, "error"), "bad"),
}

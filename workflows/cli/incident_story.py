"""The story of one incident: all that the ledger has of it, as JSON types and as lines for a
terminal. Called by `modelmedic incidents`.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelmedic.steps.contracts.incident import Incident
    from modelmedic.steps.contracts.places import Places
    from modelmedic.steps.records.ledger import Ledger

Line = tuple[str, str]  # a word for the margin, and a sentence


def story(ledger: "Ledger", incident: "Incident", places: "Places") -> dict[str, Any]:
    """Everything on record, as JSON types; stages in the order of the stage table. `links` lead to
    what a browser shows of it.
    """
    from modelmedic.steps.approval.pending import pending
    from modelmedic.steps.contracts.codec import to_plain
    from modelmedic.steps.contracts.heal_stages import HEAL

    order = [stage.name for stage in HEAL]
    stages = ledger.stages(incident)
    waiting = pending(ledger, incident)
    return {
        "incident": to_plain(incident),
        "evidence": list(ledger.evidence(incident)),
        "stages": {name: stages[name] for name in sorted(stages, key=lambda name: (_place(order, name), name))},
        "answers": [to_plain(answer) for answer in ledger.answers(incident)],
        "waiting_for": to_plain(waiting) if waiting else None,
        "closing": _plain(ledger.closing(incident)),
        "assessment": _plain(ledger.assessment(incident)),
        "links": _links(incident, stages, places),
    }


def _links(incident: "Incident", stages: Mapping[str, dict[str, Any]], places: "Places") -> dict[str, str]:
    page, drawn = stages.get("close", {}).get("report"), stages.get("report", {}).get("pages") or ()
    found = {
        "report": places.stored(page) if page else "",
        "evidently": places.stored(drawn[0]) if drawn else "",
        "run": places.workflow(incident.id),
        "dashboard": places.dashboard(incident.model),
    }
    return {name: address for name, address in found.items() if address}


def tell(found: dict[str, Any]) -> None:
    from modelmedic.workflows.cli.console import out, safe, short

    incident, closing = found["incident"], found["closing"]
    state = closing["outcome"] if closing else "waits for an answer" if found["waiting_for"] else "open"
    console = out()
    console.print(f"[bold]{safe(incident['id'])}[/bold]: {safe(state)}")
    for word, sentence in _lines(found):
        console.print(f"  {word:<10}{safe(short(sentence))}")


def _lines(found: dict[str, Any]) -> Iterator[Line]:
    incident = found["incident"]
    yield "model", incident["model"]
    yield "opened", f"{_time(incident['opened_at'])} by {incident['alert']}{_facts(incident['facts'])}"
    yield "window", f"{_time(incident['window']['start'])} to {_time(incident['window']['end'])}"
    yield "policy", incident["policy_hash"][:12]
    for more in found["evidence"]:
        yield "alert", f"{_time(more['at'])} {more['alert']}{_facts(more['facts'])}"
    yield from _diagnosis(found["stages"].get("diagnose", {}))
    yield from _gates(found["stages"].get("validate", {}))
    for name, stage in found["stages"].items():
        if not name.endswith("-request") and name != "close":
            said = ", ".join(f"{key} {value}" for key, value in stage.get("outputs", {}).items() if value)
            yield "stage", f"{name}: {said or 'done'}" + (f" ({stage['sentence']})" if stage.get("sentence") else "")
    yield from _people(found)
    yield from _end(found)


def _diagnosis(stage: dict[str, Any]) -> Iterator[Line]:
    diagnosis, decision = stage.get("diagnosis", {}), stage.get("decision", {})
    if diagnosis:
        yield "cause", f"{diagnosis['cause']} ({diagnosis['confidence']:.0%} sure): {diagnosis['sentence']}"
        if diagnosis.get("columns"):
            yield "columns", ", ".join(diagnosis["columns"][:8])
        if diagnosis.get("segment"):
            yield "segment", f"{diagnosis['segment']['column']} = {diagnosis['segment']['value']}"
        if diagnosis.get("onset"):
            yield "since", _time(diagnosis["onset"])
        yield from (("evidence", evidence["sentence"]) for evidence in diagnosis.get("evidence", ()))
        yield from (("or", f"{o['cause']} ({o['confidence']:.0%}): {o['sentence']}") for o in diagnosis.get("runners_up", ()))
    if decision:
        yield "remedy", f"{decision['remedy']} (autonomy {decision['autonomy']}; {decision['sentence']})"


def _gates(stage: dict[str, Any]) -> Iterator[Line]:
    for gate in stage.get("validation", {}).get("gates", ()):
        yield "gate", f"{'passed' if gate['passed'] else 'FAILED'}  {gate['sentence']}"


def _people(found: dict[str, Any]) -> Iterator[Line]:
    for answer in found["answers"]:
        known = "" if answer["verified"] else " (unverified)"
        reason = f": {answer['reason']}" if answer["reason"] else ""
        about = f"model {answer['digest'][:12]}" if len(answer["digest"]) > 12 else answer["digest"]
        word = "approved" if answer["approved"] else "rejected"
        yield "answer", f"{_time(answer['at'])} {answer['by']}{known} {word} {about}{reason}"
    waiting, identity = found["waiting_for"], found["incident"]["id"]
    if waiting:
        yield "waits", f"modelmedic approve {identity}, or modelmedic reject {identity}"


def _end(found: dict[str, Any]) -> Iterator[Line]:
    closing, assessment = found["closing"], found["assessment"]
    if closing:
        yield "closed", f"{_time(closing['at'])} {closing['sentence']}"
        if closing["champion_before"] or closing["champion_after"]:
            yield "champion", f"{closing['champion_before'] or 'none'} before, {closing['champion_after'] or 'none'} after"
    if assessment:
        told = assessment.get("told_apart", True)
        yield "effective", f"{('yes' if assessment['effective'] else 'no') if told else 'unclear'}: {assessment['sentence']}"
    report = found["stages"].get("close", {}).get("report")
    if report:
        yield "report", f"{report} in the store"
    yield from found["links"].items()


def _place(order: list[str], name: str) -> int:
    stage = name.removesuffix("-request")
    return order.index(stage) if stage in order else len(order)


def _plain(value: Any) -> Any:
    from modelmedic.steps.contracts.codec import to_plain

    return to_plain(value) if value is not None else None


def _facts(facts: dict[str, Any]) -> str:
    return f" ({', '.join(f'{key} {value}' for key, value in facts.items())})" if facts else ""


def _time(text: str) -> str:
    return f"{text[:16].replace('T', ' ')} UTC"

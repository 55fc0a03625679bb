"""The release of quarantined rows by people: checked, recorded and stored once. Called by
`modelmedic quarantine release`, and by the close stage where a person approved a model that was
taught with such rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from modelmedic.steps.approval.given import answer_once, note_given, refuse_stranger
from modelmedic.steps.approval.proof import Givers, Sign, proved, signed, unsigned
from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.control import QuarantineRelease
from modelmedic.steps.contracts.errors import BadInput, NotFound
from modelmedic.steps.contracts.incident import Answer, Incident
from modelmedic.steps.contracts.keys import quarantine_release_key
from modelmedic.steps.contracts.policy import Approval, Policy
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.decision.approval import ROWS, Ruling, rule_on_answers
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.history import History, Quarantine
from modelmedic.steps.records.ledger import Ledger

_EVENT: Final = "quarantine.released"


@dataclass(frozen=True, slots=True)
class GivenRelease:
    """The spans that a person spoke for, and the ruling by all answers about them."""

    incident: str
    spans: tuple[Window, ...]
    ruling: Ruling


def release(
    store: ObjectStore,
    clock: Clock,
    policy: Policy,
    identity: str,
    *,
    by: str,
    why: str,
    sign: Sign = unsigned,
    givers: Givers | None = None,
    dry_run: bool = False,
) -> GivenRelease:
    """Count the rows that the incident set aside, or asked about, as good again, once as many
    people said so as `approval` asks for.

    Raises BadInput for an incident of another model or without quarantined rows, and Refused when
    `by` may not answer for the model.
    """
    ledger, history = Ledger(store, clock), History(store, clock)
    incident = ledger.find(identity)
    standing, trail = quarantines_of(ledger, history, incident), AuditTrail(store, incident.model, clock, by)
    if not dry_run:
        make_up(ledger, history, trail, incident, policy.approval, givers)
    _refuse(policy, incident, standing, by)
    now = clock.now()
    answer = signed(incident, Answer(True, by, now, ROWS, why), policy.approval, sign, givers)
    recent = [each for each in ledger.answers(incident) if each.digest == ROWS and each.at > now - policy.approval.timeout]
    answers = (*proved(incident, tuple(recent), policy.approval, givers), answer)
    ruling = rule_on_answers(answers, policy.approval, ROWS, answers[0].at, now)
    if not dry_run:
        answer_once(ledger, trail, incident, answer, policy.approval, givers)
        if ruling.decision == "approved":
            released(ledger, history, trail, incident, standing, by=ruling.by, reason=why)
    return GivenRelease(identity, tuple(each.span.window for each in standing), ruling)


def quarantines_of(ledger: Ledger, history: History, incident: Incident) -> tuple[Quarantine, ...]:
    """The standing quarantines that the incident laid, and those that it asked about."""
    return tuple(each for each in _concerned(ledger, history, incident) if each.release is None)


def _concerned(ledger: Ledger, history: History, incident: Incident) -> list[Quarantine]:
    """The same, released ones among them."""
    found = ledger.result(incident, DiagnoseResult)
    asked = found.lasting.spans if found is not None and found.lasting is not None else ()
    return [each for each in history.quarantines(incident.model) if each.span.incident == incident.id or each.span.window in asked]


def released(
    ledger: Ledger,
    history: History,
    trail: AuditTrail,
    incident: Incident,
    standing: Iterable[Quarantine],
    *,
    by: tuple[str, ...],
    reason: str,
) -> tuple[QuarantineRelease, ...]:
    """Release the quarantines; recorded before it counts."""
    done = []
    for each in standing:
        facts = {"by": by, "reason": reason, "spans": [each.span.window]}
        trail.append(_EVENT, Phase.INTENT, incident=incident.id, key=_key(each), facts=facts)
        done.append(_released(ledger, history, each, by, reason))
        _note(trail, incident, each, done[-1])
    return tuple(done)


def make_up(
    ledger: Ledger, history: History, trail: AuditTrail, incident: Incident, approval: Approval, givers: Givers | None = None
) -> None:
    """Record answers and releases whose process was killed before it could."""
    note_given(ledger, trail, incident, approval, givers)
    for each in _concerned(ledger, history, incident):
        if each.release is not None:
            _note(trail, incident, each, each.release)


def _note(trail: AuditTrail, incident: Incident, each: Quarantine, release: QuarantineRelease) -> None:
    facts = {"by": release.by, "reason": release.reason, "spans": [each.span.window]}
    documents = [quarantine_release_key(incident.model, each.digest)]
    key, since = _key(each), release.at
    trail.once(_EVENT, key, incident=incident.id, facts=facts, documents=documents, since=since, phase=Phase.OUTCOME)


def _key(each: Quarantine) -> str:
    return f"quarantine-release/{each.digest[:16]}"


def _released(ledger: Ledger, history: History, each: Quarantine, by: tuple[str, ...], reason: str) -> QuarantineRelease:
    """The release of one span, with what its incident says of it, where the records still do."""
    try:
        found = ledger.result(ledger.find(each.span.incident or ""), DiagnoseResult)
    except (NotFound, BadInput):
        found = None
    if found is None:
        return history.release_quarantine(each, by=by, reason=reason)
    cause = found.lasting.cause if found.lasting is not None else found.diagnosis.cause
    return history.release_quarantine(each, by=by, reason=reason, cause=cause, version=found.champion)


def _refuse(policy: Policy, incident: Incident, standing: tuple[Quarantine, ...], by: str) -> None:
    if incident.model != policy.name:
        raise BadInput(f"incident {incident.id} is of model {incident.model}; expected one of {policy.name}, whose policy was given")
    refuse_stranger(policy, by, "release rows of")
    if not standing:
        raise BadInput(
            f"incident {incident.id} has no rows set aside that are not released; `modelmedic quarantine list` shows those there are"
        )

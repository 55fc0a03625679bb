"""The right to answer, and the records of the answers that people gave: before an approval counts,
after every answer, and made up for by the next process where one was killed in between.
"""

from typing import Any, Final

from modelmedic.steps.approval.proof import Givers, proved
from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.incident import Answer, Incident
from modelmedic.steps.contracts.keys import answer_key, model_hash
from modelmedic.steps.contracts.policy import Approval, Policy
from modelmedic.steps.core.decision.approval import stage_of
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.ledger import Ledger

_EVENT: Final = "answer.given"


def refuse_stranger(policy: Policy, by: str, deed: str) -> None:
    """Raises Refused where the policy names those who may answer, and `by` is none of them; `deed`
    is what was asked for, such as `answer for`.
    """
    people = policy.approval.people
    if people and by not in people:
        field = "approvers" if policy.approval.approvers else "signers"
        raise Refused(f"{by} may not {deed} {policy.name}; its policy lists {', '.join(people)} (approval.{field})")


def refuse_starter(incident: Incident, answer: Answer) -> None:
    """Raises Refused for an approval by the person who started the heal: four eyes see more."""
    if answer.approved and answer.by == incident.started_by:
        raise Refused(
            f"{answer.by} started the heal of incident {incident.id} and may not approve it; expected somebody else, or a rejection"
        )


def answer_once(
    ledger: Ledger, trail: AuditTrail, incident: Incident, answer: Answer, approval: Approval, givers: Givers | None = None
) -> int:
    """Store an answer and return its number. An approval is recorded before it counts, a rejection
    counts even when it cannot be recorded.
    """
    if answer.approved:
        trail.append(_EVENT, Phase.INTENT, incident=incident.id, key=_key(answer), facts=_facts(answer))
    number = ledger.answer(incident, answer)
    note_given(ledger, trail, incident, approval, givers)
    return number


def note_given(ledger: Ledger, trail: AuditTrail, incident: Incident, approval: Approval, givers: Givers | None = None) -> None:
    """Record, once, each answer that is stored, and that those are not there which were only
    announced. A record calls an answer verified only where its proof holds.
    """
    for number, answer in enumerate(proved(incident, ledger.answers(incident), approval, givers), 1):
        facts, documents = {**_facts(answer), "number": number}, [answer_key(model_hash(incident.model), incident.epoch, number)]
        key, since = _key(answer), incident.opened_at
        trail.once(_EVENT, key, incident=incident.id, facts=facts, documents=documents, since=since, phase=Phase.OUTCOME)
    for record in trail.open_intents(trail.later(incident.opened_at)):
        if (record.event, record.incident) == (_EVENT, incident.id):
            facts = {"error": "its process ended before the answer was stored"}
            trail.append(_EVENT, Phase.FAILURE, incident=incident.id, key=record.key, facts=facts)


def _key(answer: Answer) -> str:
    return f"answer/{stage_of(answer.digest)}/{answer.digest}/{_word(answer)}/{answer.by}/{answer.at.isoformat()}"


def _facts(answer: Answer) -> dict[str, Any]:
    return {
        "stage": stage_of(answer.digest),
        "answer": _word(answer),
        "digest": answer.digest,
        "reason": answer.reason,
        "by": answer.by,
        "verified": answer.verified,
    }


def _word(answer: Answer) -> str:
    return "yes" if answer.approved else "no"

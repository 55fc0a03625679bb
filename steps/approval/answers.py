"""Answers to approval requests, given from outside the heal: checked, recorded and stored once;
called by `modelmedic approve` and `modelmedic reject`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from modelmedic.steps.approval.given import answer_once, note_given, refuse_stranger
from modelmedic.steps.approval.pending import Pending, pending, why_nothing_waits
from modelmedic.steps.contracts.errors import Refused, Transient
from modelmedic.steps.contracts.incident import Answer
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Clock, ObjectStore, Workflows
from modelmedic.steps.core.decision.approval import Ruling, rule_on_answers
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.ledger import Ledger
from modelmedic.steps.records.policies import pinned, policy_of

_LOOKS: Final = 21
_BETWEEN: Final = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer and the ruling that follows from all answers. `number` is None when nothing was
    written: the same answer was there already, or it was a dry run.
    """

    incident: str
    stage: str
    about: str
    answer: Answer
    number: int | None
    ruling: Ruling


def give(
    store: ObjectStore,
    clock: Clock,
    identity: str,
    *,
    approved: bool,
    by: str,
    reason: str = "",
    policy: Policy | None = None,
    dry_run: bool = False,
) -> GivenAnswer:
    """Answer the approval request that the incident waits for. `policy` replaces the stored one,
    and has to be equal to it.

    Raises Refused when nothing waits, when `by` may not answer, when the request has expired or was
    rejected already.
    """
    ledger = Ledger(store, clock)
    incident = ledger.find(identity)
    trail = AuditTrail(store, incident.model, clock, by)
    if not dry_run:
        note_given(ledger, trail, incident)
    waiting = pending(ledger, incident)
    if waiting is None:
        raise Refused(f"incident {identity} {why_nothing_waits(ledger, incident)}; nothing waits for an answer")
    rules = pinned(policy, incident, "the policy given") if policy else policy_of(store, incident)
    answer = Answer(approved, by, clock.now(), waiting.digest, reason)
    before = ledger.answers(incident)
    _refuse_forbidden(before, answer, rules, waiting)
    repeated = any((a.by, a.approved, a.digest) == (by, approved, waiting.digest) for a in before)
    number = None if repeated or dry_run else answer_once(ledger, trail, incident, answer)
    answers = before if repeated else (*before, answer)
    return GivenAnswer(identity, waiting.stage, _about(waiting), answer, number, _ruling(answers, rules, waiting, answer))


def deliver(workflows: Workflows, given: GivenAnswer, sleep: Callable[[float], None]) -> None:
    """Let the heal in the cluster go on with the ruling. The heal is looked for during a minute,
    because it may not have reached the approval yet.

    Raises Transient when no heal waits there; the answer stays in the ledger.
    """
    for look in range(_LOOKS):
        if look:
            sleep(_BETWEEN)
        if workflows.answer(given.incident, given.stage, given.ruling.decision, given.answer.by):
            return
    raise Transient(
        f"the answer is recorded, but no heal of incident {given.incident} waits at {given.stage} in the cluster; "
        "expected one within a minute: run the same command again once it does, before the request expires"
    )


def _refuse_forbidden(before: tuple[Answer, ...], answer: Answer, rules: Policy, waiting: Pending) -> None:
    """Raises Refused when `by` may not answer or the request is rejected. A second rejection is
    allowed.
    """
    refuse_stranger(rules, answer.by, "answer for")
    standing = _ruling(before, rules, waiting, answer)
    if standing.decision == "rejected" and (answer.approved or not standing.by):
        raise Refused(f"the request is rejected already: {standing.sentence}")


def _ruling(answers: tuple[Answer, ...], rules: Policy, waiting: Pending, now: Answer) -> Ruling:
    return rule_on_answers(answers, rules.approval, waiting.digest, waiting.asked_at or now.at, now.at)


def _about(waiting: Pending) -> str:
    return f"model {waiting.digest[:12]}" if waiting.stage == "approve" else "the remedy"

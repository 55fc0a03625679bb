"""Answers to approval requests, given from outside the heal: checked, recorded and stored once;
called by `modelmedic approve` and `modelmedic reject`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from modelmedic.steps.approval.given import answer_once, note_given, refuse_starter, refuse_stranger
from modelmedic.steps.approval.pending import Pending, pending, why_nothing_waits
from modelmedic.steps.approval.proof import Givers, Sign, proved, signed, unsigned
from modelmedic.steps.contracts.errors import Refused, Transient
from modelmedic.steps.contracts.incident import Answer, Incident
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Clock, ObjectStore, Workflows
from modelmedic.steps.core.decision.approval import Ruling, rule_on_answers
from modelmedic.steps.core.decision.proof import document
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.ledger import Ledger
from modelmedic.steps.records.policies import pinned, policy_of

_LOOKS: Final = 21
_BETWEEN: Final = 3.0  # seconds
_SKEW: Final = timedelta(minutes=5)  # between the clock by which a document was made and this one


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
    at: datetime | None = None,
    sign: Sign = unsigned,
    givers: Givers | None = None,
    dry_run: bool = False,
) -> GivenAnswer:
    """Answer the approval request that the incident waits for. `policy` replaces the stored one,
    and has to be equal to it; `at` is the moment of a document that was signed before.

    Raises Refused when nothing waits, when `by` may not answer or does not prove to be `by`, when
    the request has expired or was rejected already.
    """
    ledger = Ledger(store, clock)
    asked, now = _asked(store, ledger, identity, policy), clock.now()
    incident, rules, waiting = asked.incident, asked.rules, asked.waiting
    trail = AuditTrail(store, incident.model, clock, by)
    if not dry_run:
        note_given(ledger, trail, incident, rules.approval, givers)
    answer = Answer(approved, by, now if at is None else at, waiting.digest, reason)
    if at is not None:
        _refuse_moment(answer, waiting.asked_at or incident.opened_at, now)
    before = proved(incident, ledger.answers(incident), rules.approval, givers)
    _refuse_forbidden(before, answer, asked, now)
    answer = signed(incident, answer, rules.approval, sign, givers)
    repeated = any((a.by, a.approved, a.digest, a.verified) == (by, approved, waiting.digest, answer.verified) for a in before)
    number = None if repeated or dry_run else answer_once(ledger, trail, incident, answer, rules.approval, givers)
    answers = before if repeated else (*before, answer)
    return GivenAnswer(identity, waiting.stage, _about(waiting), answer, number, _ruling(answers, asked, now))


def to_sign(
    store: ObjectStore, clock: Clock, identity: str, *, approved: bool, by: str, reason: str = "", policy: Policy | None = None
) -> bytes:
    """The document that `by` signs to answer now. Raises Refused as `give` does, but for the
    signature.
    """
    ledger = Ledger(store, clock)
    asked, now = _asked(store, ledger, identity, policy), clock.now()
    answer = Answer(approved, by, now, asked.waiting.digest, reason)
    _refuse_forbidden(proved(asked.incident, ledger.answers(asked.incident), asked.rules.approval), answer, asked, now)
    return document(asked.incident, asked.waiting.stage, answer)


@dataclass(frozen=True, slots=True)
class _Asked:
    """An incident that waits, with the rules that it was opened under."""

    incident: Incident
    rules: Policy
    waiting: Pending


def _asked(store: ObjectStore, ledger: Ledger, identity: str, policy: Policy | None) -> _Asked:
    incident = ledger.find(identity)
    waiting = pending(ledger, incident)
    if waiting is None:
        raise Refused(f"incident {identity} {why_nothing_waits(ledger, incident)}; nothing waits for an answer")
    return _Asked(incident, pinned(policy, incident, "the policy given") if policy else policy_of(store, incident), waiting)


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


def _refuse_moment(answer: Answer, since: datetime, now: datetime) -> None:
    """Raises Refused for a document from before the request, or from the future."""
    if answer.at.tzinfo is None or not since - _SKEW <= answer.at <= now + _SKEW:
        allowed = f"expected from {since:%Y-%m-%dT%H:%MZ}, when the request was made, until now"
        raise Refused(f"the document that is signed is of {answer.at:%Y-%m-%dT%H:%MZ}; {allowed} ({now:%Y-%m-%dT%H:%MZ})")


def _refuse_forbidden(before: tuple[Answer, ...], answer: Answer, asked: _Asked, now: datetime) -> None:
    """Raises Refused when `by` may not answer or the request is rejected. A second rejection is
    allowed.
    """
    refuse_stranger(asked.rules, answer.by, "answer for")
    refuse_starter(asked.incident, answer)
    standing = _ruling(before, asked, now)
    if standing.decision == "rejected" and (answer.approved or not standing.by):
        raise Refused(f"the request is rejected already: {standing.sentence}")


def _ruling(answers: tuple[Answer, ...], asked: _Asked, now: datetime) -> Ruling:
    since = asked.waiting.asked_at or now
    return rule_on_answers(answers, asked.rules.approval, asked.waiting.digest, since, now, asked.incident.started_by)


def _about(waiting: Pending) -> str:
    return f"model {waiting.digest[:12]}" if waiting.stage == "approve" else "the remedy"

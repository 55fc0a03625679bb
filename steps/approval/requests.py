"""The approval stages: the ledger holds the requests and the answers, and silence rejects.

The local engine calls `approve` and waits. In a cluster Argo waits and no step runs meanwhile: the
step before requests the approval (pending.py), the step behind reads the ledger (`refusal`), and
the close stage records a silence (`lapse`).
"""

from datetime import datetime
from functools import partial
from typing import Any

from modelmedic.steps.approval.given import answer_once, note_given
from modelmedic.steps.approval.proof import proved
from modelmedic.steps.approval.question import question
from modelmedic.steps.contracts.incident import Answer
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.results import APPROVALS, REQUESTS, DiagnoseResult
from modelmedic.steps.core.decision.approval import REMEDY, Ruling, rule_on_answers
from modelmedic.steps.runtime.run import Outputs, Run

FORM = "argo-form"  # the author of an answer in a form that knows no names


def approve(run: Run, stage: str) -> Outputs | None:
    """The outputs once there is a decision, None while the stage waits. The first call stores the
    request and tells the team.
    """
    ruling = current_ruling(run, stage)
    if ruling.decision == "waiting":
        run.site.say(f"{run.incident.id}: {ruling.sentence}")
        return None
    return decide(run, stage, ruling)


def refusal(run: Run, stage: str) -> str | None:
    """The reason why nothing may follow this approval stage; None when it was approved or needs no
    approval. The decision is recorded.

    Only answers in the ledger count, bound to the digest, and not what the workflow engine was
    told. Where the policy opens Argo's form, a stage that runs behind an unanswered request was
    approved in that form, and an unattributed approval is stored.
    """
    if run.result(DiagnoseResult).outputs["approval"] != "needed":
        return None
    ruling = current_ruling(run, stage)
    if ruling.decision == "waiting" and run.site.policy.approval.form:
        _answer_as_form(run, stage)
        ruling = current_ruling(run, stage)
    if ruling.decision == "waiting":
        return f"the workflow went on without an answer in the ledger, and the policy does not open Argo's form: {ruling.sentence}"
    if run.outputs(stage) is None:
        decide(run, stage, ruling)
    return None if ruling.decision == "approved" else ruling.sentence


def lapse(run: Run) -> None:
    """Record a rejection for each request without a decision; called by the close stage."""
    for stage, kind in REQUESTS.items():
        if run.result_if_any(kind) is None or run.outputs(stage) is not None:
            continue
        ruling = current_ruling(run, stage)
        if ruling.decision != "rejected":
            said = "nobody had answered" if ruling.decision == "waiting" else ruling.sentence
            ruling = Ruling(
                "rejected", f"the heal ended with an unattributed rejection, as Argo's form gives it; in the ledger {said}", ruling.by
            )
        decide(run, stage, ruling)


def decide(run: Run, stage: str, ruling: Ruling) -> Outputs:
    """Record the decision on the request, once."""
    kept = run.record(APPROVALS[stage](ruling.decision, ruling.by, ruling.sentence, ruling.verified))
    _note_decision(run, stage)
    return kept.outputs


def note_answers(run: Run) -> None:
    """Record, once, the requests, answers and decisions of the incident that are stored: whoever
    was killed in between left it to the next one.
    """
    for stage, kind in REQUESTS.items():
        if run.result_if_any(kind) is not None:
            requested_at(run, stage)
        _note_decision(run, stage)
    note_given(run.site.ledger, run.site.trail, run.incident, run.site.policy.approval, run.site.givers)


def _note_decision(run: Run, stage: str) -> None:
    decided = run.result_if_any(APPROVALS[stage])
    if decided is not None:
        facts: dict[str, Any] = {"decision": decided.decision, "by": decided.by, "verified": decided.verified, "sentence": decided.sentence}
        run.once("approval.decided", stage, documents=[run.stage_key(stage)], stage=stage, **facts)


def current_ruling(run: Run, stage: str) -> Ruling:
    """The ruling on the answers that are in the ledger now, by their proofs where the policy asks
    for any.
    """
    site, approval, incident = run.site, run.site.policy.approval, run.incident
    answers = proved(incident, site.ledger.answers(incident), approval, site.givers)
    asked_at = requested_at(run, stage)
    return rule_on_answers(answers, approval, requested_digest(run, stage), asked_at, site.clock.now(), incident.started_by)


def requested_digest(run: Run, stage: str) -> str:
    """The digest that an answer has to name: the challenger's, or the word for a remedy without a
    model.
    """
    return (run.outputs("validate") or {})["digest"] if stage == "approve" else REMEDY


def requested_at(run: Run, stage: str) -> datetime:
    """The moment of the request, which the first call stores and tells the team."""
    asked = run.result_if_any(REQUESTS[stage])
    if asked is None:
        asked = run.record(REQUESTS[stage](run.site.clock.now(), requested_digest(run, stage)))
    documents = [run.stage_key(REQUESTS[stage].name)]
    first = partial(_tell_team, run, stage, asked.at)
    run.once("approval.requested", stage, documents=documents, first=first, stage=stage, digest=asked.digest)
    return asked.at


def _tell_team(run: Run, stage: str, asked_at: datetime) -> None:
    run.tell("approval.requested", Severity.WARNING, run.site.policy.metadata.owner, *question(run, stage, asked_at))


def _answer_as_form(run: Run, stage: str) -> None:
    """Store an unattributed approval; it is recorded before it counts."""
    site = run.site
    answer_once(
        site.ledger, site.trail, run.incident, Answer(True, FORM, site.clock.now(), requested_digest(run, stage)), site.policy.approval
    )

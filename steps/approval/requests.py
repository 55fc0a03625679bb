"""The approval stages: the ledger holds the requests and the answers, and silence rejects.

The local engine calls `approve` and waits. In a cluster Argo waits and no step runs meanwhile: the
step before requests the approval (pending.py), the step behind reads the ledger (`refusal`), and
the close stage records a silence (`lapse`).
"""

from datetime import datetime

from modelmedic.steps.contracts.incident import Answer
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.results import APPROVALS, REQUESTS, DiagnoseResult
from modelmedic.steps.core.decision.approval import Ruling, rule_on_answers
from modelmedic.steps.runtime.run import Outputs, Run

FORM = "argo-form"  # the author of an answer in a form that knows no names
REMEDY = "remedy"  # an answer to `approve-remedy` is bound to this word, because it is about no model


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
    run.note("approval.decided", stage=stage, decision=ruling.decision, by=ruling.by, verified=ruling.verified, sentence=ruling.sentence)
    return kept.outputs


def current_ruling(run: Run, stage: str) -> Ruling:
    """The ruling on the answers that are in the ledger now."""
    site = run.site
    return rule_on_answers(
        site.ledger.answers(run.incident), site.policy.approval, requested_digest(run, stage), requested_at(run, stage), site.clock.now()
    )


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
        run.note("approval.requested", stage=stage, digest=asked.digest)
        run.tell(
            "approval.requested",
            Severity.WARNING,
            run.site.policy.metadata.owner,
            f"{run.site.model}: an approval is needed",
            f"`modelmedic approve {run.incident.id}` or `modelmedic reject {run.incident.id}`; no answer in time is a rejection",
        )
    return asked.at


def _answer_as_form(run: Run, stage: str) -> None:
    """Store an unattributed approval; it is recorded before it counts."""
    digest = requested_digest(run, stage)
    run.note("answer.given", stage=stage, answer="yes", by=FORM, digest=digest, verified=False)
    run.site.ledger.answer(run.incident, Answer(True, FORM, run.site.clock.now(), digest))

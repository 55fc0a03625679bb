"""The approval stages: no pod waits here; the ledger holds the answers, and time decides when
nobody does.

The local engine calls `approve` and waits. In a cluster Argo waits, and nothing of ours runs
meanwhile: the step before asks (steps/approval/pending.py), the step behind it looks into the
ledger (`refusal`), and the close writes down a silence (`lapse`).
"""

from datetime import datetime

from modelmedic.steps.contracts.incident import Answer
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.results import APPROVALS, REQUESTS, DiagnoseResult
from modelmedic.steps.core.decision.approval import Ruling, rule_on_answers
from modelmedic.steps.runtime.run import Outputs, Run

FORM = "argo-form"  # who answers in a form that knows no names
REMEDY = "remedy"  # what an answer to `approve-remedy` is bound to, which speaks of no model


def approve(run: Run, stage: str) -> Outputs | None:
    """The decision once there is one, and None while the stage waits; asking for the first time
    tells the team.
    """
    ruling = current_ruling(run, stage)
    if ruling.decision == "waiting":
        run.site.say(f"{run.incident.id}: {ruling.sentence}")
        return None
    return decide(run, stage, ruling)


def refusal(run: Run, stage: str) -> str | None:
    """Why nothing may follow this approval; None when it got its yes, or needs none. What it came
    to is written down.

    Only answers in the ledger count, bound to the digest; what the workflow engine was told does
    not. Where the policy opens Argo's form, that a stage behind an unanswered request runs at all
    is a yes in that form: it becomes an answer of nobody's.
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
    """At the close: a request that nothing followed is a no, and why is written down."""
    for stage, kind in REQUESTS.items():
        if run.result_if_any(kind) is None or run.outputs(stage) is not None:
            continue
        ruling = current_ruling(run, stage)
        if ruling.decision != "rejected":
            said = "nobody had answered" if ruling.decision == "waiting" else ruling.sentence
            ruling = Ruling("rejected", f"the heal ended with a no of nobody's, such as Argo's form gives; in the ledger {said}", ruling.by)
        decide(run, stage, ruling)


def decide(run: Run, stage: str, ruling: Ruling) -> Outputs:
    """Write down, once, what the request came to."""
    kept = run.record(APPROVALS[stage](ruling.decision, ruling.by, ruling.sentence, ruling.verified))
    run.note("approval.decided", stage=stage, decision=ruling.decision, by=ruling.by, verified=ruling.verified, sentence=ruling.sentence)
    return kept.outputs


def current_ruling(run: Run, stage: str) -> Ruling:
    """What the answers in the ledger come to now."""
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
    """When the request was made, which is written down the first time."""
    asked = run.result_if_any(REQUESTS[stage])
    if asked is None:
        asked = run.record(REQUESTS[stage](run.site.clock.now(), requested_digest(run, stage)))
        run.note("approval.requested", stage=stage, digest=asked.digest)
        run.tell(
            "approval.requested",
            Severity.WARNING,
            run.site.policy.metadata.owner,
            f"{run.site.model}: a yes is needed",
            f"`modelmedic approve {run.incident.id}` or `modelmedic reject {run.incident.id}`; no answer is a no",
        )
    return asked.at


def _answer_as_form(run: Run, stage: str) -> None:
    """A yes is recorded before it counts."""
    digest = requested_digest(run, stage)
    run.note("answer.given", stage=stage, answer="yes", by=FORM, digest=digest, verified=False)
    run.site.ledger.answer(run.incident, Answer(True, FORM, run.site.clock.now(), digest))

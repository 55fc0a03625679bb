"""The approval stages: no pod waits here; the ledger holds the answers, and time decides when nobody does."""

from datetime import datetime

from steps.contracts.codec import to_plain
from steps.contracts.notification import Severity
from steps.core.approval import Ruling, rule
from steps.run import Outputs, Run

REMEDY = "remedy"  # what an answer to `approve-remedy` is bound to, which speaks of no model


def approve(run: Run, stage: str) -> Outputs | None:
    """The decision once there is one, and None while the stage waits; asking for the first time tells the team."""
    ruling = ruled(run, stage)
    if ruling.decision == "waiting":
        run.site.say(f"{run.incident.id}: {ruling.sentence}")
        return None
    kept = run.record(
        stage,
        {
            "decision": ruling.decision,
            "by": ruling.by,
            "verified": ruling.verified,
            "sentence": ruling.sentence,
            "outputs": _outputs(ruling),
        },
    )
    run.note("approval.decided", stage=stage, decision=ruling.decision, by=ruling.by, verified=ruling.verified, sentence=ruling.sentence)
    return dict(kept["outputs"])


def ruled(run: Run, stage: str) -> Ruling:
    """What the answers in the ledger come to now."""
    site = run.site
    return rule(site.ledger.answers(run.incident), site.policy.approval, asked_about(run, stage), _asked_at(run, stage), site.clock.now())


def asked_about(run: Run, stage: str) -> str:
    """The digest that an answer has to name: the challenger's, or the word for a remedy without a model."""
    return str((run.stage("validate") or {})["digest"]) if stage == "approve" else REMEDY


def _asked_at(run: Run, stage: str) -> datetime:
    """When the request was made, which is written down the first time."""
    asked = run.stage(f"{stage}-request")
    if asked is None:
        asked = run.record(f"{stage}-request", {"at": to_plain(run.site.clock.now()), "digest": asked_about(run, stage)})
        run.note("approval.requested", stage=stage, digest=asked["digest"])
        run.tell(
            "approval.requested",
            Severity.WARNING,
            run.site.policy.metadata.owner,
            f"{run.site.model}: a yes is needed",
            f"`modelmedic approve {run.incident.id}` or `modelmedic reject {run.incident.id}`; no answer is a no",
        )
    return datetime.fromisoformat(str(asked["at"]))


def _outputs(ruling: Ruling) -> dict[str, str]:
    return {"decision": ruling.decision}

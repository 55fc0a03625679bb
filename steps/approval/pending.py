"""The approval request that an incident waits with; read by the answers, the metrics and the
CLI.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from modelmedic.steps.approval.requests import requested_at
from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.results import APPROVALS, REQUESTS
from modelmedic.steps.contracts.stage import Kind, Stage
from modelmedic.steps.core.decision.approval import REMEDY
from modelmedic.steps.records.ledger import Ledger
from modelmedic.steps.runtime.run import Run

_APPROVALS = tuple(stage for stage in HEAL if stage.kind is Kind.APPROVAL)


@dataclass(frozen=True, slots=True)
class Pending:
    """A request without an answer. `digest` is what an answer has to name: the challenger's, or a
    word for a remedy without a model.

    `asked_at` is None when the heal has reached the approval and the request is not stored yet.
    """

    stage: str
    title: str
    digest: str
    asked_at: datetime | None


def pending(ledger: Ledger, incident: Incident) -> Pending | None:
    """The approval that the incident waits for now; None when there is none."""
    if ledger.closing(incident) is not None:
        return None
    outputs = ledger.all_outputs(incident)
    stage = next((stage for stage in _APPROVALS if stage.name not in outputs and _reached(stage, outputs)), None)
    return _asked(ledger, incident, stage, outputs) if stage is not None else None


def request_approval(run: Run) -> bool:
    """Store the request that the incident waits with, if any; True where this call stored it.
    Called after each step, because in a cluster no step runs at an approval.
    """
    waiting = pending(run.site.ledger, run.incident)
    if waiting is None or waiting.asked_at is not None:
        return False
    requested_at(run, waiting.stage)
    return True


def why_nothing_waits(ledger: Ledger, incident: Incident) -> str:
    """The reason why no request waits, in words that follow the incident's id."""
    closing = ledger.closing(incident)
    if closing is not None:
        return f"is closed since {closing.at:%Y-%m-%dT%H:%MZ} ({closing.outcome.value})"
    decided = next((found for stage in reversed(_APPROVALS) if (found := ledger.result(incident, APPROVALS[stage.name]))), None)
    if decided is not None:
        return f"has its answer already ({decided.sentence or 'no reason given'})"
    diagnosed = ledger.outputs(incident, "diagnose")
    if diagnosed is None:
        return "is not diagnosed yet"
    needed = diagnosed.get("approval") == "needed"
    return "has no challenger that passed its gates yet" if needed else "needs no approval under its policy"


def _reached(stage: Stage, outputs: Mapping[str, Mapping[str, str]]) -> bool:
    return all(outputs.get(condition.stage, {}).get(condition.output, "") in condition.values for condition in stage.when)


def _asked(ledger: Ledger, incident: Incident, stage: Stage, outputs: Mapping[str, Mapping[str, str]]) -> Pending:
    request = ledger.result(incident, REQUESTS[stage.name])
    if request is not None:
        return Pending(stage.name, stage.title, request.digest, request.at)
    digest = outputs["validate"]["digest"] if stage.name == "approve" else REMEDY
    return Pending(stage.name, stage.title, digest, None)

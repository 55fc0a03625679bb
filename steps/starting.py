"""The one Workflow of an incident, started by whoever comes first: triage after an alert, or the sweep when no alert came."""

from modelmedic.steps.by_hand import ALERT as BY_HAND
from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.ports import Workflows
from modelmedic.steps.records.audit import AuditTrail


def ensure_heal(workflows: Workflows, template: str, incident: Incident, by: str, trail: AuditTrail) -> bool:
    """Whether this call started it; it is written down afterwards, for the Workflow is its own proof.

    An incident that a person opened is left to that person, who heals it where they sit or submits it.
    """
    if incident.alert == BY_HAND or not workflows.start(template, incident, by):
        return False
    trail.append("heal.started", Phase.NOTE, incident=incident.id, facts={"template": template, "by": by})
    return True

"""Incidents that a person opens, about the model's current window, and the heals of incidents that
the loop opens. Called by the command heal, by triage and by the sweep.
"""

from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import incident_id
from modelmedic.steps.contracts.ports import Workflows
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.runtime.run import Run, Site

ALERT = "by-hand"


def open_by_hand(site: Site, *, keep: bool = True) -> Run:
    """The run of the model's open incident, or of a new one. Without `keep` nothing is written, and
    the run serves a dry run only.
    """
    current = site.ledger.current(site.model)
    if current is not None:
        return Run(site, current)
    now = site.clock.now()
    window = Window(now - site.policy.detect.window, now)
    if not keep:
        return Run(site, Incident(incident_id(site.model, 999_999), site.model, 999_999, site.policy.hash, now, window, ALERT))
    incident, _ = site.ledger.open_incident(site.model, site.policy.hash, window, ALERT, {"by": site.actor})
    site.note("incident.opened", {"alert": ALERT, "window": window, "by": site.actor}, incident.id)
    return Run(site, incident)


def ensure_heal(workflows: Workflows, template: str, incident: Incident, by: str, trail: AuditTrail) -> bool:
    """Start the incident's Workflow unless there is one; True when this call started it. It is
    recorded afterwards, because the Workflow is its own proof.

    An incident that a person opened is left to that person, who heals it in process or submits it.
    """
    if incident.alert == ALERT or not workflows.start(template, incident, by):
        return False
    trail.append("heal.started", Phase.NOTE, incident=incident.id, facts={"template": template, "by": by})
    return True

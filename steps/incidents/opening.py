"""The opening of incidents, by the loop or by a person about the model's current window, and the
heals of those that the loop opens. Called by the monitor, the command heal, triage and the sweep.
"""

from collections.abc import Mapping
from datetime import datetime

from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.incident import BY_HAND, Incident
from modelmedic.steps.contracts.keys import incident_id, incident_key, model_hash, policy_key
from modelmedic.steps.contracts.ports import Workflows
from modelmedic.steps.contracts.window import Window, utc
from modelmedic.steps.records import documents
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.runtime.run import Run, Site


def open_incident(site: Site, window: Window, alert: str, facts: Mapping[str, str]) -> tuple[Incident, bool]:
    """The model's open incident, and True when this call opened it; else the alert is attached to
    it as evidence. The policy is kept first, and the opening is recorded, also one whose process
    was killed before it could record it.
    """
    documents.keep(site.store, policy_key(site.policy.hash), site.policy)
    incident, opened = site.ledger.open_incident(site.model, site.policy.hash, window, alert, facts)
    note_opening(site.trail, incident)
    return incident, opened


def note_opening(trail: AuditTrail, incident: Incident, said: Mapping[str, str] | None = None) -> bool:
    """Record, once, that the incident was opened; whether it was recorded now. `said` are facts of
    the alert beside those that the incident has.
    """
    document = incident_key(model_hash(incident.model), incident.epoch, "opened.json")
    facts = {"alert": incident.alert, "window": incident.window, **incident.facts, **(said or {})}
    key, since = f"incident.opened/{incident.id}", incident.opened_at
    return trail.once("incident.opened", key, incident=incident.id, facts=facts, documents=[document], since=since)


def open_by_hand(site: Site, *, by: str = "", end: datetime | None = None, keep: bool = True) -> Run:
    """The run of the model's open incident, or of a new one about the window that ends at `end`
    (default: now), which names the person `by` where that was given. Without `keep` nothing is
    written, and the run serves a dry run only.

    Raises BadInput for an `end` while an incident is open, which has a window of its own.
    """
    current = site.ledger.current(site.model)
    if current is not None:
        if end is not None:
            raise BadInput(
                f"incident {current.id} of {site.model} is open, about {current.window}; expected no --end until "
                f"`modelmedic heal {current.id}` has closed it"
            )
        if keep:
            note_opening(site.trail, current)
        return Run(site, current)
    now = site.clock.now()
    last = utc(end or now)
    window = Window(last - site.policy.detect.window, last)
    if not keep:
        return Run(site, Incident(incident_id(site.model, 999_999), site.model, 999_999, site.policy.hash, now, window, BY_HAND))
    return Run(site, open_incident(site, window, BY_HAND, {"by": site.actor, **({"person": by} if by else {})})[0])


def open_after(site: Site, ended: Incident, by: str, facts: Mapping[str, str], *, keep: bool = True) -> Run:
    """The run of a new incident about the window of one that ended, in the name of the person `by`.
    Without `keep` nothing is written, and the run serves a dry run only.

    Raises Refused while another incident of the model is open.
    """
    facts = {"by": site.actor, "person": by, **facts}
    if not keep:
        epoch, now = ended.epoch + 1, site.clock.now()
        return Run(site, Incident(incident_id(site.model, epoch), site.model, epoch, site.policy.hash, now, ended.window, BY_HAND, facts))
    incident, opened = open_incident(site, ended.window, BY_HAND, facts)
    if not opened:
        raise Refused(f"incident {incident.id} was opened just now; expected no other open incident of {site.model}")
    return Run(site, incident)


def ensure_heal(workflows: Workflows, template: str, incident: Incident, by: str, trail: AuditTrail) -> bool:
    """Start the incident's Workflow unless there is one; True when this call started it. It is
    recorded afterwards, once, because the Workflow is its own proof.

    An incident that a person opened is left to that person, who heals it in process or submits it.
    """
    if incident.alert == BY_HAND:
        return False
    started = workflows.start(template, incident, by)
    facts = {"template": template, "by": by if started else "an earlier run"}
    trail.once("heal.started", f"heal.started/{incident.id}", incident=incident.id, facts=facts, since=incident.opened_at)
    return started

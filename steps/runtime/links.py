"""The links of a message or a page: where to look, and how to undo. Called whenever people are told
something, and by the incident page.
"""

from typing import TYPE_CHECKING

from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import model_hash, report_key
from modelmedic.steps.contracts.results import ReportResult, ValidateResult
from modelmedic.steps.records.ledger import Ledger

if TYPE_CHECKING:
    from modelmedic.steps.runtime.run import Site

PAGE = "page"  # in place of a message's event: the incident page
_ENDS = ("incident.closed", "model.rolled_back")  # messages after which another version may serve


def links(site: "Site", event: str, incident: str | None) -> dict[str, str]:
    """Addresses by their names, and under `undo` a command; what is not known is left out. Never a
    reason for which a message is not sent. The runbook is that of the message, on a page that of
    the alert.
    """
    runbook = site.places.runbook(event)
    try:
        asked = site.places.reports or site.places.argo or site.places.mlflow or event in (*_ENDS, PAGE)
        about = site.ledger.find(incident) if incident is not None and asked else None
        found = {**(_of_incident(site, about) if about else {}), **_of_model(site, about)}
        undo = _undo(site.ledger, event, about) if about else ""
        runbook = site.places.runbook_of(about.alert) if about and event == PAGE else runbook
    except ModelmedicError:
        found, undo = {}, ""
    found |= {"dashboard": site.places.dashboard(site.model), "runbook": runbook, "undo": undo}
    return {name: address for name, address in found.items() if address}


def _of_incident(site: "Site", incident: Incident) -> dict[str, str]:
    if not (site.places.reports or site.places.argo):
        return {}
    drawn = site.ledger.result(incident, ReportResult) if site.places.reports else None
    page = report_key(model_hash(incident.model), incident.epoch, "incident.html")
    return {
        "report": site.places.stored(page) if site.pages else "",
        "run": site.places.workflow(incident.id),
        "evidently": site.places.stored(drawn.pages[0]) if drawn is not None and drawn.pages else "",
    }


def _of_model(site: "Site", incident: Incident | None) -> dict[str, str]:
    if not site.places.mlflow:
        return {}
    tried = site.ledger.result(incident, ValidateResult) if incident is not None else None
    return {"version": site.places.version(site.policy.registry.name, tried.version if tried is not None else None)}


def _undo(ledger: Ledger, event: str, incident: Incident) -> str:
    """The command, where a version serves that did not before."""
    closing = ledger.closing(incident) if event in _ENDS else None
    moved = event == "model.rolled_back" or (closing is not None and closing.champion_after != closing.champion_before)
    return f"modelmedic undo {incident.id}" if moved else ""

"""A suggestion taken up by a person: a new incident about the same window, in which the loop may do
what it suggested. Called by `modelmedic heal INCIDENT --take-up`.
"""

from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.words import Autonomy, Outcome
from modelmedic.steps.incidents.opening import open_after
from modelmedic.steps.runtime.run import Run, Site


def take_up(site: Site, suggestion: Incident, by: str, *, keep: bool = True) -> Run:
    """The run of the incident that does what was suggested, opened in the name of `by`; limits,
    gates and approvals hold in it as in any other. Without `keep` nothing is written, and the run
    serves a dry run only.

    Raises Refused where nothing was suggested, or something came after it.
    """
    suggested = _suggested(site, suggestion)
    facts = {"took_up": suggestion.id, "remedy": suggested.decision.remedy.value}
    return open_after(site, suggestion, by, facts, keep=keep)


def _suggested(site: Site, incident: Incident) -> DiagnoseResult:
    """The diagnosis of the suggestion. Raises Refused."""
    closing, found = site.ledger.closing(incident), site.ledger.result(incident, DiagnoseResult)
    last = site.ledger.incidents(site.model)[-1]
    if closing is None:
        raise Refused(f"incident {incident.id} is open; `modelmedic heal {incident.id}` goes on with it, and there is nothing to take up")
    if found is not None and found.decision.observed:
        field = f"autonomy.{found.decision.remedy.value}"
        raise Refused(f"incident {incident.id} only observed ({field} is observe); expected a suggestion, which {field}: suggest makes")
    if closing.outcome is not Outcome.SUGGESTED or found is None or found.decision.autonomy is not Autonomy.SUGGEST:
        raise Refused(f"incident {incident.id} ended as {closing.outcome.value}; expected one that ended as suggested")
    if last.id != incident.id:
        raise Refused(f"incident {last.id} came after {incident.id}, whose suggestion is of another time; expected the newest incident")
    return found

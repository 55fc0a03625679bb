"""A person's ruling where the loop could not tell the cause: a new incident about the same window,
healed as the cause that the person named. Called by `modelmedic heal --cause`.
"""

from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.incidents.opening import open_after
from modelmedic.steps.runtime.run import Run, Site


def rule(site: Site, doubtful: Incident, cause: Cause, by: str, *, keep: bool = True) -> Run:
    """The run of the incident that is healed as `cause`, opened in the name of `by`; rules, limits,
    gates and approvals hold in it as in any other. Without `keep` nothing is written, and the run
    serves a dry run only.

    Raises Refused where the loop was not in doubt, or something came after.
    """
    _expect_doubt(site, doubtful)
    return open_after(site, doubtful, by, {"ruled_on": doubtful.id, "cause": cause.value}, keep=keep)


def _expect_doubt(site: Site, incident: Incident) -> None:
    if site.ledger.closing(incident) is None:
        raise Refused(f"incident {incident.id} is open; expected one that has ended without a cause")
    found = site.ledger.result(incident, DiagnoseResult)
    if found is None or found.diagnosis.cause is not Cause.INSUFFICIENT_EVIDENCE:
        named = found.diagnosis.cause.value if found is not None else "not known"
        raise Refused(f"the cause of {incident.id} is {named}; a person rules only where it is {Cause.INSUFFICIENT_EVIDENCE.value}")
    last = site.ledger.incidents(site.model)[-1]
    if last.id != incident.id:
        raise Refused(f"incident {last.id} came after {incident.id}, whose evidence is of another time; expected the newest incident")

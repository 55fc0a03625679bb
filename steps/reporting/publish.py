"""The incident page drawn from the records and stored; called when a person is asked, and by close,
undo and assess.
"""

from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import model_hash, report_key
from modelmedic.steps.records.documents import replace
from modelmedic.steps.reporting.incident import incident_page
from modelmedic.steps.reporting.story import gather
from modelmedic.steps.runtime.run import Site

_PAGE = "incident.html"


def publish(site: Site, incident: Incident) -> str:
    """Draw the incident's page, store it over the one before, and return its store key.

    Raises StoreError when the store cannot be reached.
    """
    key = report_key(model_hash(incident.model), incident.epoch, _PAGE)
    story = gather(site, incident)
    page = incident_page(story)
    replace(site.store, key, page.encode())
    if story.validation is not None:
        _attach(site, story.validation.version, page)
    return key


def _attach(site: Site, version: str, page: str) -> None:
    """Keep the page with the challenger's training as well, where people compare trainings; a
    registry that is away has no consequence.
    """
    try:
        site.registry.attach(version, _PAGE, page)
    except ModelmedicError as error:
        site.say(f"the incident's page is not beside version {version} in MLflow: {error}")


def publish_if_possible(site: Site, incident: Incident) -> str | None:
    """The store key of the page; None where the site has no pages, and when it could not be drawn,
    with a note on the audit trail, because no act is undone for the sake of its page.
    """
    if not site.pages:
        return None
    try:
        return publish(site, incident)
    except ModelmedicError as error:
        site.note("report.failed", {"error": str(error)}, incident.id)
        return None

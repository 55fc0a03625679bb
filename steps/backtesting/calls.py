"""The calls for a person in a replay: what people were asked, and what they were warned of."""

from dataclasses import dataclass

from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.keys import notification_key
from modelmedic.steps.contracts.notification import Notification, Severity
from modelmedic.steps.runtime.run import Site

_ASKED = "approval.requested"


@dataclass(frozen=True, slots=True)
class Calls:
    """`approvals` asked for, `messages` of a severity above info, and `calls`: messages about one
    incident on one day are one call.
    """

    approvals: int
    messages: int
    calls: int


def calls_of(site: Site, incidents: tuple[str, ...]) -> Calls:
    """The calls about these incidents, and about the model without an incident."""
    folders = [notification_key(site.model, incident) for incident in (None, *incidents)]
    keys = [key for folder in folders for key in site.store.list(folder)]
    sent = [parse(Notification, site.store.get(key).data, key) for key in keys]
    urgent = [each for each in sent if each.severity is not Severity.INFO]
    days = {(each.incident or each.event, each.at.date()) for each in urgent}
    return Calls(sum(each.event == _ASKED for each in sent), len(urgent), len(days))

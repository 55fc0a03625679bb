"""Test alerts handed to an Alertmanager. Called by `modelmedic doctor`."""

from collections.abc import Callable

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.adapters.notify.alertmanager import post_alerts
from modelmedic.steps.contracts.errors import ModelmedicError, Transient


def poster(url: str) -> Callable[[list[dict[str, object]]], None]:
    """A function that posts alerts to `<url>/api/v2/alerts` and raises Transient when they are not
    taken. Raises BadInput for another scheme than http or https.
    """
    client = HttpClient(url, "Alertmanager")

    def post(alerts: list[dict[str, object]]) -> None:
        try:
            post_alerts(client, alerts)
        except ModelmedicError as error:
            raise Transient(f"the test alert is not taken: {error}") from error

    return post

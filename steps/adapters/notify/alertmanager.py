"""Messages as alerts of Alertmanager's own API (v2), so that people get them where they get
everything else. Called by every stage that tells people something.

A message is an event and an alert a state: it is sent once, and stays active for as long as its
severity deserves. Times are the machine's, because Alertmanager takes an alert that ended in a
played past as resolved.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.adapters.notify.again import deliver_again
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.notification import Notification, Severity
from modelmedic.steps.contracts.ports import Clock

_ACTIVE = {Severity.INFO: timedelta(minutes=30), Severity.WARNING: timedelta(hours=4), Severity.CRITICAL: timedelta(hours=24)}
_CONNECT, _ANSWER = 2.0, 4.0  # seconds
_LONGEST = 2000  # characters of a text; what lies behind, such as a pager, allows less than Alertmanager


class Alertmanager:
    """A Notifier that posts to `<url>/api/v2/alerts`. `clock` is the machine's; `more` are labels
    of every alert, such as the owner by whom people route.
    """

    name = "Alertmanager"

    def __init__(self, url: str, clock: Clock, more: Mapping[str, str] | None = None) -> None:
        try:
            self._client = HttpClient(url, "Alertmanager", connect=_CONNECT, answer=_ANSWER)
        except BadInput as error:
            raise BadInput(f"notify.alertmanager (or MODELMEDIC_ALERTMANAGER) is refused: {error}") from error
        self._clock = clock
        self._more = {name: value[:_LONGEST] for name, value in (more or {}).items() if value}

    def notify(self, notification: Notification) -> None:
        """Raises Transient when Alertmanager cannot be reached three times in a row, BadInput or
        Refused when it does not take the alert.
        """
        alerts = [self._alert(notification)]
        deliver_again(self._clock, lambda: post_alerts(self._client, alerts))

    def _alert(self, notification: Notification) -> dict[str, Any]:
        now = self._clock.now()
        alert: dict[str, Any] = {
            "labels": {**self._more, **labels(notification)},
            "annotations": annotations(notification),
            "startsAt": now.isoformat(),
            "endsAt": (now + _ACTIVE[notification.severity]).isoformat(),
        }
        link = notification.links.get("report", "")
        return {**alert, "generatorURL": link[:_LONGEST]} if link.startswith(("http://", "https://")) else alert


def post_alerts(client: HttpClient, alerts: Sequence[Mapping[str, Any]]) -> None:
    """Hand alerts to the Alertmanager of `client`. Raises as `HttpClient.call`."""
    client.call("POST", "/api/v2/alerts", json.dumps(alerts).encode(), {"content-type": "application/json"})


def labels(notification: Notification) -> dict[str, str]:
    """The labels, which identify the alert: the same message about the same incident is one alert.
    Empty labels are left out.
    """
    found = {
        "alertname": alert_name(notification.event),
        "model": notification.model,
        "severity": notification.severity.value,
        "incident": notification.incident or "",
        "to": notification.to,
    }
    return {name: value[:_LONGEST] for name, value in found.items() if value}


def annotations(notification: Notification) -> dict[str, str]:
    """The annotations, for people. The links' names become annotations: `runbook` is runbook_url,
    as everywhere else.
    """
    found = {
        "summary": notification.summary,
        "description": notification.description,
        "event": notification.event,
        "model_time": notification.at.isoformat(),
        **_links(notification.links),
    }
    return {name: value[:_LONGEST] for name, value in found.items() if value}


def alert_name(event: str) -> str:
    """`data.quarantined` → ModelmedicHealDataQuarantined, `heal.refused` →
    ModelmedicHealRefused.
    """
    words = "".join(char if char.isascii() and char.isalnum() else " " for char in event).split()
    return "ModelmedicHeal" + "".join(word[:1].upper() + word[1:] for word in (words[1:] if words[:1] == ["heal"] else words))


def _links(links: Mapping[str, str]) -> dict[str, str]:
    """The links whose names Prometheus allows."""
    named = {"runbook_url" if name == "runbook" else name: link for name, link in links.items()}
    return {name: link for name, link in named.items() if name.isascii() and name.isidentifier()}

"""Messages as alerts of Alertmanager's own API (v2), so that people get them where they get
everything else.

A message is an event and an alert a state: it is sent once, and stays active for as long as its
severity deserves. Times are the machine's, for Alertmanager takes an alert that ended in a played
past as resolved.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Transient
from modelmedic.steps.contracts.notification import Notification, Severity
from modelmedic.steps.contracts.ports import Clock

if TYPE_CHECKING:
    from requests import Response, Session

_ACTIVE = {Severity.INFO: timedelta(minutes=30), Severity.WARNING: timedelta(hours=4), Severity.CRITICAL: timedelta(hours=24)}
_CONNECT, _READ = 2.0, 4.0  # seconds
_TRIES = 3
_PAUSE = timedelta(milliseconds=300)  # before the second try, twice that before the third
_LONGEST = 2000  # characters of a text; what lies behind, such as a pager, allows less than Alertmanager
_MOST_SAID = 200  # characters of its refusal that are told on


class Alertmanager:
    """A Notifier that posts to `<url>/api/v2/alerts`. `clock` is the machine's.

    No redirect is followed and no proxy, netrc or cookie of the environment is used: a message goes
    to the named address or nowhere.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        if not url.startswith(("http://", "https://")):
            raise BadInput(f"notify.alertmanager is {url[:80]!r}; expected an http or https address, such as http://alertmanager:9093")
        self._url = f"{url.rstrip('/')}/api/v2/alerts"
        self._clock = clock
        self._session: Session | None = None

    def notify(self, notification: Notification) -> None:
        """Raises Transient when it cannot be reached three times in a row, BadInput when it refuses
        the alert.
        """
        alerts = [self._alert(notification)]
        for attempt in range(1, _TRIES + 1):
            try:
                self._post(alerts)
                return
            except Transient:
                if attempt == _TRIES:
                    raise
                self._clock.sleep(_PAUSE * attempt)

    def _alert(self, notification: Notification) -> dict[str, Any]:
        now = self._clock.now()
        alert: dict[str, Any] = {
            "labels": labels(notification),
            "annotations": annotations(notification),
            "startsAt": now.isoformat(),
            "endsAt": (now + _ACTIVE[notification.severity]).isoformat(),
        }
        link = notification.links.get("report", "")
        return {**alert, "generatorURL": link[:_LONGEST]} if link.startswith(("http://", "https://")) else alert

    def _post(self, alerts: list[dict[str, Any]]) -> None:
        import requests

        session = self._open()
        try:
            with session.post(self._url, json=alerts, timeout=(_CONNECT, _READ), allow_redirects=False, stream=True) as response:
                error = self._refusal(response)
        except requests.RequestException as failure:
            raise Transient(f"Alertmanager at {self._url} cannot be reached ({type(failure).__name__})") from failure
        if error:
            raise error

    def _open(self) -> "Session":
        import requests

        if self._session is None:
            self._session = requests.Session()
            self._session.trust_env = False
        return self._session

    def _refusal(self, response: "Response") -> ModelmedicError | None:
        status = response.status_code
        if 200 <= status < 300:
            return None
        if 300 <= status < 400:
            return BadInput(
                f"Alertmanager at {self._url} sends elsewhere (HTTP {status}); expected its own address, for no redirect is followed"
            )
        sentence = f"Alertmanager at {self._url} answers HTTP {status} ({_said(response)})"
        return Transient(sentence) if status >= 500 or status == 429 else BadInput(sentence)


def _said(response: "Response") -> str:
    """What the first packet of the answer says; a server that never comes to its end is not waited
    for.
    """
    from urllib3.exceptions import HTTPError

    try:
        return str(response.raw.read1(_MOST_SAID).decode(errors="replace")).strip()
    except (HTTPError, OSError):
        return "and no reason"


def labels(notification: Notification) -> dict[str, str]:
    """What identifies the alert: the same message about the same incident is one alert. Empty
    labels are left out.
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
    """What people read. The links' names become annotations: `runbook` is runbook_url, as
    everywhere else.
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
    """`data.quarantined` → ModelmedicHealDataQuarantined, `heal.refused` → ModelmedicHealRefused."""
    words = "".join(char if char.isascii() and char.isalnum() else " " for char in event).split()
    return "ModelmedicHeal" + "".join(word[:1].upper() + word[1:] for word in (words[1:] if words[:1] == ["heal"] else words))


def _links(links: Mapping[str, str]) -> dict[str, str]:
    """Only names that Prometheus allows."""
    named = {"runbook_url" if name == "runbook" else name: link for name, link in links.items()}
    return {name: link for name, link in named.items() if name.isascii() and name.isidentifier()}

"""Messages and a clock for the tests of notifiers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from modelmedic.steps.contracts.notification import Notification, Severity

PLAYED = datetime(2013, 6, 10, 6, tzinfo=UTC)
NOW = datetime(2026, 1, 8, 12, tzinfo=UTC)


def message(severity: Severity = Severity.WARNING, incident: str | None = "flights-1a2b3c4d-1", **changed: str) -> Notification:
    texts = {
        "event": "data.quarantined",
        "model": "flights",
        "to": "data-team",
        "summary": "flights: rows are broken and set aside",
        "description": "column distance is in another unit",
        **changed,
    }
    links = {"report": "https://store.example/reports/incident.html", "runbook": "https://docs.example/quarantine", "not a name": "x"}
    return Notification(incident=incident, severity=severity, at=PLAYED, links=links, **texts)


@dataclass
class RealClock:
    """Says now, and only counts what it was asked to sleep."""

    slept: list[timedelta] = field(default_factory=list)
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def sleep(self, span: timedelta) -> None:
        self.slept.append(span)

"""Alertmanager's API is used as it is meant to be, within bounds, and never from elsewhere than the
named address.
"""

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelmedic.steps.adapters.notify.alertmanager import Alertmanager, alert_name, annotations, labels
from modelmedic.steps.contracts.errors import BadInput, Transient
from modelmedic.steps.contracts.notification import Severity
from tests.adapters.notify.messages import NOW, PLAYED, RealClock, message
from tests.fakes.http_server import OK, answering
from tests.fakes.programs import ALERTMANAGER, alertmanager, free_port


@pytest.mark.parametrize(
    ("event", "name"),
    [
        ("data.quarantined", "ModelmedicHealDataQuarantined"),
        ("heal.refused", "ModelmedicHealRefused"),
        ("model.rolled_back", "ModelmedicHealModelRolledBack"),
        ("breaker.opened", "ModelmedicHealBreakerOpened"),
    ],
)
def test_alerts_are_named_after_their_event(event: str, name: str) -> None:
    assert alert_name(event) == name


def test_labels_identify_and_annotations_explain() -> None:
    assert labels(message()) == {
        "alertname": "ModelmedicHealDataQuarantined",
        "model": "flights",
        "severity": "warning",
        "incident": "flights-1a2b3c4d-1",
        "to": "data-team",
    }
    assert annotations(message()) == {
        "summary": "flights: rows are broken and set aside",
        "description": "column distance is in another unit",
        "event": "data.quarantined",
        "model_time": PLAYED.isoformat(),
        "report": "https://store.example/reports/incident.html",
        "runbook_url": "https://docs.example/quarantine",
    }


@pytest.mark.parametrize(("severity", "hours"), [(Severity.INFO, 0.5), (Severity.WARNING, 4), (Severity.CRITICAL, 24)])
def test_alert_is_active_on_the_machines_time_for_as_long_as_its_severity_deserves(severity: Severity, hours: float) -> None:
    with answering() as heard:
        Alertmanager(heard.url, RealClock()).notify(message(severity))
    path, [alert] = heard.asked[0]
    assert path == "/api/v2/alerts"
    assert datetime.fromisoformat(alert["startsAt"]) == NOW
    assert datetime.fromisoformat(alert["endsAt"]) == NOW + timedelta(hours=hours)


def test_trouble_that_passes_is_tried_again() -> None:
    clock = RealClock()
    with answering([(503, {}, b"starting"), (429, {}, b""), OK]) as heard:
        Alertmanager(heard.url, clock).notify(message())
    assert len(heard.asked) == 3
    assert timedelta(0) < sum(clock.slept, timedelta(0)) < timedelta(seconds=2)


def test_trouble_that_stays_is_given_up() -> None:
    with answering([(500, {}, b"out of memory")]) as heard, pytest.raises(Transient, match=r"HTTP 500 \(out of memory"):
        Alertmanager(heard.url, RealClock()).notify(message())
    assert len(heard.asked) == 3


def test_nobody_there_is_said_in_one_sentence() -> None:
    clock = RealClock()
    with pytest.raises(Transient, match=r"Alertmanager at http://127.0.0.1:\d+/api/v2/alerts cannot be reached"):
        Alertmanager(f"http://127.0.0.1:{free_port()}", clock).notify(message())
    assert len(clock.slept) == 2


def test_a_refusal_is_not_tried_again() -> None:
    with answering([(400, {}, b"bad label" + b"x" * 5000)]) as heard, pytest.raises(BadInput) as caught:
        Alertmanager(heard.url, RealClock()).notify(message())
    assert len(heard.asked) == 1
    assert "bad label" in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with (
        answering() as elsewhere,
        answering([(status, {"Location": f"{elsewhere.url}/inner"}, b"")]) as heard,
        pytest.raises(BadInput, match="no redirect is followed"),
    ):
        Alertmanager(heard.url, RealClock()).notify(message())
    assert len(heard.asked) == 1
    assert elsewhere.asked == []


def test_a_proxy_of_the_environment_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering() as proxy, answering() as heard:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        Alertmanager(heard.url, RealClock()).notify(message())
    assert proxy.asked == []
    assert len(heard.asked) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host", "alertmanager:9093", ""])
def test_only_http_addresses_are_taken(url: str) -> None:
    with pytest.raises(BadInput, match="expected an http or https address"):
        Alertmanager(url, RealClock())


@contextmanager
def telling(folder: Path, receiver: str) -> Iterator[str]:
    """The address of an Alertmanager that tells every alert at once to this receiver."""
    config = folder / "alertmanager.yml"
    config.write_text(
        "route: {receiver: team, group_by: [alertname, incident], group_wait: 0s}\n"
        f"receivers: [{{name: team, webhook_configs: [{{url: '{receiver}/hook'}}]}}]\n"
    )
    with alertmanager(config) as url:
        yield url


def alerts_at(url: str) -> list[dict[str, object]]:
    with urllib.request.urlopen(f"{url}/api/v2/alerts", timeout=5) as answer:
        found: list[dict[str, object]] = json.load(answer)
    return found


@pytest.mark.skipif(ALERTMANAGER is None, reason="no alertmanager on the PATH: Debian's package is prometheus-alertmanager")
def test_a_real_alertmanager_takes_the_alert_and_tells_the_team(tmp_path: Path) -> None:
    with answering() as team, telling(tmp_path, team.url) as url:
        notifier = Alertmanager(url, RealClock(moment=datetime.now(UTC)))
        notifier.notify(message(Severity.CRITICAL))
        notifier.notify(message(Severity.CRITICAL))  # the same message again is the same alert
        notifier.notify(message(summary="hostile {{ .Labels }} \x1b[31m \u202e", to="x" * 3000, incident=None))
        assert team.arrived.wait(20)
        first, other = sorted(alerts_at(url), key=lambda alert: "incident" not in str(alert["labels"]))
    assert first["labels"] == labels(message(Severity.CRITICAL))
    assert first["annotations"] == annotations(message(Severity.CRITICAL))
    assert first["generatorURL"] == "https://store.example/reports/incident.html"
    assert re.match(r"hostile \{\{ .Labels \}\} \x1b", str(dict(other["annotations"])["summary"]))  # type: ignore[call-overload]
    path, told = team.asked[0]
    assert path == "/hook"
    assert told["status"] == "firing"
    assert told["alerts"][0]["labels"]["alertname"] == "ModelmedicHealDataQuarantined"

"""Alertmanager's webhook body, taken apart as hostile text: alerts that name a model in the strict
grammar, and the reasons why others are refused. Called by triage.

No text of an alert is passed on unless it matches the grammar; anything else is counted and quoted
shortened, never stored as it is. Body format: Alertmanager's webhook version 4.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelmedic.steps.contracts.codec import sha256
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.window import utc

MOST_BYTES = 1 << 20  # Argo Events refuses larger bodies itself; a file could be any size
MOST_ALERTS = 2000
ALERT_NAME = re.compile(r"Modelmedic[A-Za-z0-9]{1,60}")
_MODEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """One firing alert about one model. `fingerprint` is Alertmanager's hash of its labels, the
    same for every repetition.
    """

    name: str
    model: str
    fingerprint: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """One alert, or the whole body, that was refused; `digest` names it, so that a repetition is
    recorded once.
    """

    digest: str
    sentence: str


@dataclass(frozen=True, slots=True)
class AlertBody:
    """The alerts of one body. `truncated` counts those that Alertmanager itself left out; the
    monitor's next run and a sweep find them.
    """

    alerts: tuple[FiringAlert, ...] = ()
    resolved: int = 0
    refused: tuple[Refusal, ...] = ()
    truncated: int = 0


def read_alerts(body: bytes) -> AlertBody:
    """Read every alert of the body by itself, so that one bad alert spoils no other. Never
    raises.
    """
    try:
        document = _document(body)
    except BadInput as error:
        return AlertBody(refused=(Refusal(sha256(body), str(error)),))
    entries = document["alerts"]
    firing = [entry for entry in entries if not (isinstance(entry, dict) and entry.get("status") == "resolved")]
    found, refused = [], []
    for entry in firing:
        try:
            found.append(_alert(entry))
        except BadInput as error:
            refused.append(Refusal(sha256(json.dumps(entry, sort_keys=True, default=str).encode()), str(error)))
    return AlertBody(tuple(_distinct(found)), len(entries) - len(firing), tuple(dict.fromkeys(refused)), _truncated(document))


def _document(body: bytes) -> dict[str, Any]:
    if len(body) > MOST_BYTES:
        raise BadInput(f"the alert body has {len(body)} bytes; expected at most {MOST_BYTES}")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the alert body is no JSON ({type(error).__name__}); expected Alertmanager's webhook format, version 4") from error
    if not isinstance(document, dict) or not isinstance(document.get("alerts"), list):
        raise BadInput("the alert body has no list of alerts; expected Alertmanager's webhook format, version 4")
    if document.get("version") != "4":
        raise BadInput(f"the alert body's version is {_short(document.get('version'))}; expected '4'")
    if len(document["alerts"]) > MOST_ALERTS:
        raise BadInput(f"the alert body has {len(document['alerts'])} alerts; expected at most {MOST_ALERTS} (Alertmanager's max_alerts)")
    return document


def _alert(entry: Any) -> FiringAlert:
    if not isinstance(entry, dict) or not isinstance(entry.get("labels"), dict):
        raise BadInput("an alert has no labels; expected alertname and model")
    labels = entry["labels"]
    return FiringAlert(
        name=_match(labels, "alertname", ALERT_NAME, "one of modelmedic's own alerts"),
        model=_match(labels, "model", _MODEL, "a model's name of lower-case letters, digits and dashes"),
        fingerprint=_match(entry, "fingerprint", _FINGERPRINT, "16 hex digits"),
        started_at=_moment(entry.get("startsAt")),
    )


def _match(values: dict[str, Any], name: str, grammar: re.Pattern[str], expected: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not grammar.fullmatch(value):
        raise BadInput(f"an alert's {name} is {_short(value)}; expected {expected}")
    return value


def _moment(value: Any) -> datetime:
    try:
        return utc(datetime.fromisoformat(str(value)))
    except (ValueError, OverflowError) as error:
        raise BadInput(f"an alert's startsAt is {_short(value)}; expected an ISO 8601 time") from error


def _distinct(alerts: list[FiringAlert]) -> Iterator[FiringAlert]:
    """One alert for each model and alert name: repetitions speak of the same incident."""
    seen = set()
    for alert in alerts:
        if (alert.model, alert.name) not in seen:
            seen.add((alert.model, alert.name))
            yield alert


def _truncated(document: dict[str, Any]) -> int:
    count = document.get("truncatedAlerts")
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else 0


def _short(value: Any) -> str:
    return ascii(value)[:60]

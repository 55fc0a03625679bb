"""A change that a job posts lies in the inbox; one with the wrong token, or with that of alerts,
does not.
"""

import json
from datetime import UTC, datetime, timedelta

from modelmedic.examples.cluster.kubectl import fetch, wait_until
from modelmedic.steps.contracts.change import ChangeEvent
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.records.change_events import changes
from tests.e2e.stage import Stage, evidence


def _post(stage: Stage, token: str, what: str) -> int:
    at = datetime.now(UTC).replace(microsecond=0)
    body = {"at": at.isoformat(), "what": what, "model": stage.model, "by": "e2e"}
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    return fetch(stage.alerts.replace("/alerts", "/events"), headers, json.dumps(body).encode())[0]


def _noted(stage: Stage) -> list[ChangeEvent]:
    now = datetime.now(UTC)
    return changes(stage.store, stage.model, Window(now - timedelta(hours=1), now + timedelta(minutes=1)))


def test_a_posted_change_is_noted_and_a_stranger_s_is_not(stage: Stage) -> None:
    before = len(_noted(stage))
    assert _post(stage, "nobody", "a stranger's") != 200
    assert _post(stage, stage.cluster.secret("modelmedic-webhook", "token"), "Alertmanager's") != 200
    assert _post(stage, stage.cluster.secret("modelmedic-webhook", "changes-token"), "ours") == 200
    found = wait_until(lambda: _noted(stage)[before:] or None, 120, "the change in the inbox", 2)
    evidence("changes", {"noted": [each.what for each in found]})
    assert [each.what for each in found] == ["ours"]

"""Of an alert body only what matches the strict grammar gets through, and one bad alert spoils no
other.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmedic.steps.core.incidents.alerts import MOST_BYTES, read_alerts


def alert(**changes: Any) -> dict[str, Any]:
    labels = {"alertname": "ModelmedicDrift", "model": "churn", **changes.pop("labels", {})}
    return {"status": "firing", "labels": labels, "startsAt": "2026-03-01T09:00:00.123Z", "fingerprint": "0123456789abcdef", **changes}


def body(*alerts: Any, **changes: Any) -> bytes:
    return json.dumps({"version": "4", "alerts": list(alerts), "truncatedAlerts": 0, **changes}).encode()


def test_every_alert_of_a_group_is_read_not_just_the_first() -> None:
    found = read_alerts(body(*(alert(labels={"model": f"m{number}"}) for number in range(200))))
    assert [a.model for a in found.alerts] == [f"m{number}" for number in range(200)]


def test_the_same_alert_twice_is_one() -> None:
    assert len(read_alerts(body(alert(), alert())).alerts) == 1


def test_resolved_alerts_start_nothing() -> None:
    found = read_alerts(body(alert(status="resolved"), alert(labels={"model": "other"})))
    assert ([a.model for a in found.alerts], found.resolved) == (["other"], 1)


@pytest.mark.parametrize(
    "hostile",
    [
        {"labels": {"model": "{{workflow.parameters.secret}}"}},
        {"labels": {"model": "{{=sprig.getHostByName('x.evil')}}"}},
        {"labels": {"model": "x'''+__import__('os').popen('id').read()+r'''"}},
        {"labels": {"model": "churn\n"}},
        {"labels": {"model": "../churn"}},
        {"labels": {"model": "m" * 300}},
        {"labels": {"model": 7}},
        {"labels": {"model": None}},
        {"labels": {"alertname": "KubePodCrashLooping"}},
        {"labels": {"alertname": "Modelmedic$(id)"}},
        {"labels": "churn"},
        {"fingerprint": "x"},
        {"startsAt": "soon"},
        {"startsAt": None},
    ],
    ids=str,
)
def test_a_hostile_alert_is_refused_and_its_neighbour_is_not(hostile: dict[str, Any]) -> None:
    broken = {**alert(), **hostile} if not isinstance(hostile.get("labels"), dict) else alert(**hostile)
    found = read_alerts(body(broken, alert(labels={"model": "neighbour"})))
    assert [a.model for a in found.alerts] == ["neighbour"]
    assert len(found.refused) == 1
    assert len(found.refused[0].sentence) < 250
    assert found.refused[0].sentence.isprintable()


@pytest.mark.parametrize(
    "whole",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({"alerts": []}).encode(),
        body(*[alert()] * 2001),
        b" " * (MOST_BYTES + 1),
    ],
    ids=range(9),
)
def test_a_body_that_is_no_alertmanager_body_is_refused_whole(whole: bytes) -> None:
    found = read_alerts(whole)
    assert found.alerts == ()
    assert len(found.refused) == 1


def test_what_alertmanager_left_out_is_said() -> None:
    assert read_alerts(body(alert(), truncatedAlerts=3)).truncated == 3


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=20)
)
def test_no_json_at_all_makes_it_fail(value: Any) -> None:
    for whole in (value, {"version": "4", "alerts": value}, {"version": "4", "alerts": [value, {"labels": value}]}):
        assert read_alerts(json.dumps(whole).encode()).alerts == ()

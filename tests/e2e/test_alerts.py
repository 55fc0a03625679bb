"""Alerts and their consequences: one incident and one heal for a storm of them, and nothing at all
for hostile ones.
"""

import random
from datetime import UTC, datetime

import pytest

from modelmedic.examples.cluster.kubectl import wait_until
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.words import Outcome
from tests.e2e.stage import Stage, alert, evidence


def _ended(stage: Stage, posted: int) -> bool | None:
    """All triages that the posts led to have ended."""
    triages = [each for each in stage.cluster.listed("workflows") if each["metadata"]["name"].startswith("triage-")]
    ended = [each for each in triages if each.get("status", {}).get("phase") in ("Succeeded", "Failed", "Error")]
    return True if len(ended) >= posted and len(ended) == len(triages) else None


def _heals(stage: Stage) -> list[str]:
    return [each["metadata"]["name"] for each in stage.cluster.listed("workflows") if each["metadata"]["name"].startswith("heal-")]


def test_two_hundred_alerts_delivered_twice_are_one_incident_and_one_heal(stage: Stage) -> None:
    """The Sensor's pod is killed between the two deliveries: the bus keeps what it has not seen."""
    stage.flights(30)
    stage.opened()  # as the monitor opens one when it alarms
    storm = [alert("ModelmedicDegraded", stage.model, number) for number in range(100)]
    storm += [alert("ModelmedicDegraded", f"stranger-{number}", 100 + number) for number in range(100)]
    assert stage.post(*storm) == 200
    stage.cluster.run("delete", "pod", "-l", "sensor-name", "--wait=false")
    assert stage.post(*storm) == 200
    wait_until(lambda: _ended(stage, 2), 180, "two triages")
    incidents = stage.ledger.incidents(stage.model)
    assert len(incidents) == 1
    assert len(_heals(stage)) == 1
    strangers = [key for key in stage.store.list("incidents/") if "stranger" in key]
    assert strangers == []
    evidence("b: 200 alerts, twice, Sensor killed between", {"incidents": 1, "heals": 1})


_INCIDENTS, _POSTS, _ALERTS = 10, 5, 10


@pytest.mark.slow
def test_five_hundred_deliveries_of_ten_incidents_are_ten_heals_though_consumers_are_killed(stage: Stage) -> None:
    """One incident after the other. After each post the Sensor's pod or those of the triages are
    killed, or nobody is. The heals are ended as soon as they are counted.
    """
    rng, heals, killed = random.Random(7), [], 0
    stage.flights(30)
    for number in range(_INCIDENTS):
        incident = stage.opened()
        for post in range(_POSTS):
            first = (number * _POSTS + post) * _ALERTS
            assert stage.post(*(alert("ModelmedicDegraded", stage.model, first + each) for each in range(_ALERTS))) == 200
            killed += _kill(stage, rng.choice(("sensor", "triage", "nobody")))
        wait_until(lambda: _ended(stage, _POSTS), 240, f"{_POSTS} triages")
        heals += _heals(stage)
        assert len(heals) == number + 1, heals
        assert stage.ledger.current(stage.model) == incident
        stage.ledger.close(incident, Closing(Outcome.NO_ACTION, datetime.now(UTC), "counted"))
        stage.cluster.run("delete", "workflows", "--all", "--wait=true", "--timeout=90s")
    keys = [record.key for record in stage.records() if record.event == "alert.attached"]
    assert len(keys) == len(set(keys)) == _INCIDENTS * _POSTS * _ALERTS
    facts = {"deliveries": len(keys), "pods killed": killed, "heals": len(set(heals)), "lost": 0, "extra": 0}
    evidence("b: 500 deliveries of 10 incidents", facts)


def _kill(stage: Stage, whom: str) -> int:
    """The pods that were killed: of the Sensor, or of the triages that run now."""
    if whom == "nobody":
        return 0
    label = "sensor-name" if whom == "sensor" else "workflows.argoproj.io/workflow"
    names = [pod["metadata"]["name"] for pod in stage.cluster.listed("pods", label)]
    names = [name for name in names if whom == "sensor" or name.startswith("triage-")]
    for name in names:
        stage.cluster.run("delete", "pod", name, "--grace-period=0", "--force", "--wait=false", check=False)
    return len(names)


def test_hostile_alerts_are_recorded_and_start_nothing(stage: Stage) -> None:
    hostile = (
        "{{=sprig.env('HOME')}}",
        "{{workflow.name}}",
        "flights-delay; rm -rf /",
        "../../audit/all",
        "x" * 3000,
        "flights\ndelay",
        "$(id)",
    )
    assert stage.post(*(alert("ModelmedicDegraded", text, number) for number, text in enumerate(hostile))) == 200
    assert stage.post(alert("{{=1+1}}", stage.model, 99)) == 200
    wait_until(lambda: _ended(stage, 2), 120, "two triages")
    assert [each.get("status", {}).get("phase") for each in stage.cluster.listed("workflows")] == ["Succeeded"] * 2
    assert _heals(stage) == []
    assert stage.ledger.incidents(stage.model) == ()
    kept = [stage.store.get(key).data.decode() for key in stage.store.list("audit/")]
    assert any("alert.refused" in text for text in kept)
    assert not any("rm -rf" in text and "incident.opened" in text for text in kept)
    evidence("m: hostile payloads", {"posts": 2, "alerts": len(hostile) + 1, "started": 0})


def test_without_the_token_nobody_gets_in(stage: Stage) -> None:
    assert stage.post(alert("ModelmedicDegraded", stage.model), token="wrong") in (400, 401, 403)
    assert stage.cluster.listed("workflows") == []

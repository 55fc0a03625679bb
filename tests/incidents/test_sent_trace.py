"""The trace of a heal and its lineage are handed over once, when it is closed or by a later sweep,
and a receiver that is away ends no heal and keeps no other waiting.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from modelmedic.steps.adapters.events.openlineage import lineage_sink
from modelmedic.steps.adapters.events.otlp import OtlpTraces, trace_sink
from modelmedic.steps.contracts.codec import sha256
from modelmedic.steps.heal.close import close
from modelmedic.steps.reconcile.sweep import sweep
from tests.fakes.http_server import OK, Answer, HeardRequests, answering
from tests.worlds.deployed import DeployedWorld

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
AWAY: Answer = (503, {}, b"")


@pytest.fixture
def world(tmp_path: Path) -> DeployedWorld:
    return DeployedWorld(tmp_path)


def collector(heard: HeardRequests) -> OtlpTraces | None:
    return trace_sink({"MODELMEDIC_OTLP": heard.url})


def first_spans(heard: HeardRequests) -> list[dict[str, Any]]:
    return [body["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for _, body in heard.asked]


def events(world: DeployedWorld) -> list[str]:
    return [record.event for record in world.site.trail.records(world.run.incident.id)]


def test_a_trace_is_sent_when_its_heal_is_closed_and_not_again(world: DeployedWorld) -> None:
    with answering() as heard:
        world.site.traces = collector(heard)
        close(world.run)
        close(world.run)
        sweep(world.site)
        (heal,) = first_spans(heard)
    assert (heal["traceId"], heal["name"]) == (sha256(world.run.incident.id.encode())[:32], "heal churn")
    assert events(world).count("trace.sent") == 1


def test_a_collector_that_is_away_gets_the_trace_by_a_later_sweep(world: DeployedWorld) -> None:
    said: list[str] = []
    world.site.say = said.append
    with answering([AWAY, AWAY, OK]) as heard:
        world.site.traces = collector(heard)
        assert close(world.run)["outcome"]
        assert [len(heard.asked) for _ in range(3) if sweep(world.site)] == [2, 3, 3]
    assert "will be by a later sweep" in said[-2]
    assert events(world).count("trace.sent") == 1


def test_a_heal_of_long_ago_is_left_out_of_the_sweep(world: DeployedWorld) -> None:
    close(world.run)
    world.clock.sleep(timedelta(days=8))
    with answering() as heard:
        world.site.traces = collector(heard)
        sweep(world.site)
        assert heard.asked == []


def test_the_trace_joins_the_run_that_closed_the_heal(world: DeployedWorld) -> None:
    with answering() as heard:
        world.site.traces, world.site.traceparent = collector(heard), CALLER
        close(world.run)
        assert first_spans(heard)[0]["parentSpanId"] == CALLER.split("-")[2]


def test_the_trace_joins_no_sweep(world: DeployedWorld) -> None:
    close(world.run)
    with answering() as heard:
        world.site.traces, world.site.traceparent = collector(heard), CALLER
        sweep(world.site)
        assert "parentSpanId" not in first_spans(heard)[0]


def test_lineage_is_sent_once_and_does_not_wait_for_the_collector_of_traces(world: DeployedWorld) -> None:
    with answering([AWAY]) as away, answering() as heard:
        world.site.traces, world.site.lineage = collector(away), lineage_sink({"MODELMEDIC_OPENLINEAGE": heard.url})
        close(world.run, "the pod was lost")
        sweep(world.site)
        kinds = [(body["job"]["name"], body["eventType"]) for _, body in heard.asked]
    assert kinds == [("churn.retrain", "START"), ("churn.retrain", "FAIL")]
    assert (events(world).count("lineage.sent"), events(world).count("trace.sent")) == (1, 0)

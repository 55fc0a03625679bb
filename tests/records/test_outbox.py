"""Every audit record reaches a receiver of CloudEvents at least once, under one id, and a receiver
that is away ends and holds up nobody.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloudevents.http import CloudEvent, from_http

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.events.cloud_events import CloudEventSink, event_sink
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.ports import EventSink
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.outbox import REST, Outbox
from tests.fakes.http_server import OK, Answer, HeardRequests, answering

NOW = datetime(2026, 1, 8, 9, 30, tzinfo=UTC)
AWAY: Answer = (503, {}, b"not now")
LATER = timedelta(minutes=2)


@dataclass
class Loop:
    """One model whose records go to a sink; `process` is another process of the loop."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: PlayedClock = field(default_factory=lambda: PlayedClock(NOW))
    said: list[str] = field(default_factory=list)

    def outbox(self, sink: EventSink) -> Outbox:
        return Outbox(self.store, "churn", sink, self.clock, self.said.append)

    def process(self, sink: EventSink | None) -> AuditTrail:
        return AuditTrail(self.store, "churn", self.clock, "alice", self.outbox(sink) if sink is not None else None)

    def sweep(self, sink: EventSink) -> int:
        return self.outbox(sink).catch_up(self.process(None).entries_from)

    def waiting(self, sink: EventSink) -> int:
        return self.outbox(sink).waiting(self.process(None).length())


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def heard() -> Iterator[HeardRequests]:
    with answering() as server:
        yield server


def received(heard: HeardRequests) -> list[CloudEvent]:
    """What arrived, as the package `cloudevents` reads it: it refuses what is no event."""
    pairs = zip(heard.headers, heard.asked, strict=True)
    return [from_http(headers, json.dumps(body)) for headers, (_, body) in pairs]


def numbers(heard: HeardRequests) -> list[int]:
    return [int(event["sequence"]) for event in received(heard)]


def test_a_record_is_a_valid_event_with_every_attribute(loop: Loop, heard: HeardRequests) -> None:
    trail = loop.process(CloudEventSink(heard.url, loop.clock))
    trail.append("canary.started", Phase.OUTCOME, incident="churn-8c5a8a2b-1", key="canary/2", fence=7, facts={"version": "2"})
    (event,) = received(heard)
    assert event.get_attributes() == {
        "specversion": "1.0",
        "id": trail.head().hash,
        "source": "/modelmedic/churn",
        "type": "io.modelmedic.canary.started",
        "subject": "churn-8c5a8a2b-1",
        "time": "2026-01-08T09:30:00Z",
        "datacontenttype": "application/json",
        "sequence": "00000001",
        "phase": "outcome",
        "actor": "alice",
        "effectkey": "canary/2",
        "fence": 7,
    }
    assert event.data == {"version": "2"}
    assert heard.headers[0]["content-type"].partition(";")[0] == "application/cloudevents+json"


@pytest.mark.parametrize("phase", [Phase.INTENT, Phase.FAILURE])
def test_what_did_not_happen_is_not_called_like_what_did(loop: Loop, heard: HeardRequests, phase: Phase) -> None:
    loop.process(CloudEventSink(heard.url, loop.clock)).append("alias.moved", phase, key="alias/2")
    assert received(heard)[0]["type"] == f"io.modelmedic.alias.moved.{phase.value}"


def test_no_secret_leaves_with_an_event(loop: Loop, heard: HeardRequests) -> None:
    secret = "AKIAIOSFODNN7EXAMPLE"
    facts = {"said": f"key {secret} refused", "password": "hunter2hunter2"}
    loop.process(CloudEventSink(heard.url, loop.clock)).append("heal.failed", key=f"by {secret}", facts=facts)
    assert received(heard)[0].data["password"] == "[redacted]"
    assert secret not in json.dumps(heard.asked)


def test_a_record_that_is_sent_again_has_the_same_id(loop: Loop, heard: HeardRequests) -> None:
    sink = CloudEventSink(heard.url, loop.clock)
    loop.process(sink).append("drift.measured")
    loop.store.swap(key := next(iter(loop.store.list("outbox/"))), b'{"sequence":0}', loop.store.get(key).tag)
    assert loop.sweep(sink) == 1
    first, again = received(heard)
    assert (first["id"], first["source"]) == (again["id"], again["source"])


def test_a_receiver_that_is_away_is_asked_once_a_minute_and_said_once(loop: Loop) -> None:
    with answering([AWAY]) as away:
        trail = loop.process(CloudEventSink(away.url, loop.clock))
        for _ in range(5):
            trail.append("gate.passed")
        assert (len(away.asked), trail.length()) == (1, 5)
        loop.clock.sleep(LATER)
        trail.append("gate.passed")
        assert (len(away.asked), len(loop.said)) == (2, 1)
    assert "HTTP 503 (not now)" in loop.said[0]


def test_what_could_not_be_sent_is_sent_by_the_sweep_in_order_and_once(loop: Loop) -> None:
    with answering([AWAY, OK]) as heard:
        sink = CloudEventSink(heard.url, loop.clock)
        trail = loop.process(sink)
        for _ in range(3):
            trail.append("gate.passed")
        assert loop.waiting(sink) == 3
        loop.clock.sleep(LATER)
        assert [loop.sweep(sink), loop.sweep(sink), loop.waiting(sink)] == [3, 0, 0]
        assert numbers(heard)[1:] == [1, 2, 3]


def test_a_record_whose_process_was_killed_before_it_sent_is_sent_by_the_sweep(loop: Loop, heard: HeardRequests) -> None:
    sink = CloudEventSink(heard.url, loop.clock)
    loop.process(sink).append("canary.started")
    loop.process(None).append("canary.started")  # killed here
    loop.process(sink).append("alias.moved")
    assert loop.waiting(sink) == 2
    loop.sweep(sink)
    assert set(numbers(heard)) == {1, 2, 3}


def test_two_processes_that_take_turns_leave_nothing_to_the_sweep(loop: Loop, heard: HeardRequests) -> None:
    sink = CloudEventSink(heard.url, loop.clock)
    ours, theirs = loop.process(sink), loop.process(sink)
    for _ in range(3):
        ours.append("gate.passed")
        theirs.append("gate.passed")
    assert loop.sweep(sink) == 0
    assert numbers(heard) == [1, 2, 3, 4, 5, 6]


def test_a_sink_that_is_named_later_gets_the_whole_trail(loop: Loop, heard: HeardRequests) -> None:
    for _ in range(120):
        loop.process(None).append("drift.measured")
    assert loop.sweep(CloudEventSink(heard.url, loop.clock)) == 120
    assert numbers(heard) == list(range(1, 121))


class Slow:
    """A sink whose every answer takes ten seconds."""

    def __init__(self, clock: PlayedClock) -> None:
        self.clock = clock
        self.got: list[str] = []

    def send(self, event: Mapping[str, Any]) -> None:
        self.clock.sleep(timedelta(seconds=10))
        self.got.append(event["sequence"])


def test_a_slow_receiver_is_left_to_the_sweep_which_waits_a_bounded_time(loop: Loop) -> None:
    sink = Slow(loop.clock)
    trail = loop.process(sink)
    for _ in range(20):
        trail.append("gate.passed")
    assert sink.got == ["00000001"]
    began = loop.clock.now()
    assert loop.sweep(sink) == 3
    assert loop.clock.now() - began < REST


def test_an_address_that_is_none_is_refused_by_its_variable() -> None:
    with pytest.raises(BadInput, match="MODELMEDIC_EVENTS_SINK is refused"):
        event_sink(PlayedClock(NOW), {"MODELMEDIC_EVENTS_SINK": "nats://x"})


def test_nothing_is_sent_where_nobody_is_named() -> None:
    assert event_sink(PlayedClock(NOW), {}) is None

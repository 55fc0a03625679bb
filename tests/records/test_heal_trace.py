"""A heal is one trace, which a collector of OpenTelemetry reads: the heal of a kept store, as its
records tell it.
"""

import base64
import copy
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.events.otlp import trace_sink
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.audit import Phase, Record
from modelmedic.steps.contracts.codec import sha256
from modelmedic.steps.contracts.errors import BadInput, Transient
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.trace import Span
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.core.records.heal_trace import heal_trace
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.ledger import Ledger
from tests.fakes.http_server import OK, Answer, HeardRequests, answering
from tests.records.test_kept_stores import KEPT, MODEL

NOW = datetime(2026, 1, 8, tzinfo=UTC)
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def kept_store() -> MemoryStore:
    """The records of the kept store, in memory."""
    store = MemoryStore()
    for path in sorted((KEPT / "second").glob("[ai]*/**/*.json")):
        store.create(path.relative_to(KEPT / "second").as_posix(), path.read_bytes())
    return store


def kept(number: int = 0) -> tuple[Any, Closing, list[Record]]:
    """An incident of the kept store with its closing and its records."""
    store = kept_store()
    ledger = Ledger(store, PlayedClock(NOW))
    incident = ledger.incidents(MODEL)[number]
    closing = ledger.closing(incident)
    assert closing is not None
    return incident, closing, list(AuditTrail(store, MODEL, PlayedClock(NOW), "reader").records(incident.id))


def traced(number: int = 0, joined: str = "") -> dict[str, Span]:
    """The trace's spans by their names; the last of those that are called alike."""
    return {span.name: span for span in heal_trace(*kept(number), joined)}


def posted(spans: tuple[Span, ...], answer: Answer = OK) -> HeardRequests:
    with answering([answer]) as heard:
        sink = trace_sink({"MODELMEDIC_OTLP": heard.url, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b"})
        assert sink is not None
        sink.send(spans)
    return heard


def collected(body: Mapping[str, Any]) -> list[ProtoSpan]:
    """What a collector makes of a request: protobuf's own JSON mapping, but for the ids, which
    OTLP has as hex digits. A name that is no field of the messages is refused.
    """
    body = copy.deepcopy(dict(body))
    for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in {"traceId", "spanId", "parentSpanId"} & set(span):
            span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    request = ParseDict(body, ExportTraceServiceRequest())
    (resource,) = request.resource_spans
    assert {each.key for each in resource.resource.attributes} == {"service.name", "service.version"}
    return list(resource.scope_spans[0].spans)


def test_a_collector_reads_every_span_of_a_heal() -> None:
    spans = heal_trace(*kept())
    heard = posted(spans)
    read = collected(heard.asked[0][1])
    assert (heard.asked[0][0], heard.headers[0]["content-type"], heard.headers[0]["api-key"]) == ("/v1/traces", "application/json", "a b")
    assert [(each.trace_id.hex(), each.span_id.hex(), each.parent_span_id.hex(), each.name) for each in read] == [
        (each.trace, each.id, each.parent, each.name) for each in spans
    ]
    assert [(each.end_time_unix_nano - each.start_time_unix_nano) / 1e9 for each in read] == [
        (each.end - each.start).total_seconds() for each in spans
    ]
    deploy = next(each for each in read if each.name == "deploy")
    judged = [event for event in deploy.events if event.name == "canary.judged"]
    values = {attribute.key: attribute.value for attribute in judged[1].attributes}
    assert values["modelmedic.share"].int_value == 20
    assert values["modelmedic.canary_p95_ms"].double_value == pytest.approx(43.4, abs=0.1)


def test_the_stages_of_a_heal_follow_each_other_within_it() -> None:
    incident, closing, _ = kept()
    spans = traced()
    heal = spans[f"heal {MODEL}"]
    stages = [spans[name] for name in ("diagnose", "retrain", "validate", "approve", "deploy", "close")]
    assert {stage.parent for stage in stages} == {heal.id}
    assert (heal.start, heal.end, heal.parent) == (incident.opened_at, closing.at, "")
    assert [stage.start for stage in stages[1:]] == [stage.end for stage in stages[:-1]]
    assert spans["deploy"].end - spans["deploy"].start == timedelta(days=2, hours=19, minutes=12)


def test_the_heal_says_its_cause_its_remedy_and_its_outcome() -> None:
    said = traced()[f"heal {MODEL}"].attributes
    names = ("cause", "remedy", "autonomy", "outcome", "champion.before", "champion.after", "alert")
    assert [said[f"modelmedic.{name}"] for name in names] == ["concept_drift", "retrain", "approve", "healed", "1", "2", "by-hand"]


def test_each_gate_is_a_moment_of_the_validation() -> None:
    moments = traced()["validate"].moments
    assert [(each.name, each.attributes["modelmedic.gate.name"]) for each in moments][:2] == [
        ("gate.passed", "loads"),
        ("gate.passed", "signature"),
    ]
    assert len(moments) == 10


def test_each_effect_is_a_span_of_its_stage_from_intent_to_outcome() -> None:
    spans = heal_trace(*kept())
    names = {span.id: span.name for span in spans}
    effects = [(names[span.parent], span.name) for span in spans if "modelmedic.effect.phase" in span.attributes]
    assert effects == [
        ("validate", "version.registered"),
        ("validate", "alias.moved"),
        ("approve", "answer.given"),
        ("deploy", "canary.started"),
        ("deploy", "share.set"),
        ("deploy", "share.set"),
        ("deploy", "canary.promoted"),
        ("deploy", "alias.moved"),
        ("deploy", "alias.moved"),
    ]
    assert spans[-3].attributes["modelmedic.effect.fence"] == 11


def test_a_quarantine_has_its_own_stage() -> None:
    assert list(traced(1)) == [f"heal {MODEL}", "diagnose", "quarantine", "window.quarantined", "report", "close"]


def test_ids_follow_from_the_incident_so_that_a_trace_built_again_is_the_same() -> None:
    first, again = heal_trace(*kept()), heal_trace(*kept())
    assert first == again
    assert {span.trace for span in first} == {sha256(kept()[0].id.encode())[:32]}
    assert len({span.id for span in first}) == len(first)


def test_what_was_recorded_after_the_closing_changes_nothing() -> None:
    incident, closing, records = kept()
    later = Record(99, "", NOW, MODEL, incident.id, "reconcile", "heal.assessed", Phase.NOTE)
    assert heal_trace(incident, closing, [*records, later]) == heal_trace(incident, closing, records)


def test_a_heal_joins_the_trace_of_whatever_ran_it() -> None:
    heal = traced(joined=CALLER)[f"heal {MODEL}"]
    assert (heal.trace, heal.parent) == (CALLER.split("-")[1], CALLER.split("-")[2])


@pytest.mark.parametrize(
    "joined", ["none", CALLER.upper(), "ff" + CALLER[2:], "00-" + "0" * 32 + CALLER[35:], CALLER[:36] + "0" * 16 + "-01"]
)
def test_what_is_no_traceparent_joins_nothing(joined: str) -> None:
    assert traced(joined=joined) == traced()


def test_an_effect_that_failed_or_has_no_outcome_is_an_error() -> None:
    incident, _, records = kept()
    at = records[-1].at

    def record(number: int, phase: Phase, **facts: Any) -> Record:
        return Record(number, "", at, MODEL, incident.id, "deploy", "share.set", phase, f"share/{number // 10}", 7, facts)

    tried = [record(11, Phase.INTENT), record(12, Phase.FAILURE, error="no such route"), record(20, Phase.INTENT)]
    spans = heal_trace(incident, Closing(Outcome.ESCALATED, at, "the heal broke", by_error=True), [*records[:3], *tried])
    assert [span.error for span in spans if span.error] == ["the heal broke", "no such route", "no outcome is recorded"]
    read = collected(posted(spans).asked[0][1])
    assert [each.status.message for each in read if each.status.code == Status.STATUS_CODE_ERROR] == [
        "the heal broke",
        "no such route",
        "no outcome is recorded",
    ]


def test_what_a_collector_left_out_is_said() -> None:
    partial: Answer = (200, {}, b'{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}')
    with answering([partial, OK]) as heard:
        sink = trace_sink({"MODELMEDIC_OTLP": heard.url})
        assert sink is not None
        assert [sink.send(heal_trace(*kept())) for _ in range(2)] == ["3 spans were left out (too old)", ""]


def test_a_collector_that_is_away_is_an_error_that_passes() -> None:
    with pytest.raises(Transient, match="the collector of traces at"):
        posted(heal_trace(*kept()), (503, {}, b""))


def test_the_standard_variables_name_a_collector_unless_they_ask_for_grpc() -> None:
    with answering() as heard:
        for environment in (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": heard.url},
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{heard.url}/v1/traces", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
        ):
            sink = trace_sink(environment)
            assert sink is not None
            sink.send(heal_trace(*kept()))
        assert [path for path, _ in heard.asked] == ["/v1/traces"] * 2
    assert trace_sink({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}) is None
    assert trace_sink({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317"}) is None, "set for others, and ends no command of ours"
    assert trace_sink({}) is None


def test_a_header_that_http_does_not_allow_is_refused_before_it_is_sent() -> None:
    with pytest.raises(BadInput, match="OTEL_EXPORTER_OTLP_HEADERS has the header 'key'"):
        trace_sink({"MODELMEDIC_OTLP": "http://otel:4318", "OTEL_EXPORTER_OTLP_HEADERS": "key=a%0ab"})


def test_an_address_that_is_none_is_refused_by_its_variable() -> None:
    with pytest.raises(BadInput, match="MODELMEDIC_OTLP is refused"):
        trace_sink({"MODELMEDIC_OTLP": "otel:4318"})

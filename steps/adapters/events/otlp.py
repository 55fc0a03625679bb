"""Traces to a collector by OpenTelemetry's protocol over HTTP, in its JSON encoding: ids as hex
digits, enumerations as numbers, 64-bit integers as text. Called by incidents/handing_over.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import unquote

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.contracts.codec import compact
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.trace import Attribute, Moment, Span

OTLP: Final = "MODELMEDIC_OTLP"
TRACES: Final = "/v1/traces"
_CONNECT, _ANSWER = 1.0, 3.0  # seconds
_HTTP: Final = ("http://", "https://")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INTERNAL, _ERROR = 1, 2  # of a span's kind and of its status


class OtlpTraces:
    """A TraceSink that posts to one address, which is used as it stands."""

    def __init__(self, url: str, variable: str = OTLP, headers: Mapping[str, str] | None = None) -> None:
        try:
            self._client = HttpClient(url, "the collector of traces", connect=_CONNECT, answer=_ANSWER, headers=headers)
        except BadInput as error:
            raise BadInput(f"{variable} is refused: {error}") from error

    def send(self, spans: Sequence[Span]) -> str:
        """Post the spans of a trace, and return what the collector says of those that it left out.
        Raises Transient, BadInput or Refused when it takes none.
        """
        body = compact(request(spans))
        answer = self._client.call("POST", body=body, headers={"content-type": "application/json"}, repeatable=True)
        return _left_out(answer.body)


def trace_sink(environment: Mapping[str, str] = os.environ) -> OtlpTraces | None:
    """The collector that the environment names: MODELMEDIC_OTLP, or OpenTelemetry's own variables
    where they name an http or https address and do not ask for gRPC. None where it names none.
    Raises BadInput for an address of ours that is none, and for headers that are none.
    """
    headers = _headers(environment.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or environment.get("OTEL_EXPORTER_OTLP_HEADERS", ""))
    if url := environment.get(OTLP):
        return OtlpTraces(f"{url.rstrip('/')}{TRACES}", OTLP, headers)
    spoken = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "")
    if spoken == "grpc":
        return None
    if (url := environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")).startswith(_HTTP):
        return OtlpTraces(url, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", headers)
    if (url := environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")).startswith(_HTTP):  # gRPC's are often host:4317
        return OtlpTraces(f"{url.rstrip('/')}{TRACES}", "OTEL_EXPORTER_OTLP_ENDPOINT", headers)
    return None


def request(spans: Iterable[Span]) -> dict[str, Any]:
    """An ExportTraceServiceRequest with all spans, in the JSON encoding."""
    ours = {"name": "modelmedic", "version": version("modelmedic")}
    resource = {"attributes": _attributes({"service.name": ours["name"], "service.version": ours["version"]})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": ours, "spans": [_span(each) for each in spans]}]}]}


def _span(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace,
        "spanId": span.id,
        **({"parentSpanId": span.parent} if span.parent else {}),
        "name": span.name,
        "kind": _INTERNAL,
        "startTimeUnixNano": _nanoseconds(span.start),
        "endTimeUnixNano": _nanoseconds(span.end),
        "attributes": _attributes(span.attributes),
        "events": [_event(each) for each in span.moments],
        "status": {"code": _ERROR, "message": span.error} if span.error else {},
    }


def _event(moment: Moment) -> dict[str, Any]:
    return {"timeUnixNano": _nanoseconds(moment.at), "name": moment.name, "attributes": _attributes(moment.attributes)}


def _attributes(named: Mapping[str, Attribute]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in named.items()]


def _value(value: Attribute) -> dict[str, Any]:
    if isinstance(value, bool):  # which is an int as well
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    return {"arrayValue": {"values": [{"stringValue": each} for each in value]}}


def _nanoseconds(at: datetime) -> str:
    return str((at - _EPOCH) // timedelta(microseconds=1) * 1000)


def _headers(stated: str) -> dict[str, str]:
    """`name=value` pairs between commas, as W3C Baggage writes them. Raises BadInput for a header
    that HTTP does not allow.
    """
    pairs = (pair.partition("=") for pair in stated.split(",") if "=" in pair)
    found = {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}
    for name, value in found.items():
        if not (name.isascii() and name.isprintable() and name and " " not in name and value.isascii() and value.isprintable()):
            raise BadInput(f"OTEL_EXPORTER_OTLP_HEADERS has the header {name[:80]!r}; expected name=value pairs of printable ASCII")
    return found


def _left_out(body: bytes) -> str:
    """The words of a partial success; empty when all was taken, or the answer says nothing."""
    try:
        answer = json.loads(body or b"{}")
    except ValueError:
        return ""
    partial = answer.get("partialSuccess") if isinstance(answer, dict) else None
    if not isinstance(partial, dict) or not (left := partial.get("rejectedSpans") or 0) or int(left) == 0:
        return ""
    return f"{left} spans were left out ({str(partial.get('errorMessage') or 'and no reason')[:200]})"

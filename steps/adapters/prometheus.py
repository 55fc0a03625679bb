"""Samples to Prometheus: a text file for node exporter's collector, or a Pushgateway."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway, write_to_textfile

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.contracts.errors import ModelmedicError, Transient
from modelmedic.steps.contracts.keys import slug
from modelmedic.steps.contracts.redaction import redact_texts
from modelmedic.steps.contracts.samples import Publisher, Sample

PUSHGATEWAY = "MODELMEDIC_PUSHGATEWAY"
_TIMEOUT = 10.0  # seconds


class TextFile:
    """One file per job and model in `folder`, replaced by a rename."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def publish(self, job: str, model: str | None, samples: Sequence[Sample]) -> None:
        path = self._folder / (f"{job}-{slug(model)}.prom" if model is not None else f"{job}.prom")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_to_textfile(str(path), _registry(model, samples))
        except OSError as error:
            raise Transient(f"metrics cannot be written to {path}: {error}") from error


class Pushgateway:
    """One group per job and model, replaced as a whole; what is of no one model has a group of its
    job alone.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def publish(self, job: str, model: str | None, samples: Sequence[Sample]) -> None:
        group = {"model": model} if model is not None else {}
        try:
            push_to_gateway(self._url, job, _registry(model, samples), grouping_key=group, timeout=_TIMEOUT, handler=_send)
        except (ModelmedicError, ValueError) as error:
            raise Transient(f"metrics cannot be pushed: {error}; expected {PUSHGATEWAY} to name a Pushgateway") from error


def publisher(folder: Path, environment: Mapping[str, str] = os.environ) -> Publisher:
    """The Pushgateway that the environment names, else text files in `folder`."""
    url = environment.get(PUSHGATEWAY, "")
    return Pushgateway(url) if url else TextFile(folder)


def _send(url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes) -> Callable[[], None]:
    """A handler of prometheus_client's pushes."""

    def send() -> None:
        with HttpClient(url, "the Pushgateway", answer=timeout or _TIMEOUT) as client:
            client.call(method, body=data, headers=dict(headers))

    return send


def _registry(model: str | None, samples: Sequence[Sample]) -> CollectorRegistry:
    registry = CollectorRegistry()
    gauges: dict[str, Gauge] = {}
    for sample in samples:
        metric = sample.metric
        if metric.name not in gauges:
            gauges[metric.name] = Gauge(metric.name, metric.help, metric.labels, registry=registry)
        gauge = gauges[metric.name]
        labels = redact_texts({"model": model or "", **sample.labels})
        (gauge.labels(**{name: labels[name] for name in metric.labels}) if metric.labels else gauge).set(sample.value)
    return registry

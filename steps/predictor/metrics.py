"""A predictor's own Prometheus metrics, beside KServe's histograms."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from modelmedic.steps.adapters.predictor.counters import RECENT_P95, REQUESTS
from modelmedic.steps.core.statistics.latency import p95
from modelmedic.steps.predictor.inference_log import LogCounts

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_RECENT = 500  # requests whose times are kept: a histogram knows no "lately", and only its buckets


@dataclass(frozen=True, slots=True)
class Identity:
    """The model that answers, as metrics and metadata name it."""

    model: str
    version: str
    digest: str
    format: str = ""
    unpickled: bool = False


class Metrics:
    """Counters of one predictor; replayed requests are counted apart and nowhere else."""

    def __init__(self, identity: Identity, log: Callable[[], LogCounts], registry: CollectorRegistry = REGISTRY) -> None:
        self._labels = {"model": identity.model, "version": identity.version}
        names = tuple(self._labels)
        self._requests = Counter(REQUESTS, "Prediction requests by HTTP status.", (*names, "code"), registry=registry)
        self._rows = Counter("modelmedic_rows", "Rows answered.", names, registry=registry).labels(**self._labels)
        self._failures = Counter("modelmedic_request_failures", "Requests not answered with 2xx.", (*names, "code"), registry=registry)
        self._replays = Counter("modelmedic_replays", "Replayed requests.", (*names, "code"), registry=registry)
        seconds = Histogram("modelmedic_request_seconds", "Time of a prediction request.", names, buckets=_SECONDS, registry=registry)
        self._seconds = seconds.labels(**self._labels)
        info = Gauge(
            "modelmedic_model_info", "1 for the model that is served.", (*names, "digest", "format", "unpickled"), registry=registry
        )
        info.labels(
            **self._labels, digest=identity.digest, format=identity.format, unpickled="true" if identity.unpickled else "false"
        ).set(1)
        self._recent: deque[float] = deque(maxlen=_RECENT)
        registry.register(_RecentCollector(self._labels, self._recent))
        registry.register(_LogCollector(self._labels, log))

    def answered(self, code: int, rows: int, seconds: float, *, replay: bool) -> None:
        if replay:
            self._replays.labels(**self._labels, code=str(code)).inc()
            return
        self._requests.labels(**self._labels, code=str(code)).inc()
        self._seconds.observe(seconds)
        self._recent.append(seconds)
        if 200 <= code < 300:
            self._rows.inc(rows)
        else:
            self._failures.labels(**self._labels, code=str(code)).inc()


class _RecentCollector:
    """The 95th percentile of the last requests; absent before the first."""

    def __init__(self, labels: dict[str, str], recent: deque[float]) -> None:
        self._names, self._values = list(labels), list(labels.values())
        self._recent = recent

    def collect(self) -> Iterator[Metric]:
        slowest = p95(self._recent.copy())
        if slowest is not None:
            family = GaugeMetricFamily(RECENT_P95, f"95th percentile of the last {_RECENT} requests at most.", labels=self._names)
            family.add_metric(self._values, slowest)
            yield family

    def describe(self) -> list[Metric]:
        return []


class _LogCollector:
    """Reads the log's own counters when Prometheus asks."""

    def __init__(self, labels: dict[str, str], counts: Callable[[], LogCounts]) -> None:
        self._names, self._values = list(labels), list(labels.values())
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        counts = self._counts()
        for name, text, value in (
            ("modelmedic_log_rows_written", "Rows of the inference log that the store has.", counts.written),
            ("modelmedic_log_rows_dropped", "Rows of the inference log that were lost.", counts.dropped),
        ):
            family = CounterMetricFamily(name, text, labels=self._names)
            family.add_metric(self._values, value)
            yield family
        pending = GaugeMetricFamily("modelmedic_log_rows_pending", "Rows of the inference log that wait.", labels=self._names)
        pending.add_metric(self._values, counts.pending)
        yield pending

    def describe(self) -> list[Metric]:
        return []

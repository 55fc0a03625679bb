"""The worlds in which the suite of the port of a service's health runs: in memory, a predictor's
/metrics on this machine, and a Prometheus whose past was written by promtool.
"""

import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.local_serving.health import Counted, LocalHealth
from modelmedic.steps.adapters.predictor.client import metrics_page
from modelmedic.steps.adapters.predictor.counters import read_traffic
from modelmedic.steps.adapters.prometheus_queries import PrometheusHealth
from modelmedic.steps.contracts.ports import ServiceHealth
from modelmedic.steps.contracts.window import Window
from tests.fakes.health import Asked, FakeHealth
from tests.fakes.programs import PROMETHEUS, PROMTOOL, serving
from tests.worlds.played import NOW

EVERY = timedelta(minutes=1)  # between two looks
Health = Callable[[Sequence[Asked]], ServiceHealth]


def metrics(asked: Sequence[Asked], version: str, by: datetime, *, stamped: bool = False) -> list[str]:
    """The lines of a predictor's /metrics at one moment, which counts since it came up."""
    counts: Counter[int] = Counter({200: 0, 500: 0})
    slowest = None
    for each in asked:
        if each.version == version and each.at <= by:
            counts[each.code] += each.requests
            slowest = each.p95_ms / 1000
    labels, stamp = f'model="churn",version="{version}"', f" {by.timestamp():.0f}" if stamped else ""
    lines = [f'modelmedic_requests_total{{{labels},code="{code}"}} {count}{stamp}' for code, count in counts.items()]
    return lines + ([f"modelmedic_recent_p95_seconds{{{labels}}} {slowest}{stamp}"] if slowest is not None else [])


@contextmanager
def in_memory(_: Path) -> Iterator[Health]:
    yield FakeHealth


@contextmanager
def on_this_machine(folder: Path) -> Iterator[Health]:
    """Predictors' pages from a server on this machine, looked at every minute."""
    clock, past = PlayedClock(NOW - timedelta(hours=3)), list[Asked]()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            version = self.path.split("/")[1]
            self.send_response(200)
            self.end_headers()
            self.wfile.write("\n".join([*metrics(past, version, clock.now()), ""]).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: ARG002 - the base class's signature
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()

        def read(version: str) -> Counted | None:
            known = any(each.version == version for each in past)
            return (
                (f"predictor-{version}", read_traffic(metrics_page(f"http://127.0.0.1:{server.server_port}/{version}"))) if known else None
            )

        def health(asked: Sequence[Asked]) -> LocalHealth:
            past.extend(asked)
            made = LocalHealth(read, folder / "health.json", clock)
            moments = sorted({each.at for each in asked} | {NOW - timedelta(minutes=10), NOW})
            for at in moments:
                clock.sleep(at - clock.now())
                for version in {each.version for each in asked if each.at <= at}:
                    made.between(version, Window(at - EVERY, at))
            return made

        try:
            yield health
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def at_prometheus(folder: Path) -> Iterator[Health]:
    """A real Prometheus that has scraped the predictors every minute."""
    if PROMETHEUS is None or PROMTOOL is None:
        pytest.skip("prometheus and promtool are not on PATH")
    prometheus, promtool = PROMETHEUS, PROMTOOL
    with ExitStack() as started:

        def health(asked: Sequence[Asked]) -> PrometheusHealth:
            past, data, config = folder / "past.txt", folder / "data", folder / "prometheus.yaml"
            past.write_text("\n".join([*_past(asked), "# EOF", ""]))
            subprocess.run([promtool, "tsdb", "create-blocks-from", "openmetrics", str(past), str(data)], check=True, capture_output=True)
            config.write_text("global: {}\n")
            flags = [f"--config.file={config}", f"--storage.tsdb.path={data}", "--storage.tsdb.retention.time=100y"]
            return PrometheusHealth(started.enter_context(serving(prometheus, *flags)), "churn")

        yield health


def _past(asked: Sequence[Asked]) -> Iterator[str]:
    """The samples of three hours in OpenMetrics, one family after the other."""
    versions = sorted({each.version for each in asked})
    moments = [NOW - timedelta(hours=3) + number * EVERY for number in range(181)]
    lines = [line for version in versions for at in moments for line in metrics(asked, version, at, stamped=True)]
    for family, kind in (("modelmedic_requests", "counter"), ("modelmedic_recent_p95_seconds", "gauge")):
        yield f"# TYPE {family} {kind}"
        yield from sorted((line for line in lines if line.startswith(family)), key=lambda line: line.partition("}")[0])  # by time in each

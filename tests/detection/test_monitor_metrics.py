"""The monitor's samples for Prometheus: every metric that it has to push, the alarm only when it
persists, and never its own end.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from modelmedic.steps.adapters.prometheus import Pushgateway, TextFile, publisher
from modelmedic.steps.contracts import metrics as m
from modelmedic.steps.contracts.keys import expected_losses_key
from modelmedic.steps.core.detection.expected_loss import LEAST_WINDOWS
from modelmedic.steps.detection.expected_loss import PastRises, WindowRise
from modelmedic.steps.detection.metrics import monitor_samples, publish_verdict
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.records.documents import put
from tests.data.log import DAY, policy
from tests.detection.test_monitor import older, turned, without_region
from tests.worlds.detection import MonitoredSite, monitored_site

Values = dict[tuple[str, ...], float]


def published(path: Path) -> dict[str, Values]:
    families = text_string_to_metric_families(path.read_text())
    return {f.name: {tuple(sorted(s.labels.values())): s.value for s in f.samples} for f in families}


def told(here: MonitoredSite, folder: Path, day: float) -> dict[str, Values]:
    assert publish_verdict(here.site, monitor(here.site, here.at(day)), TextFile(folder))
    return published(folder / "modelmedic-monitor-loans.prom")


def test_every_metric_of_the_monitor_is_there(tmp_path: Path) -> None:
    here = monitored_site(tmp_path, policy(retrain={"history": "7d"}))  # rows of a week are history enough for pilots
    here.serve(0)
    here.serve(7, change=lambda table: without_region(turned(table)))
    put(here.site.store, expected_losses_key("loans"), PastRises((WindowRise(here.at(0), 0.0),) * LEAST_WINDOWS))
    names = {sample.metric for day in (7, 14) for sample in monitor_samples(here.site, monitor(here.site, here.at(day)))}
    assert names == set(m.PUSHED[m.MONITOR_JOB])


def test_the_alarm_is_raised_once_it_persists(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.serve(0, change=older)
    here.serve(7, change=older)
    first, second = (told(here, tmp_path / "metrics", day)[m.ALARM.name] for day in (7, 14))
    assert first == {("broken", "loans"): 0, ("degraded", "loans"): 0, ("drifted", "loans"): 0}
    assert second == {("broken", "loans"): 0, ("degraded", "loans"): 0, ("drifted", "loans"): 1}


def test_effects_are_shares_of_their_thresholds(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.serve(0, change=older)
    effects = told(here, tmp_path, 7)[m.EFFECT.name]
    assert effects["age", "loans"] > 2
    assert effects["income", "loans"] < 1


def test_labels_that_stop_arriving_fall_behind(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.serve(0)
    here.serve(7, late=90 * DAY)
    assert told(here, tmp_path, 7)[m.LABEL_LAG.name]["loans",] < 3600
    late = told(here, tmp_path, 14)
    assert late[m.LABEL_LAG.name]["loans",] > 4 * 86_400
    assert late[m.LABELLED.name]["loans",] < 0.4


def test_the_budget_is_the_share_of_degraded_windows(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.serve(0, days=9)
    here.serve(9, change=turned)
    assert told(here, tmp_path, 9)[m.BUDGET.name]["loans",] == 0
    assert told(here, tmp_path, 18)[m.BUDGET.name]["loans",] == 0.5


@contextmanager
def gateway() -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    received: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            received.append((self.command, self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        do_POST = do_PUT = answer

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


def test_a_pushgateway_gets_one_group_per_job_and_model(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.serve(0)
    with gateway() as (url, received):
        assert publish_verdict(here.site, monitor(here.site, here.at(7)), publisher(tmp_path, {"MODELMEDIC_PUSHGATEWAY": url}))
    (method, path, body) = received[0]
    assert (method, path) == ("PUT", "/metrics/job/modelmedic-monitor/model/loans")
    assert b'modelmedic_verdict{model="loans",state="quiet",version="1"} 1.0' in body


def test_a_gateway_that_is_away_ends_no_monitor(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.serve(0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        away = Pushgateway(f"http://127.0.0.1:{free.getsockname()[1]}")
        said: list[str] = []
        here.site.say = said.append
        assert not publish_verdict(here.site, monitor(here.site, here.at(7)), away)
    assert "MODELMEDIC_PUSHGATEWAY" in said[-1]

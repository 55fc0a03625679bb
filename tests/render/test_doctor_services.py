"""doctor's answers about the services: by a real Prometheus and Pushgateway, an S3 server, and what
the API server's proxy passes on.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import tenacity
from click.testing import CliRunner

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.adapters.prometheus import Pushgateway
from modelmedic.steps.contracts import metrics as m
from modelmedic.steps.contracts.errors import ModelmedicError, NotFound, Refused, Transient
from modelmedic.steps.contracts.samples import Sample
from modelmedic.workflows.cli import main
from modelmedic.workflows.inputs.platform import Peer, Peers, Platform, Services
from modelmedic.workflows.operations.inspection import MISSING, OK, UNKNOWN, Inspection
from modelmedic.workflows.operations.services import services
from tests.adapters.store.s3_server import FaultyS3, client
from tests.fakes.http_server import answering
from tests.fakes.programs import PROMETHEUS, PUSHGATEWAY, missing, prometheus, pushgateway

SCRAPED = "Prometheus scrapes the Pushgateway"
PREDICTORS = "Prometheus scrapes the predictors"


class Proxy:
    """The Kubernetes API as the services are asked through it."""

    def __init__(self, answers: dict[str, Any], pods: tuple[str, ...] = ("prometheus-0",), models: tuple[str, ...] = ()) -> None:
        self.answers, self.pods, self.models = answers, pods, models

    def get(self, path: str) -> Any:
        for end, answer in self.answers.items():
            if path.endswith(end):
                if isinstance(answer, ModelmedicError):
                    raise answer
                return answer
        raise NotFound(f"{path} is not there")

    def listed(self, path: str, selector: str = "") -> Any:
        if path.endswith("inferenceservices"):
            return [{"metadata": {"labels": {"modelmedic.io/model": model}}} for model in self.models]
        assert selector == "app.kubernetes.io/name=prometheus"
        return [{"metadata": {"name": name}} for name in self.pods]


def result(*series: tuple[dict[str, str], str]) -> Any:
    return {
        "status": "success",
        "data": {"resultType": "vector", "result": [{"metric": labels, "value": [1, value]} for labels, value in series]},
    }


def healthy() -> dict[str, Any]:
    """What each path ends with, and the answer."""
    return {
        "/services/http:mlflow:5000/proxy/api/2.0/mlflow/registered-models/search?max_results=1": {},
        "/services/http:pushgateway:9091/proxy/api/v1/status": {"status": "success"},
        "/pods/prometheus-0:9090/proxy/api/v1/query?query=up": result(
            ({"instance": "events:7777"}, "1"), ({"instance": "pushgateway:9091"}, "1")
        ),
        "query=pushgateway_build_info": result(({"instance": "pushgateway:9091"}, "1")),
        "query=modelmedic_model_info": result(({"model": "churn"}, "1")),
        "%22%7D": result(),
    }


def asked(proxy: Any, **named: str) -> dict[str, Inspection]:
    return {answer.subject: answer for answer in services(Platform(), proxy, named)}


def states(proxy: Any, **named: str) -> dict[str, str]:
    return {subject: answer.state for subject, answer in asked(proxy, **named).items()}


def test_services_inside_of_the_cluster_are_asked_through_the_api_server() -> None:
    found = states(Proxy(healthy(), models=("churn",)))
    assert found.pop("object store") == UNKNOWN
    assert set(found.values()) == {OK}
    assert len(found) == 6


@pytest.mark.parametrize(("gone", "subject"), [("registered-models/search?max_results=1", "MLflow"), ("/api/v1/status", "Pushgateway")])
def test_a_service_that_does_not_answer_is_missing_and_one_that_may_not_be_asked_is_unknown(gone: str, subject: str) -> None:
    path = next(each for each in healthy() if each.endswith(gone))
    assert states(Proxy({**healthy(), path: NotFound("no such Service")}))[subject] == MISSING
    assert states(Proxy({**healthy(), path: Refused("no right")}))[subject] == UNKNOWN


def test_a_service_that_the_api_server_alone_does_not_reach_is_unknown() -> None:
    path = next(each for each in healthy() if each.endswith("/api/v1/status"))
    cut = Transient("GET … was answered 503: error trying to reach service: dial tcp 10.0.0.1:9091: i/o timeout")
    assert states(Proxy({**healthy(), path: cut}))["Pushgateway"] == UNKNOWN


def test_a_prometheus_without_a_pod_is_missing() -> None:
    found = asked(Proxy(healthy(), pods=()))["Prometheus"]
    assert (found.state, "peers.prometheus" in found.remedy) == (MISSING, True)


def test_an_answer_that_is_none_of_prometheus_is_told() -> None:
    up = next(path for path in healthy() if path.endswith("query=up"))
    found = asked(Proxy({**healthy(), up: {"status": "error"}}))["Prometheus"]
    assert (found.state, found.sentence) == (MISSING, "does not answer: the answer has no data.result")


def test_a_predictor_that_is_not_scraped_is_named() -> None:
    found = asked(Proxy(healthy(), models=("bikes", "churn")))[PREDICTORS]
    assert (found.state, found.sentence) == (MISSING, "not those of bikes")


def test_without_a_cluster_and_an_address_nothing_is_called_missing() -> None:
    assert set(states(None).values()) == {UNKNOWN}


def test_a_prometheus_outside_of_the_cluster_has_to_be_named() -> None:
    outside = Platform(peers=Peers(prometheus=Peer(cidr="10.1.2.3/32", port=9090)))
    assert [each.state for each in services(outside, Proxy(healthy()), {}) if each.subject == "Prometheus"] == [UNKNOWN]  # type: ignore[arg-type]


def test_a_service_with_an_address_of_its_own_is_asked_there() -> None:
    with answering([(200, {}, b"{}")]) as heard:
        platform = Platform(services=Services(registry=f"{heard.url}/mlflow", pushgateway="http://127.0.0.1:9"))
        found = {each.subject: each.state for each in services(platform, None, {})}
    assert (found["MLflow"], found["Pushgateway"]) == (OK, MISSING)
    assert [path for path, _ in heard.asked] == ["/mlflow/api/2.0/mlflow/registered-models/search?max_results=1"]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with FaultyS3().running() as server:
        client(server.url).create_bucket(Bucket="modelmedic")
        yield server


def test_the_store_is_tried_at_the_named_address(s3: FaultyS3) -> None:
    assert states(None, store=s3.url)["object store"] == OK
    assert s3.writes > 0


def test_a_store_that_ignores_conditions_is_missing_something(s3: FaultyS3) -> None:
    s3.deaf = ("HTTP_IF_MATCH",)
    found = asked(None, store=s3.url)["object store"]
    assert (found.state, "expected an older object" in found.sentence) == (MISSING, True)


def test_an_address_of_a_store_where_nothing_answers_is_missing(s3: FaultyS3) -> None:
    elsewhere = Platform(services=Services(store="s3://nowhere"))
    found = next(services(elsewhere, None, {"store": s3.url}))
    assert (found.state, "no such bucket" in found.sentence) == (MISSING, True)


@pytest.mark.parametrize("place", ["s3=http://a", "store", "store=a:9000", "store="])
def test_a_place_that_names_no_service_or_no_address_is_refused(place: str) -> None:
    done = CliRunner().invoke(main, ["doctor", "--at", place])
    assert done.exit_code == 65
    assert "expected SERVICE=URL with one of store, registry, pushgateway, prometheus" in str(done.output)


def _scraping(gateway: str, honor: bool) -> str:
    target = {"job_name": "gateway", "honor_labels": honor, "static_configs": [{"targets": [gateway.removeprefix("http://")]}]}
    return json.dumps({"global": {"scrape_interval": "100ms", "scrape_timeout": "100ms"}, "scrape_configs": [target]})


@tenacity.retry(
    wait=tenacity.wait_fixed(0.05), stop=tenacity.stop_after_delay(20), retry=tenacity.retry_if_result(lambda answer: not answer)
)
def _scraped(url: str) -> Any:
    with HttpClient(url, "Prometheus") as at:
        return at.call_json("GET", "/api/v1/query?query=up")["data"]["result"]


@pytest.mark.slow  # Prometheus begins to scrape five seconds after its start
@pytest.mark.skipif(missing(PROMETHEUS, PUSHGATEWAY), reason="Debian's packages prometheus and prometheus-pushgateway are not installed")
def test_a_real_prometheus_says_whether_it_scrapes_the_pushgateway_as_it_must(tmp_path: Path) -> None:
    with ExitStack() as stack:
        gateway = stack.enter_context(pushgateway())
        Pushgateway(gateway).publish(m.MONITOR_JOB, "churn", [Sample(m.WINDOW_ROWS, 5.0)])
        found = {}
        ways = {"right": (gateway, True), "renamed": (gateway, False), "away": ("http://127.0.0.1:9", True)}
        urls = {way: stack.enter_context(prometheus(tmp_path / way / "data", _scraping(*how))) for way, how in ways.items()}
        for way, url in urls.items():
            _scraped(url)
            at = Platform(services=Services(pushgateway=ways[way][0]))
            found[way] = {each.subject: each for each in services(at, None, {"prometheus": url})}
    assert {way: each[SCRAPED].state for way, each in found.items()} == {"right": OK, "renamed": MISSING, "away": MISSING}
    assert found["renamed"][SCRAPED].remedy.startswith("set honor_labels")
    assert found["away"][SCRAPED].sentence == "no: 127.0.0.1:9 does not answer it"
    assert {way: each["Pushgateway"].state for way, each in found.items()} == {"right": OK, "renamed": OK, "away": MISSING}

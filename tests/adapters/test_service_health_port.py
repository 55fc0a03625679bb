"""The rules of whatever knows the health of a service: requests and failures of one version in a
span of time, and what its requests took.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.local_serving.health import Counted, LocalHealth
from modelmedic.steps.adapters.prometheus_queries import PrometheusHealth
from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.serving import Traffic
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.runtime.workspace import Workspace
from tests.fakes.health import Asked
from tests.fakes.http_server import Answer, answering
from tests.worlds.health import Health, at_prometheus, in_memory, on_this_machine
from tests.worlds.played import NOW, policy

LATELY = Window(NOW - timedelta(minutes=10), NOW)
_WORLDS = {"memory": in_memory, "machine": on_this_machine, "prometheus": at_prometheus}


@pytest.fixture(params=sorted(_WORLDS))
def health(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Health]:
    with _WORLDS[request.param](tmp_path) as made:
        yield made


def _each_minute(version: str, first: int, last: int, requests: int, code: int = 200, p95_ms: float = 20.0) -> list[Asked]:
    """Requests every minute from `first` to `last` minutes before now."""
    return [Asked(NOW - timedelta(minutes=minutes), version, requests, code, p95_ms) for minutes in range(first, last - 1, -1)]


def test_requests_and_failures_in_the_window_are_counted_and_those_before_it_are_not(health: Health) -> None:
    asked = [*_each_minute("2", 60, 11, 50, 500), *_each_minute("2", 10, 0, 20), *_each_minute("2", 9, 0, 4, 503)]
    seen = health(sorted(asked, key=lambda each: each.at)).between("2", LATELY)
    assert seen is not None
    assert seen.requests == pytest.approx(240, rel=0.15)
    assert seen.failures == pytest.approx(40, rel=0.15)


def test_a_version_that_nobody_asked_is_not_known(health: Health) -> None:
    assert health(_each_minute("2", 60, 0, 20)).between("9", LATELY) is None


def test_versions_are_counted_apart(health: Health) -> None:
    asked = sorted([*_each_minute("1", 60, 0, 20), *_each_minute("2", 60, 0, 20, 500)], key=lambda each: each.at)
    made = health(asked)
    first, second = made.between("1", LATELY), made.between("2", LATELY)
    assert first is not None
    assert second is not None
    assert (first.failures, second.failures) == (0, second.requests)


def test_requests_that_a_caller_got_wrong_are_no_failures(health: Health) -> None:
    seen = health(_each_minute("2", 60, 0, 20, 422)).between("2", LATELY)
    assert seen is not None
    assert (seen.requests > 0, seen.failures) == (True, 0)


def test_what_the_requests_of_the_window_took_is_known(health: Health) -> None:
    asked = [*_each_minute("2", 90, 30, 20, p95_ms=20), *_each_minute("2", 29, 0, 20, p95_ms=900)]
    seen = health(asked).between("2", LATELY)
    assert seen is not None
    assert seen.latency_p95_ms == pytest.approx(900)


def test_the_past_of_a_version_is_known_after_another_took_its_place(health: Health) -> None:
    asked = [*_each_minute("1", 90, 30, 20), *_each_minute("2", 29, 0, 20, 500)]
    before = health(asked).between("1", Window(NOW - timedelta(minutes=89), NOW - timedelta(minutes=29)))
    assert before is not None
    assert before.requests == pytest.approx(1200, rel=0.1)
    assert before.failures == 0


def test_a_window_that_ends_now_holds_the_look_that_is_made_for_it(tmp_path: Path) -> None:
    """A real clock has moved on by the time at which a predictor answers."""
    clock = PlayedClock(NOW)

    def read(_version: str) -> Counted:
        clock.sleep(timedelta(seconds=1))
        return "predictor-1", Traffic(50, 5, 20.0)

    seen = LocalHealth(read, tmp_path / "health.json", clock).between("2", LATELY)
    assert seen == Traffic(50, 5, 20.0)


@pytest.mark.parametrize(
    "answer",
    [(503, {}, b"it starts"), (200, {}, b"<html>"), (200, {}, b'{"status": "success"}'), (404, {}, b"")],
    ids=["away", "no JSON", "no data", "no Prometheus"],
)
def test_a_prometheus_that_does_not_answer_is_a_transient_error_that_names_it(answer: Answer) -> None:
    with answering([answer]) as server, pytest.raises(Transient, match="expected MODELMEDIC_PROMETHEUS to name a Prometheus"):
        PrometheusHealth(server.url, "churn").between("2", LATELY)


def test_the_prometheus_that_the_environment_names_is_asked_about_the_model_and_the_version(tmp_path: Path) -> None:
    body = b'{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "300"]}]}}'
    with answering([(200, {}, body)]) as server:
        health = Workspace(tmp_path, {"MODELMEDIC_PROMETHEUS": server.url, "MODELMEDIC_SERVING": "kserve"}).health_of(
            policy(), PlayedClock(NOW)
        )
        assert health is not None
        seen = health.between("2", LATELY)
    assert seen == Traffic(300, 300, 300_000.0)
    assert all("churn" in path and "version%3D%222%22" in path for path, _ in server.asked)


def test_in_a_cluster_without_a_prometheus_nobody_knows_and_on_a_laptop_the_predictors_do(tmp_path: Path) -> None:
    clock = PlayedClock(NOW)
    assert Workspace(tmp_path, {"MODELMEDIC_SERVING": "kserve"}).health_of(policy(), clock) is None
    here = Workspace(tmp_path, {}).health_of(policy(), clock)
    assert isinstance(here, LocalHealth)
    assert here.between("2", LATELY) is None

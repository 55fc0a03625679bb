"""A predictor's counters are read back as they were counted."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from modelmedic.steps.adapters.predictor.counters import read_traffic
from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.serving import Traffic
from modelmedic.steps.predictor.inference_log import LogCounts
from modelmedic.steps.predictor.metrics import Identity, Metrics


def _page(*answers: tuple[int, float, bool]) -> str:
    registry = CollectorRegistry()
    metrics = Metrics(Identity("m", "1", "d"), LogCounts, registry)
    for code, seconds, replay in answers:
        metrics.answered(code, 1, seconds, replay=replay)
    return generate_latest(registry).decode()


def test_a_refused_request_is_no_failure_and_a_replay_no_request() -> None:
    seen = read_traffic(_page((200, 0.01, False), (400, 0.01, False), (500, 0.01, False), (503, 0.01, False), (500, 0.01, True)))
    assert (seen.requests, seen.failures) == (4, 2)


def test_the_time_is_of_recent_requests() -> None:
    page = _page(*((200, 9.0, False) for _ in range(100)), *((200, 0.02, False) for _ in range(500)))
    assert read_traffic(page).latency_p95_ms == pytest.approx(20)


def test_before_the_first_request_there_is_no_time() -> None:
    assert read_traffic(_page()) == Traffic(0, 0, None)


@pytest.mark.parametrize("page", ["", "up 1\n", "<html>"])
def test_a_page_that_is_not_a_predictors_tells_nothing(page: str) -> None:
    with pytest.raises(Transient):
        read_traffic(page)

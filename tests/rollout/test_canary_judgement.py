"""A canary passes on what it answered; silence holds and then takes it back; a fault takes it back
at once.
"""

import dataclasses
import math
from datetime import timedelta

import pytest

from modelmedic.steps.contracts.policy import Rollout
from modelmedic.steps.contracts.serving import Traffic
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.rollout.canary_judgement import DarkReplay, judge_replay, judge_share, share_begun, traffic_between

ROLLOUT = Rollout(steps=(20,), hold=timedelta(minutes=5), deadline=timedelta(hours=1), minRequests=100, maxErrorShare=0.01)
GOOD = DarkReplay(Task.BINARY, (0.1, 0.9), (0.1, 0.9), version="2", asked_for="2", p95_ms=20.0, champion_p95_ms=20.0)


def share(canary: Traffic | None, minutes: float = 10, champion: Traffic | None = None) -> str:
    return judge_share(canary, champion, ROLLOUT, 200.0, 20, timedelta(minutes=minutes)).verdict


def test_enough_good_answers_for_long_enough_pass() -> None:
    assert share(Traffic(100, 0, 30.0)) == "pass"


def test_enough_answers_too_soon_hold() -> None:
    assert share(Traffic(500, 0, 30.0), minutes=4) == "hold"


@pytest.mark.parametrize("canary", [None, Traffic(0, 0), Traffic(99, 0, 30.0)], ids=["unreachable", "no traffic", "too little"])
def test_what_cannot_be_judged_holds_and_is_taken_back_at_the_deadline(canary: Traffic | None) -> None:
    assert (share(canary, minutes=10), share(canary, minutes=60)) == ("hold", "withdraw")


def test_failures_beyond_the_share_take_it_back_before_it_has_answered_enough() -> None:
    assert share(Traffic(20, 3, 30.0), minutes=1) == "withdraw"


def test_a_single_failure_in_few_requests_is_not_believed_yet() -> None:
    assert share(Traffic(20, 1, 30.0), minutes=1) == "hold"


def test_slow_answers_take_it_back_unless_the_champion_is_as_slow() -> None:
    slow = Traffic(200, 0, 400.0)
    assert share(slow) == "withdraw"
    assert share(slow, champion=Traffic(800, 0, 390.0)) == "pass"


def test_a_restarted_predictor_counts_from_zero() -> None:
    assert traffic_between(Traffic(5, 1), Traffic(100, 0)) == Traffic(5, 1)
    assert traffic_between(Traffic(150, 2), Traffic(100, 1)) == Traffic(50, 1)


def test_the_predictions_of_validation_pass_dark() -> None:
    assert judge_replay(GOOD, 200.0).verdict == "pass"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": "1"}, "says that it is version 1"),
        ({"served": (0.1, 0.8)}, "serves differently"),
        ({"served": (0.1, math.nan)}, "no prediction"),
        ({"served": (0.1, 1.7)}, "no prediction"),
        ({"recent": (0.5, math.inf)}, "no prediction"),
        ({"expected": (), "served": ()}, "no request to replay"),
        ({"p95_ms": 500.0}, "p95 is 500 ms"),
    ],
)
def test_a_dark_canary_that_differs_from_what_was_validated_is_taken_back(change: dict[str, object], why: str) -> None:
    judgement = judge_replay(dataclasses.replace(GOOD, **change), 200.0)
    assert judgement.verdict == "withdraw"
    assert why in judgement.sentence


def test_whoever_waits_for_a_canary_is_told_what_it_waits_for() -> None:
    rollout = Rollout(steps=(50,), minRequests=20, hold=timedelta(hours=12), deadline=timedelta(days=5))
    assert share_begun(50, rollout) == (
        "the canary answers 50 % of the traffic from now on; it is judged after 12h at the earliest, once it has answered 20 requests, "
        "and taken back if it cannot be judged within 5d"
    )

"""A policy that asks for more rows than come is told so, with the numbers; sizes that are made for
a rate can be had at it.
"""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmedic.steps.core.scaffold.attainable import unattainable
from modelmedic.steps.core.scaffold.rate import RowRate
from modelmedic.steps.core.scaffold.sizes import FEWEST, sizes
from tests.data.log import policy

HOURLY = RowRate(np.arange(0, 90 * 24) * 3600.0)
BUSY = RowRate(np.arange(0, 90 * 24 * 60) * 60.0, weight=50)
WHERE_IT_LEARNS = {"history": "365d"}


def told(rate: RowRate, **sections: Any) -> dict[str, str]:
    return dict(unattainable(policy(**sections), rate))


def test_a_canary_of_24_rows_a_day_answers_no_hundred_requests_in_an_hour() -> None:
    said = told(HOURLY, detect={"minRows": 100}, retrain=WHERE_IT_LEARNS)
    assert list(said) == ["rollout.minRequests"]
    assert said["rollout.minRequests"].startswith(
        "No challenger can pass: 24 rows a day, and 100 are asked for within an hour. Set rollout.minRequests and rollout.deadline"
    )
    assert said["rollout.minRequests"].endswith("steps [50], minRequests 20 and deadline 5d can pass")


def test_enough_rows_of_which_the_canary_gets_too_few_are_told_with_its_share() -> None:
    said = told(HOURLY, detect={"minRows": 100}, retrain=WHERE_IT_LEARNS, rollout={"steps": (10,), "minRequests": 20, "deadline": "2d"})
    assert "24 rows a day, of which the canary answers 10 %, and 20 are asked for within 2d" in said["rollout.minRequests"]


def test_without_steps_no_requests_are_asked_for() -> None:
    assert told(HOURLY, detect={"minRows": 100}, retrain=WHERE_IT_LEARNS, rollout={"steps": ()}) == {}


def test_a_window_of_too_few_rows_is_told() -> None:
    said = told(HOURLY, retrain=WHERE_IT_LEARNS, rollout={"steps": ()})
    assert list(said) == ["detect.minRows"]
    assert said["detect.minRows"].startswith("No window can be judged: 24 rows a day are 168 in a week, and 500 are asked for. Set detect.")


def test_a_history_of_too_few_rows_is_told() -> None:
    said = told(HOURLY, detect={"minRows": 100}, retrain={"history": "10d"}, rollout={"steps": ()})
    assert said["retrain.minRows"].startswith("No challenger can be taught: 24 rows a day are 960 in 40d, as far as training reaches back")
    assert "1100 labelled ones are asked for, 1000 to teach and 100 to judge by" in said["retrain.minRows"]


def test_the_defaults_can_be_had_by_a_busy_service() -> None:
    assert told(BUSY) == {}


def test_a_busy_hour_now_and_then_is_enough_to_pass() -> None:
    days = np.arange(90)[:, None] * 86_400.0
    rate = RowRate((days + np.arange(600) * 6.0).ravel())  # an hour of 600 rows a day, and none in the others
    assert "rollout.minRequests" not in told(rate, rollout={"steps": (50,), "minRequests": 100, "deadline": "1h"})


@settings(max_examples=60, deadline=None)
@given(
    per_day=st.floats(2.5, 1e6),
    nights=st.booleans(),
    weekends=st.booleans(),
)
def test_sizes_for_a_rate_can_be_had_at_it(per_day: float, nights: bool, weekends: bool) -> None:
    times = np.linspace(0, 90 * 86_400.0, min(int(90 * per_day), 20_000))
    kept = np.ones(len(times), dtype=bool)
    kept &= (times % 86_400 > 8 * 3600) if nights else True
    kept &= (times % (7 * 86_400) < 5 * 86_400) if weekends else True
    rate = RowRate(times[kept], weight=max(90 * per_day / 20_000, 1.0))
    sized = sizes(rate, 5000)
    rollout = sized.rollout or FEWEST
    made = policy(
        detect={"window": sized.window, "minRows": sized.min_rows},
        retrain={"history": sized.history, "minRows": sized.taught_rows},
        validate={"minLabels": sized.min_labels},
        rollout=rollout.model_dump(),
    )
    assert dict(unattainable(made, rate)) == {}


@pytest.mark.parametrize(("hours", "mean", "slow"), [(24, 24.0, 24.0), (2, 2.0, 2.0)])
def test_the_rows_of_an_even_stream_are_alike_in_every_span(hours: int, mean: float, slow: float) -> None:
    span = timedelta(hours=hours)
    assert (HOURLY.mean(span), HOURLY.within(span, 0.05)) == (pytest.approx(mean), slow)


def test_a_sample_counts_for_all_of_its_rows() -> None:
    assert BUSY.per_day == pytest.approx(72_000)
    assert BUSY.words == "72,000 rows a day"

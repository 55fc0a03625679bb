"""The arithmetic of the benchmark on losses that are known in advance."""

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.real.losses import WEEK, Losses, losses
from tests.benchmarks.real.policies import every, hindsight, rent
from tests.benchmarks.real.stream import Stream

LOOKS, DAYS, ROWS = 40, 320, 10


def aged(a_day: float) -> Losses:
    """Models that lose 1 a row when they are new, and `a_day` more for each day of age."""
    looks = np.arange(40.0, 40 + WEEK * LOOKS, WEEK)
    day = np.arange(DAYS)
    age = np.maximum(day[None, :] - looks[:, None], 0.0)
    loss = ROWS * (1 + a_day * age)
    return Losses(looks, looks, day, np.full(DAYS, ROWS), *(np.stack([loss, loss, loss]),) * 2)


def test_what_does_not_age_is_never_taught_again() -> None:
    found = aged(0.0)
    assert rent(found, found.price(100), 0)[1] == 0


@pytest.mark.parametrize("percent_days", [20, 100, 500])
def test_rent_on_even_ageing_is_close_to_hindsight(percent_days: int) -> None:
    found = aged(0.01)
    price = found.price(percent_days)
    best, trained = hindsight(found, price)
    paid, count = rent(found, price, 0)
    assert paid + price * count <= 1.05 * (best + price * trained)


@pytest.mark.parametrize("weeks", [1, 2, 4, 8])
def test_no_interval_beats_hindsight(weeks: int) -> None:
    found = aged(0.01)
    price = found.price(100)
    best, trained = hindsight(found, price)
    loss, count = every(found, weeks, 0)
    assert best + price * trained <= loss + price * count + 1e-9


def test_losses_of_a_stream_are_of_rows_that_no_model_was_taught() -> None:
    rng = np.random.default_rng(0)
    when = np.sort(rng.random(3_000) * 60)
    x = rng.normal(size=len(when))
    stream = Stream("made", pd.DataFrame({"x": x}), np.sign(when - 40) * x, when, history=30.0, delay=1.0, binary=False)
    found = losses(stream)
    assert found.loss.shape == (3, len(found.looks), len(found.day))
    for look, known in enumerate(found.known):
        assert not found.loss[:, look, found.day < np.floor(known)].any()
    frozen, newest = found.answered(0)[0, -1], found.answered(0)[-1, -1]
    assert newest < 0.5 * frozen, "the law turned on day 40, and the last models were taught the new one"

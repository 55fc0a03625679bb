"""Hindsight finds the best trainings, and the price of a training is told in the losses' unit."""

from itertools import combinations

import numpy as np
import pytest

from modelmedic.steps.backtesting.hindsight import best_trainings
from modelmedic.steps.backtesting.losses import price_of, row_losses
from modelmedic.steps.backtesting.past import read_past
from modelmedic.steps.contracts.words import Task
from tests.benchmarks.backtest.streams import make

RULES, ROWS = make("quiet", 1, a_day=10)


def paid(answered: np.ndarray, chosen: tuple[int, ...], price: float) -> float:
    serving = [max(look for look in (0, *chosen) if look <= now) for now in range(len(answered))]
    return float(sum(answered[model, now] for now, model in enumerate(serving)) + price * len(chosen))


@pytest.mark.parametrize("price", [0.0, 0.3, 1.0, 5.0])
@pytest.mark.parametrize("seed", range(3))
def test_no_choice_of_trainings_is_better_than_the_one_found(price: float, seed: int) -> None:
    answered = np.random.default_rng(seed).random((8, 8))
    every = [chosen for count in range(8) for chosen in combinations(range(1, 8), count)]
    found = best_trainings(answered, price)
    assert paid(answered, found, price) == pytest.approx(min(paid(answered, chosen, price) for chosen in every))


def test_answers_before_a_model_was_trained_are_never_read() -> None:
    answered = np.random.default_rng(1).random((6, 6))
    blind = np.where(np.tri(6, k=-1) > 0, np.nan, answered)
    assert best_trainings(np.nan_to_num(blind, nan=-1e9), 0.1) == best_trainings(answered, 0.1)


def test_training_that_wins_nothing_is_not_made() -> None:
    assert best_trainings(np.ones((5, 5)), 0.0) == ()
    assert best_trainings(np.ones((1, 1)), 1.0) == ()


def test_price_is_of_a_days_loss_in_the_first_four_weeks_that_have_labels() -> None:
    past = read_past(RULES, ROWS)
    each = np.where(past.times - past.times[0] < 28 * 86_400_000_000, 2.0, 9.0)
    assert price_of(100, past, 0, each) == pytest.approx(2.0 * 10, rel=0.1)  # ten rows a day
    assert price_of(100, past, 0, np.full(len(each), np.nan)) == 0.0


def test_row_without_a_label_has_no_loss() -> None:
    target = np.array([0.0, 1.0, np.nan])
    assert np.isnan(row_losses(Task.BINARY, target, np.array([0.5, 1.0, 0.5]))).tolist() == [False, False, True]
    assert row_losses(Task.BINARY, target[:1], np.array([1.0]))[0] < 20  # a wrong certainty costs much, and not without end
    assert row_losses(Task.REGRESSION, target[:2], np.array([2.0, 1.0])).tolist() == [4.0, 0.0]

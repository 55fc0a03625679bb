"""Metrics agree with their definitions, and their intervals hold what they promise when rows of one
day err together.
"""

import numpy as np
import pytest

from modelmedic.steps.core.statistics.metrics import blocks_of, compare, estimate, score

DAY = 86_400.0
Floats = np.ndarray


def _two_equals(rng: np.random.Generator, metric: str) -> tuple[Floats, Floats, Floats, Floats]:
    """2,000 rows of 15 days; two models that are equally good in law, each wrong in its own way on
    each day.
    """
    n, days = 2000, 15
    day = rng.integers(0, days, n)
    times = day * DAY + rng.random(n) * DAY
    own = rng.normal(size=n)
    z = own + 0.7 * rng.normal(size=days)[day]
    first, second = (own + 0.5 * rng.normal(size=n) + 0.5 * rng.normal(size=days)[day] for _ in range(2))
    if metric in ("auc", "log_loss"):
        return times, (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float), 1 / (1 + np.exp(-first)), 1 / (1 + np.exp(-second))
    return times, z + rng.normal(size=n), first, second


@pytest.mark.parametrize("metric", ["auc", "log_loss", "rmse", "mae"])
def test_challenger_that_is_no_better_is_promoted_in_few_of_a_hundred_days_of_judgement(metric: str) -> None:
    rng, rounds = np.random.default_rng(7), 200
    with_days = without = covered = 0
    for _ in range(rounds):
        times, y, a, b = _two_equals(rng, metric)
        gain = compare(metric, y, a, b, blocks_of(times, len(y)), 0.95).gain
        with_days += gain.low > 0
        covered += gain.low <= 0 <= gain.high
        without += compare(metric, y, a, b, np.arange(len(y)), 0.95).gain.low > 0
    assert with_days / rounds <= 0.06  # 0.025 is promised, 15 days are few
    assert covered / rounds >= 0.90
    assert without / rounds > 0.15  # what an interval for independent rows would do


def test_real_gain_is_seen() -> None:
    rng = np.random.default_rng(8)
    seen = 0
    for _ in range(50):
        times, y, _, b = _two_equals(rng, "auc")
        seen += compare("auc", y, rng.random(len(y)), b, blocks_of(times, len(y)), 0.95).gain.low > 0
    assert seen == 50


def test_auc_counts_pairs_and_halves_ties() -> None:
    y, p = np.array([0.0, 0, 1, 1, 1]), np.array([0.1, 0.5, 0.5, 0.7, 0.2])
    pairs = [(a > b) + 0.5 * (a == b) for a in p[y > 0] for b in p[y < 1]]
    assert score("auc", y, p) == pytest.approx(np.mean(pairs))
    assert np.isnan(score("auc", np.ones(3), np.arange(3.0)))


def test_log_loss_of_a_wrong_certainty_is_large_and_finite() -> None:
    assert score("log_loss", np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(np.log(2))
    assert np.isfinite(score("log_loss", np.array([1.0]), np.array([0.0])))


def test_no_rows_tell_nothing() -> None:
    nothing = np.empty(0)
    assert np.isnan(score("rmse", nothing, nothing))
    gain = compare("auc", np.ones(5), np.arange(5.0), np.arange(5.0), np.arange(5), 0.95).gain
    assert (gain.low, gain.high) == (-np.inf, np.inf)


def test_few_days_are_cut_into_ten_blocks_and_many_into_forty() -> None:
    assert len(set(blocks_of(np.linspace(0, 2 * DAY, 1000), 1000))) == 10
    assert len(set(blocks_of(np.linspace(0, 15 * DAY - 1, 1000), 1000))) == 15
    assert len(set(blocks_of(np.linspace(0, 300 * DAY, 1000), 1000))) == 40
    assert len(set(blocks_of(None, 5))) == 5


def test_rmse_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(9)
    covered = 0
    for _ in range(300):
        y = rng.normal(0, 2, 400)
        found = estimate("rmse", y, np.zeros(400), np.arange(400), 0.95)
        covered += found.low <= 2 <= found.high
    assert 0.91 <= covered / 300 <= 0.99

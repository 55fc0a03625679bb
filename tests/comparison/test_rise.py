"""The rise of the loss by days: false alarms are as rare as stated, and a gross rise is seen at
once.
"""

from datetime import timedelta

import numpy as np
import pytest

from modelmedic.steps.contracts.comparison import LossBlock
from modelmedic.steps.core.comparison.rise import as_rise, as_share, capital, mean_rise, rise_at_once
from tests.data.log import DAY, START


def days(served: np.ndarray, other: np.ndarray) -> tuple[LossBlock, ...]:
    return tuple(LossBlock(START + n * DAY, 100, float(a), float(b)) for n, (a, b) in enumerate(zip(served, other, strict=True)))


def alike(seed: int, count: int, rise: float = 0.0) -> tuple[LossBlock, ...]:
    """Days whose losses go up and down together, and differ by a fifth that lasts for days."""
    rng = np.random.default_rng(seed)
    level = np.exp(0.3 * rng.normal(size=count))
    noise = rng.normal(size=count + 2)
    lasting = (noise[2:] + noise[1:-1] + noise[:-2]) / np.sqrt(3)
    return days(level * np.exp(0.2 * lasting + np.log1p(rise)), level)


def test_a_loss_that_doubled_is_a_share_of_a_third_and_back() -> None:
    assert as_share(1.0) == pytest.approx(1 / 3)
    assert as_rise(as_share(0.27)) == pytest.approx(0.27)


def test_a_version_that_loses_thrice_as_much_is_seen_on_ten_blocks() -> None:
    rise = rise_at_once(alike(1, 10, rise=2.0), 1e-3)
    assert rise is not None
    assert rise.value == pytest.approx(2, abs=0.6)
    assert rise.least > 0.5


@pytest.mark.parametrize("blocks", [(), alike(1, 2), days(np.ones(5), np.zeros(5))])
def test_few_blocks_or_a_faultless_version_say_nothing(blocks: tuple[LossBlock, ...]) -> None:
    assert rise_at_once(blocks, 1e-3) is None


def test_one_day_of_huge_losses_does_not_decide() -> None:
    served = np.ones(20)
    served[7] = 1e6
    rise = rise_at_once(days(served, np.ones(20)), 1e-3)
    assert rise is not None
    assert rise.least < 0
    assert capital(days(served, np.ones(20)), 0.0) < 20


def test_versions_that_differ_by_chance_alone_reach_no_thousand_in_a_year() -> None:
    capitals = [capital(alike(seed, 365), 0.05) for seed in range(40)]
    assert sum(each >= 1000 for each in capitals) <= 1


def test_a_version_that_loses_half_more_for_ever_is_found_within_two_months() -> None:
    assert capital(alike(3, 60, rise=0.5), 0.05) > 1000


def test_an_older_regime_is_forgotten() -> None:
    """Two good months do not shield a version from what it loses in the third."""
    good, bad = alike(4, 60, rise=-0.4), alike(5, 60, rise=0.6)
    moved = tuple(LossBlock(block.start + timedelta(days=60), block.rows, block.served, block.other) for block in bad)
    assert capital((*good, *moved), 0.05) > 1000


def test_the_interval_holds_at_every_day_at_once() -> None:
    """The true typical change lies outside on some day in at most a tenth of the lives."""
    missed = 0
    for seed in range(60):
        blocks = alike(100 + seed, 40, rise=0.1)
        every = [mean_rise(blocks[:n], 0.1) for n in (5, 10, 20, 30, 40)]
        missed += any(each is not None and not each.low - 0.02 <= 0.1 <= each.high + 0.02 for each in every)
    assert missed <= 9


def test_a_clear_gain_is_told_apart_in_three_weeks() -> None:
    found = mean_rise(alike(9, 21, rise=-0.3), 0.1, alike(10, 14))
    assert found is not None
    assert found.high < 0

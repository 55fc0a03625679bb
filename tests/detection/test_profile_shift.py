"""Effects and p-values from counts agree with those from the rows, and hold where rows are
alike.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from modelmedic.steps.contracts.detection import Roles, Thresholds
from modelmedic.steps.core.detection.profile_shift import ShiftMeasure, measure_counts, profile_shifts
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from modelmedic.steps.core.profiles.profiler import profile_table

Floats = np.ndarray


def measured(reference: Floats, current: Floats, design: float = 1.0) -> ShiftMeasure:
    before, after = (pa.table({"x": values}) for values in (reference, current))
    layout = choose_layout(before, Roles())
    return measure_counts(profile_table(layout, before).columns["x"], profile_table(layout, after).columns["x"], design)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.3, 2.0, 40.0])
def test_the_effect_is_the_wasserstein_distance_over_the_spread(shift: float) -> None:
    random = np.random.default_rng(2)
    reference, current = random.normal(size=20_000), random.normal(size=10_000) + shift
    exact = stats.wasserstein_distance(reference, current) / reference.std()
    effect = measured(reference, current).effect
    assert effect == pytest.approx(exact, rel=0.03, abs=0.002) if shift <= 2 else effect > 3


def test_p_values_of_quiet_windows_are_no_smaller_than_they_should_be() -> None:
    random = np.random.default_rng(3)
    makers: list[Callable[[int], Floats]] = [
        lambda n: random.normal(size=n),
        lambda n: random.lognormal(0, 2, n),
        lambda n: random.integers(0, 4, n).astype(float),
    ]
    for make in makers:
        p_values = np.array([measured(make(1500), make(700)).p_value for _ in range(300)])
        for level in (0.2, 0.05, 0.01):
            assert (p_values < level).mean() <= level + 3 * np.sqrt(level / 300)


def test_a_small_shift_is_found_with_a_thousand_columns_beside_it() -> None:
    random = np.random.default_rng(4)
    p_values = [measured(random.normal(size=10_000), random.normal(0.1, 1, 10_000)).p_value for _ in range(40)]
    assert np.mean(np.array(p_values) * 1000 < 0.005) >= 0.95


def test_a_change_of_shape_alone_is_found() -> None:
    random = np.random.default_rng(5)
    assert measured(random.normal(size=10_000), random.normal(0, 1.3, 10_000)).p_value < 1e-6


def test_one_outlier_owns_neither_effect_nor_spread() -> None:
    random = np.random.default_rng(6)
    reference, current = random.normal(size=5000), random.normal(0.3, 1, 5000)
    reference[0] = 1e12
    assert measured(reference, current).effect == pytest.approx(0.3, abs=0.06)
    current[0] = 1e12
    assert measured(random.normal(size=5000), np.append(random.normal(size=5000), 1e12)).effect < 0.05


def test_codes_have_a_distance_and_a_p_value_that_many_rare_values_do_not_spoil() -> None:
    random = np.random.default_rng(7)
    chances = 1 / np.arange(1, 301)
    chances /= chances.sum()

    def draw(n: int) -> Floats:
        return random.choice(300, n, p=chances).astype("U3")

    p_values = np.array([measured(draw(4000), draw(600)).p_value for _ in range(200)])
    assert (p_values < 0.01).mean() <= 0.03
    moved = measured(draw(4000), np.where(random.random(600) < 0.2, "0", draw(600)))
    assert (moved.statistic, moved.p_value < 1e-6) == ("jensen_shannon", True)


def test_rows_that_are_alike_count_for_less() -> None:
    random = np.random.default_rng(8)
    reference, current = random.normal(size=4000), random.normal(0.1, 1, 4000)
    assert measured(reference, current).p_value < 1e-3 < 0.05 < measured(reference, current, design=20).p_value


def test_both_effect_and_p_value_have_to_be_exceeded() -> None:
    random = np.random.default_rng(9)

    def shifted(n: int, shift: float) -> bool:
        before, after = pa.table({"x": random.normal(size=n)}), pa.table({"x": random.normal(shift, 1, n)})
        layout = choose_layout(before, Roles())
        return profile_shifts(profile_table(layout, before), profile_table(layout, after), Thresholds())[0].shifted

    assert not shifted(300_000, 0.02)  # sure, and too small to matter
    assert not shifted(60, 0.3)  # large, and no more than noise
    assert shifted(20_000, 0.15)

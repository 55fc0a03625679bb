"""The ageing of models on a table, measured before any serves: a law that turns costs its age, one
that stands does not, and a short table says that nothing was measured.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.adapters.models.pilots import Pilots
from modelmedic.steps.data.labelled import logged_rows
from modelmedic.steps.training.table_ageing import TableAgeing, table_ageing
from tests.data.log import DAY, START, policy

WEEKS = 16
RULES = policy(retrain={"history": "28d", "minRows": 100})


def stream(turn: float, weeks: int = WEEKS, rows: int = 300) -> pa.Table:
    """Rows whose law turns by `turn` of a half circle over the whole of it."""
    random = np.random.default_rng(5)
    count = weeks * rows
    week = np.arange(count) / rows
    income, age = random.normal(size=count), random.normal(50, 10, size=count)
    angle = np.pi * turn * week / weeks
    law = 3 * (np.cos(angle) * income + np.sin(angle) * (age - 50) / 10)
    return pa.table(
        {
            "asked_at": [START + 7 * float(at) * DAY for at in week],
            "income": income,
            "age": age,
            "region": random.choice(["north", "south"], count),
            "defaulted": (random.random(count) < 1 / (1 + np.exp(-law))).astype(float),
        }
    )


@cache
def measured(turn: float, weeks: int = WEEKS, going: Callable[[], bool] = lambda: True) -> TableAgeing:
    return table_ageing(RULES, logged_rows(RULES, stream(turn, weeks)), Pilots(), going)


def test_a_law_that_turns_costs_its_age_and_one_that_stands_does_not() -> None:
    turning, standing = measured(1.0), measured(0.0)
    sooner, later = turning.every(100), standing.every(100)
    assert turning.measured
    assert sooner is not None
    assert sooner < 20
    assert later is None or later > 2 * sooner
    assert f"taught again every {turning.every(500):.0f} days at cautious, {sooner:.0f} days at balanced" in turning.sentence


def test_a_short_table_says_that_nothing_was_measured() -> None:
    short = measured(1.0, weeks=4)
    assert short.every(100) is None
    assert "is not measured: the table leaves" in short.sentence


def test_every_fourth_week_is_measured_first_and_a_halt_is_said() -> None:
    left = iter([True] * 5)
    halted = measured(1.0, going=lambda: next(left, False))
    assert halted.weeks == 5
    assert f"on 5 of the newest {halted.wanted} weeks" in halted.sentence
    left = iter([True] * 2)
    assert "the time was over after 2 weeks" in measured(1.0, going=lambda: next(left, False)).sentence


def test_without_labels_nothing_is_measured() -> None:
    table = stream(0.0)
    nothing = table.set_column(4, "defaulted", pa.nulls(table.num_rows, pa.float64()))
    assert table_ageing(RULES, logged_rows(RULES, nothing), Pilots(), lambda: True).weeks == 0


@pytest.mark.parametrize("price", [20, 100, 500])
def test_the_interval_grows_with_the_root_of_the_price(price: float) -> None:
    turning = measured(1.0)
    assert turning.every(4 * price) == pytest.approx(2 * (turning.every(price) or 0))

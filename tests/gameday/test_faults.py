"""Faults of rows: each breaks what it says, from its place on, and nothing before it."""

import numpy as np
import pytest

from modelmedic.steps.backtesting.past import read_past
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.gameday.faults import FACTOR, ROW_FAULTS, Ground, concept, flip, nulls, stale, strongest, stuck, units
from tests.benchmarks.backtest.streams import make

RULES, TABLE = make("quiet", 3, a_day=20)
ROWS = read_past(RULES, TABLE.slice(0, 1200)).rows
FIRST = 800
NUMBERS = RULES.data.model_copy(update={"task": Task.REGRESSION, "target": "amount", "numeric": ("load", "rate", "warmth")})


def ground(column: str | None = None, seed: int = 0, rules: Policy = RULES) -> Ground:
    """The made stream, broken from the 800th row of 1200 on."""
    return Ground(rules, ROWS, FIRST, seed, column)


@pytest.mark.parametrize("name", ROW_FAULTS)
def test_rows_before_the_fault_are_as_they_were(name: str) -> None:
    planted = ROW_FAULTS[name](ground())
    assert planted.rows.slice(0, FIRST).equals(ROWS.slice(0, FIRST))
    assert planted.rows.schema == ROWS.schema
    assert not planted.broken[:FIRST].any()


def test_another_unit_multiplies_one_column_alone() -> None:
    planted = units(ground("amount"))
    assert np.allclose(planted.rows["amount"].to_numpy()[FIRST:], FACTOR * ROWS["amount"].to_numpy()[FIRST:])
    assert planted.rows.drop_columns(["amount"]).equals(ROWS.drop_columns(["amount"]))
    assert planted.broken[FIRST:].all()


def test_nulls_take_half_of_a_number_or_of_a_code() -> None:
    for column in ("load", "kind"):
        planted = nulls(ground(column))
        assert 150 < planted.rows[column].null_count == planted.broken.sum() < 250


def test_the_seed_draws_the_rows() -> None:
    same, again, other = (nulls(ground("load", seed)).broken for seed in (1, 1, 2))
    assert (same == again).all()
    assert (same != other).any()


def test_stuck_column_keeps_the_last_value_before() -> None:
    assert set(stuck(ground("kind")).rows["kind"].to_pylist()[FIRST:]) == {ROWS["kind"][FIRST - 1].as_py()}


def test_stale_feed_repeats_the_last_day_and_leaves_times_and_labels() -> None:
    planted = stale(ground())
    assert set(planted.rows["load"].to_pylist()[FIRST:]) <= set(ROWS["load"].to_pylist()[FIRST - 40 : FIRST])
    kept = [RULES.data.time, RULES.data.target]
    assert planted.rows.select(kept).equals(ROWS.select(kept))


def test_flip_answers_the_other_class() -> None:
    target = RULES.data.target
    assert (flip(ground()).rows[target].to_numpy()[FIRST:] == 1 - ROWS[target].to_numpy()[FIRST:]).all()


def test_a_new_law_breaks_no_row() -> None:
    planted = concept(ground("load"))
    assert not planted.broken.any()
    assert not planted.rows[RULES.data.target].equals(ROWS[RULES.data.target])


def test_a_new_law_of_a_number_turns_its_slope_round() -> None:
    turned = concept(ground("rate", rules=RULES.model_copy(update={"data": NUMBERS}))).rows
    before, after = (np.polyfit(rows["rate"].to_numpy()[part], rows["amount"].to_numpy()[part], 1)[0] for rows, part in _parts(turned))
    plain = np.polyfit(ROWS["rate"].to_numpy()[FIRST:], ROWS["amount"].to_numpy()[FIRST:], 1)[0]
    assert after == pytest.approx(plain - 2 * before, rel=0.25)
    assert set(turned["amount"].to_pylist()[FIRST:]) <= set(ROWS["amount"].to_pylist()[:FIRST])


def test_the_number_that_goes_most_with_the_label_is_broken_unless_one_is_named() -> None:
    assert strongest(ground()) in {"load", "rate"}
    assert "amount is 100 times" in units(ground("amount")).sentence


@pytest.mark.parametrize(("fault", "column"), [(units, "kind"), (nulls, "day"), (concept, "kind")])
def test_column_that_cannot_be_broken_so_is_refused(fault: object, column: str) -> None:
    with pytest.raises(BadInput, match=f"column '{column}' is no"):
        fault(ground(column))  # type: ignore[operator]


def _parts(turned: object) -> list[tuple[object, slice]]:
    return [(ROWS, slice(0, FIRST)), (turned, slice(FIRST, None))]

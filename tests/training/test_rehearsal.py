"""The ways of weighting the known rows are tried on the newest of them by stand-ins, and the one
that loses least is carried out.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Remedy, Task
from modelmedic.steps.core.training.ways import Way, best_way, score_ways
from modelmedic.steps.training.rehearsal import choose_way, training_rows
from tests.worlds.training import NOW, START, TURN, policy, rows

RULES = policy()
ROLES = Roles(task=Task.REGRESSION, target="y", features=("x", "kind"), categorical=("kind",))
WAYS = (Way(400.0, 20.0), Way(150.0), Way(400.0, 400.0))
HALVED, LAST, LONG = range(3)


def _stream(law: Callable[[np.ndarray], np.ndarray], *, noise: float = 0.3, n: int = 3000, seed: int = 0) -> tuple[pa.Table, np.ndarray]:
    """200 days; `law` gives the slope of x on a day."""
    rng = np.random.default_rng(seed)
    days, x = np.sort(rng.random(n) * 200), rng.normal(size=n)
    y = law(days) * x + noise * rng.normal(size=n)
    return pa.table({"x": x, "kind": rng.choice(["a", "b"], n), "y": y}), days


def test_law_that_moves_all_the_time_favours_the_newest_rows_and_shows_ageing() -> None:
    table, days = _stream(lambda day: day / 40)
    found = score_ways(table, days, ROLES, WAYS, "rmse", 10.0)
    assert best_way(found.ways) == HALVED
    assert found.ways[LONG].gain is not None
    assert found.ways[LONG].gain.high < 0
    assert found.ageing is not None
    assert found.error is not None
    assert found.ageing > 3 * found.error


def test_law_that_stands_favours_many_rows_and_does_not_age() -> None:
    table, days = _stream(lambda day: np.ones(len(day)), noise=3.0, n=1500)
    found = score_ways(table, days, ROLES, WAYS, "rmse", 10.0)
    assert best_way(found.ways) == LONG
    assert abs(found.ageing or 0.0) < 0.002


def test_rows_of_a_new_concept_alone_win_where_the_old_ones_contradict_them() -> None:
    table, days = _stream(lambda day: np.where(day < 170, 1.0, -1.0))
    found = score_ways(table, days, ROLES, (*WAYS, Way(np.inf, None, 170.0)), "rmse", 10.0)
    assert best_way(found.ways) == 3
    assert found.ways[3].rows < found.ways[0].rows


@pytest.mark.parametrize("rows_known", [0, 50, 199])
def test_few_rows_choose_nothing(rows_known: int) -> None:
    table, days = _stream(lambda day: np.ones(len(day)))
    found = score_ways(table.slice(0, rows_known), days[:rows_known], ROLES, WAYS, "rmse", 10.0)
    assert best_way(found.ways) == 0
    assert all(score.gain is None for score in found.ways)
    assert found.ageing is None


@pytest.mark.parametrize("spoilt", ["alike", "infinite"])
def test_labels_that_teach_nothing_choose_nothing(spoilt: str) -> None:
    table, days = _stream(lambda day: np.ones(len(day)))
    y = np.ones(table.num_rows)
    y[-1] = np.inf if spoilt == "infinite" else 1.0
    found = score_ways(table.set_column(2, "y", pa.array(y)), days, ROLES, WAYS, "rmse", 10.0)
    assert all(score.loss is None for score in found.ways)


def _plans() -> tuple[TrainingPlan, TrainingPlan]:
    holdout = Window(NOW - timedelta(days=8), NOW - timedelta(days=1))
    whole = TrainingPlan(Remedy.RETRAIN, Window(START, holdout.start), holdout, halving=timedelta(days=30))
    return whole, replace(whole, train=Window(TURN, holdout.start), halving=None, new=True)


def test_in_a_world_that_turned_the_rows_after_the_turn_are_chosen_and_the_figures_kept() -> None:
    labelled = pa.concat_tables([rows(START, TURN, RULES), rows(TURN, NOW, RULES)])
    found = choose_way(RULES, _plans(), labelled)
    assert found.plan.new
    assert [way.halving for way in found.ways] == [timedelta(days=30), None]
    assert (found.ways[1].gain or 0) > (found.ways[1].low or 0) > 0


def test_what_serves_learns_the_holdout_too_and_the_twin_does_not() -> None:
    labelled = rows(START, NOW, RULES)
    plan = replace(_plans()[0], beside=(Window(START, START + timedelta(days=1)),))
    (twin, halving), (whole, _) = (training_rows(RULES, plan, labelled, whole=each) for each in (False, True))
    assert halving == timedelta(days=30)
    assert pc.min(twin["at"]).as_py() >= START + timedelta(days=1)
    assert pc.max(twin["at"]).as_py() < plan.holdout.start <= pc.max(whole["at"]).as_py() < plan.holdout.end
    assert pc.min(whole["at"]).as_py() < START + timedelta(days=1)


def test_more_rows_than_the_policy_allows_are_drawn_by_weight_and_count_alike_then() -> None:
    few = policy(retrain={"minRows": 500, "maxRows": 1000})
    plan = replace(_plans()[0], halving=timedelta(days=5))
    drawn, halving = training_rows(few, plan, rows(START, NOW, RULES))
    assert halving is None
    assert drawn.num_rows <= 1000
    newest = np.asarray(pc.greater(drawn["at"], pa.scalar(plan.train.end - timedelta(days=10), drawn["at"].type)))
    assert newest.mean() > 0.6  # of an eighth of all rows
    assert pc.all(pc.equal(drawn["at"], drawn.sort_by("at")["at"])).as_py()

"""Of two trainings to be tried the one whose stand-in is beaten beyond noise is not carried out,
and is counted as tried.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.training import ModelVersion, TrainingPlan
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Remedy, Task
from modelmedic.steps.core.statistics.metrics import score
from modelmedic.steps.core.training.stand_in import forest_answers
from modelmedic.steps.heal.retrain import retrain
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.training.history import rows_within
from modelmedic.steps.training.process import in_this_process
from modelmedic.steps.training.rehearsal import outdone
from tests.worlds.training import NOW, START, TURN, diagnosed, moved_in, policy, rows, site

RULES = policy()
OLD = rows(START, TURN, RULES)
PLAIN = Roles(task=Task.BINARY, target="left", features=("age", "spend", "plan"), categorical=("plan",))


@pytest.mark.xdist_group("first champion")
def test_in_a_world_that_turned_only_the_start_that_promises_most_is_trained(
    bootstrapped: tuple[Site, ModelVersion], tmp_path: Path
) -> None:
    run = diagnosed(moved_in(tmp_path, bootstrapped[0], rows(TURN, NOW, RULES)))
    with in_this_process():
        assert dict(retrain(run)) == {"trained": "yes"}
    after, whole = (run.site.ledger.stage(run.incident, "retrain") or {})["tried"]
    assert after["rows"] < whole["rows"]
    assert after["gain"] > 0.1
    assert (whole["gain"], "another was better" in whole["sentence"]) == (None, True)


def test_where_both_starts_teach_the_same_both_are_trained(tmp_path: Path) -> None:
    quiet = rows(START, TURN, RULES, seed=5)
    at = site(tmp_path, RULES, quiet)
    middle = Window(START + (TURN - START) / 4, TURN - timedelta(days=8))
    whole = TrainingPlan(Remedy.RETRAIN, Window(START, middle.end), Window(middle.end, TURN))
    half = replace(whole, train=middle)
    assert outdone(diagnosed(at), (half, whole), quiet, rows_within(quiet, "at", whole.holdout)) == (False, False)


def test_a_correction_is_tried_beside_every_training(tmp_path: Path) -> None:
    new = rows(TURN, NOW, RULES)
    plans = tuple(TrainingPlan(remedy, Window(TURN, NOW), Window(TURN, NOW)) for remedy in (Remedy.RECALIBRATE, Remedy.RETRAIN))
    assert outdone(diagnosed(site(tmp_path, RULES, new)), plans, new, new) == (False, False)


def test_a_stand_in_knows_what_its_rows_teach() -> None:
    new = rows(TURN, NOW, RULES)
    asked = rows(TURN, NOW, RULES, seed=2)
    target = np.asarray(asked["left"].to_numpy())
    of_old, of_new = forest_answers(OLD, asked, PLAIN), forest_answers(new, asked, PLAIN)
    assert of_old is not None
    assert of_new is not None
    assert score("auc", target, of_new) > 0.75 > 0.5 > score("auc", target, of_old)
    assert 0 < of_new.min() < of_new.max() < 1


def test_nothing_to_learn_from_has_no_stand_in() -> None:
    alike = OLD.set_column(OLD.column_names.index("left"), "left", pa.array(np.ones(OLD.num_rows)))
    assert forest_answers(alike, OLD, PLAIN) is None
    assert forest_answers(OLD.slice(0, 50), OLD, PLAIN) is None


def test_a_stand_in_of_a_regression_answers_in_the_targets_unit() -> None:
    spends = Roles(task=Task.REGRESSION, target="spend", features=("age", "plan", "left"), categorical=("plan",))
    found = forest_answers(OLD, OLD, spends)
    assert found is not None
    assert float(found.mean()) == pytest.approx(float(np.mean(OLD["spend"].to_numpy())), rel=0.05)

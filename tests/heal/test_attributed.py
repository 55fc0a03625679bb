"""What matters to the champion's answers stands first among the columns that moved."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from modelmedic.steps.contracts.diagnosis import Diagnosis, Hypothesis
from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.attribution import Attribution, attributions, shuffled, weighted
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.heal.attributed import attributed
from modelmedic.steps.heal.diagnose import conclude
from modelmedic.steps.runtime.run import Run
from tests.data.log import DAY, START, rows
from tests.worlds.detection import MonitoredSite, monitored_site

SHIFT = Diagnosis(Cause.COVARIATE_SHIFT, 0.9, ("age", "income"), sentence="age, income moved, and the labels show more loss")


def by_income(version: str, table: pa.Table) -> Floats:
    """A champion whose answers do not depend on the age."""
    assert version == "1"
    return np.asarray(1 / (1 + np.exp(-table["income"].to_numpy())))


def far_and_near(table: pa.Table) -> pa.Table:
    """The age moves by two deviations, the income by a third of one."""
    moved = table.set_column(table.column_names.index("age"), "age", pc.add(table["age"], 20.0))
    return moved.set_column(moved.column_names.index("income"), "income", pc.add(moved["income"], 0.35))


def with_answers(table: pa.Table) -> pa.Table:
    return table.set_column(table.column_names.index("prediction"), "prediction", pa.array(by_income("1", table)))


REFERENCE = with_answers(rows(6000, seed=99, start=START - 28 * DAY, span=28 * DAY))
WINDOW = with_answers(far_and_near(rows(1500, seed=2)))


@pytest.fixture
def here(tmp_path: Path) -> MonitoredSite:
    found = monitored_site(tmp_path, reference=REFERENCE)
    found.site.ask = by_income
    found.aliases.known = ModelVersion("loans", "1", "d1" * 32, "models/1")
    return found


@pytest.fixture
def run(here: MonitoredSite) -> Run:
    here.at(9)
    incident, _ = here.site.ledger.open_incident("loans", "h", Window(START, START + 7 * DAY), "test", {})
    return Run(here.site, incident)


def test_a_far_mover_that_the_model_ignores_stands_behind_a_near_one_that_matters(run: Run) -> None:
    found = attributed(run, SHIFT, "1", REFERENCE, WINDOW)
    assert found.columns == ("income", "age")
    assert found.sentence == "income, age moved, and the labels show more loss"
    said = [each for each in found.evidence if each.name == "attribution.measured"]
    assert said[0].sentence.startswith("shuffling income changes an answer by 0.")
    assert said[1].sentence.startswith("shuffling age changes an answer by 0, ")


def test_the_diagnose_stage_names_what_matters_first_and_decides_as_it_did(here: MonitoredSite, run: Run) -> None:
    here.serve(0, change=lambda table: with_answers(far_and_near(table)), late=90 * DAY)
    with_weights = conclude(run)
    here.site.ask = _refusing
    without = conclude(run)
    assert (with_weights.diagnosis.cause, without.diagnosis.cause) == (Cause.COVARIATE_SHIFT, Cause.COVARIATE_SHIFT)
    assert (with_weights.diagnosis.columns[0], without.diagnosis.columns[0]) == ("income", "age")
    assert with_weights.decision == without.decision


def test_runners_up_are_put_in_order_as_well_and_other_causes_keep_theirs(run: Run) -> None:
    runner = Hypothesis(Cause.COVARIATE_SHIFT, 0.1, ("age", "income"))
    drift = replace(SHIFT, cause=Cause.CONCEPT_DRIFT, runners_up=(runner,), sentence="labels behave differently")
    found = attributed(run, drift, "1", REFERENCE, WINDOW)
    assert (found.columns, found.runners_up[0].columns) == (("age", "income"), ("income", "age"))
    assert found.sentence == drift.sentence


@pytest.mark.parametrize(
    "change",
    [
        lambda found: replace(found, cause=Cause.DATA_QUALITY),
        lambda found: replace(found, columns=()),
    ],
)
def test_nothing_is_asked_where_no_column_of_the_world_is_to_blame(run: Run, change: Callable[[Diagnosis], Diagnosis]) -> None:
    run.site.ask = _unexpected
    found = change(SHIFT)
    assert attributed(run, found, "1", REFERENCE, WINDOW) is found


def test_a_champion_that_cannot_be_asked_leaves_the_order(run: Run) -> None:
    run.site.ask = _refusing
    assert attributed(run, SHIFT, "1", REFERENCE, WINDOW) is SHIFT


def test_a_column_that_is_stuck_now_keeps_the_weight_that_it_had(run: Run) -> None:
    stuck = WINDOW.set_column(WINDOW.column_names.index("income"), "income", pa.array(np.full(1500, 3.0)))
    assert attributed(run, SHIFT, "1", REFERENCE, stuck).columns == ("income", "age")


def test_the_rows_that_are_asked_about_are_bounded_and_the_same_each_time() -> None:
    table = pa.table({f"c{i}": np.random.default_rng(i).normal(size=3000) for i in range(40)})
    names = table.column_names
    assert shuffled(table, names).num_rows <= 20_000
    assert shuffled(table, names[:2]).num_rows == 1500
    assert shuffled(table, names).equals(shuffled(table, names))


def test_attribution_drift_is_the_difference_of_both_windows_in_its_own_errors() -> None:
    random = np.random.default_rng(1)

    def answers(weight: float) -> Floats:
        x, other = random.normal(size=400), random.normal(size=400)
        return np.concatenate([weight * x + other, weight * random.permutation(x) + other, weight * x + random.permutation(other)])

    found = attributions(["x", "other"], answers(1.0), answers(2.0))
    assert found["x"].z > 5
    assert abs(found["other"].z) < 3
    assert found["x"].current == pytest.approx(2 * found["x"].reference, rel=0.2)


def test_answers_that_are_no_numbers_say_nothing() -> None:
    assert attributions(["x"], np.array([0.1, np.nan]), np.array([0.1, 0.2])) == {}
    assert weighted(SHIFT, {}, {}) is SHIFT


def test_a_column_without_an_attribution_stands_last() -> None:
    found = weighted(SHIFT, {"age": 9.0, "income": 1.0}, {"income": Attribution(0.1, 0.1, 0.0)})
    assert found.columns == ("income", "age")


def _refusing(version: str, table: pa.Table) -> Floats:
    raise NotFound(f"version {version} of {table.num_rows} rows is gone")


def _unexpected(version: str, table: pa.Table) -> Floats:
    raise AssertionError((version, table.num_rows))

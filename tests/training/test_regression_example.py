"""The second example: another task on other data, through the same code and a real MLflow."""

import shutil
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from modelmedic.examples.regression.stream import CATEGORICAL, FIRST, LABEL_DELAY, NUMERIC, TARGET, Weather
from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.mlflow.registry import MlflowRegistry
from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.steps.bootstrap.in_process import bootstrap
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.inference_log import PREDICTION, REQUEST_ID
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.tables.log_columns import conform, log_schema
from modelmedic.steps.heal.retrain import retrain
from modelmedic.steps.heal.validate import validate
from modelmedic.steps.runtime.run import Run
from tests.worlds.results import diagnosed
from tests.worlds.training import TableWindows, site

POLICY = Path(__file__).parents[2] / "examples" / "regression" / "policy.yaml"


def test_stream_and_policy_name_the_same_columns() -> None:
    rules = load_policy(POLICY)
    assert (rules.data.numeric, rules.data.categorical, rules.data.target) == (NUMERIC, CATEGORICAL, TARGET)
    assert rules.data.labels.delay == LABEL_DELAY
    window, table = next(Weather().periods())
    assert {*rules.features, rules.data.time, TARGET} <= set(table.column_names)
    assert table.num_rows > 400
    assert window.start == FIRST.end


def _logged(table: pa.Table, rules: Policy) -> pa.Table:
    """As the predictor would have logged the rows, had it said that tomorrow will be like today."""
    schema = log_schema(rules, target=True)
    rows = pa.Table.from_batches([conform(batch, schema) for batch in table.combine_chunks().to_batches()], schema=schema)
    rows = rows.set_column(rows.column_names.index(REQUEST_ID), REQUEST_ID, pa.array([f"r{number}" for number in range(rows.num_rows)]))
    return rows.set_column(rows.column_names.index(PREDICTION), PREDICTION, rows["temp"])


@pytest.mark.slow
def test_summer_is_learnt_by_a_challenger_that_passes_every_gate(empty_database: Path, tmp_path: Path) -> None:
    rules, weather, now = load_policy(POLICY), Weather(), FIRST.end + timedelta(days=67)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    registry = MlflowRegistry(f"sqlite:///{tmp_path / 'mlflow.db'}", rules.registry, tmp_path)
    logged = _logged(weather.between(Window(FIRST.end, now)), rules)
    at = site(tmp_path, rules, logged, registry)
    at.clock = at.real = PlayedClock(now)
    at.windows = TableWindows(logged, rules)
    first = bootstrap(at, weather.between(FIRST))
    incident, _ = at.ledger.open_incident(at.model, rules.hash, Window(now - timedelta(days=14), now), "test", {})
    run = Run(at, incident)
    found = Diagnosis(Cause.COVARIATE_SHIFT, 0.9, ("temp",), harm="shown", sentence="summer")
    run.record(diagnosed(found=found, reference="1"))
    assert dict(retrain(run)) == {"trained": "yes"}, (run.site.ledger.stage(run.incident, "retrain") or {})["sentence"]
    outputs = validate(run)
    document = run.site.ledger.stage(run.incident, "validate") or {}
    gates = {gate["name"]: gate for gate in document["validation"]["gates"]}
    assert gates["no_worse"]["low"] > 0
    assert gates["signature"]["passed"]
    assert registry.alias("champion") == first.version == "1"
    assert outputs["version"] == "2"
    failed = {name for name, gate in gates.items() if not gate["passed"]}
    assert failed <= {"old_regime"}  # a model of summer may have forgotten winter, and then it is said

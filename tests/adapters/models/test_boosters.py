"""Models of LightGBM and XGBoost, bare and in pipelines: saved and loaded without a pickle, with
the same answers. The libraries are not this program's; without them these tests are not run.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from modelmedic.steps.adapters.models.boosters import load_native
from modelmedic.steps.adapters.models.loader import load_model
from modelmedic.steps.adapters.models.saver import save, unpickles
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Task
from tests.worlds.serving import policy

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame({"x": RNG.normal(size=400), "c": RNG.choice(["a", "b"], 400)})
TARGET = (ROWS["x"] + (ROWS["c"] == "a") > 0.3).astype(int)
NUMBERS = Policy.model_validate(
    {
        **policy().model_dump(mode="json", by_alias=True, exclude_unset=True),
        "data": {"task": "binary", "target": "y", "time": "at", "numeric": ["x"]},
    }
)
REGRESSION = NUMBERS.model_copy(update={"data": NUMBERS.data.model_copy(update={"task": Task.REGRESSION})})


def _lightgbm(kind: str) -> Any:
    library = pytest.importorskip("lightgbm")
    if kind == "booster":
        return library.train({"objective": "binary", "verbose": -1}, library.Dataset(ROWS[["x"]], TARGET), num_boost_round=5)
    return getattr(library, kind)(n_estimators=5, verbose=-1)


def _xgboost(kind: str) -> Any:
    library = pytest.importorskip("xgboost")
    if kind == "booster":
        return library.train({"objective": "binary:logistic"}, library.DMatrix(ROWS[["x"]], TARGET), num_boost_round=5)
    return getattr(library, kind)(n_estimators=5)


def _answers(model: Any, rows: pd.DataFrame) -> np.ndarray:
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(rows)[:, 1])
    if type(model).__module__ == "xgboost.core":
        return np.asarray(model.predict(pytest.importorskip("xgboost").DMatrix(rows)))
    return np.asarray(model.predict(rows))


@pytest.mark.parametrize(
    ("make", "kind", "shape"),
    [
        (_lightgbm, "LGBMClassifier", "sklearn/skops"),
        (_lightgbm, "LGBMRegressor", "sklearn/skops"),
        (_lightgbm, "booster", "lightgbm/native"),
        (_xgboost, "XGBClassifier", "xgboost/native"),
        (_xgboost, "XGBRegressor", "xgboost/native"),
        (_xgboost, "booster", "xgboost/native"),
    ],
)
def test_a_bare_model_answers_as_before_and_nothing_is_unpickled(tmp_path: Path, make: Callable[[str], Any], kind: str, shape: str) -> None:
    rules, model = REGRESSION if kind.endswith("Regressor") else NUMBERS, make(kind)
    fitted = model if kind == "booster" else model.fit(ROWS[["x"]], TARGET)
    assert not unpickles(fitted)
    loaded = load_model(save(fitted, tmp_path / "m", rules, ROWS[["x"]]), rules.data.task)
    assert (loaded.format, loaded.unpickled) == (shape, False)
    assert loaded.ask(ROWS[["x"]]) == pytest.approx(_answers(fitted, ROWS[["x"]]), abs=1e-6)
    assert not list((tmp_path / "m").glob("*.pkl"))


@pytest.mark.parametrize(("make", "kind"), [(_lightgbm, "LGBMClassifier"), (_xgboost, "XGBClassifier")])
def test_a_pipeline_that_ends_in_one_is_saved_by_skops(tmp_path: Path, make: Callable[[str], Any], kind: str) -> None:
    encoded = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["c"]), remainder="passthrough")
    fitted = make_pipeline(encoded, make(kind)).fit(ROWS, TARGET)
    loaded = load_model(save(fitted, tmp_path / "m", policy(), ROWS), Task.BINARY)
    assert (loaded.format, loaded.unpickled) == ("sklearn/skops", False)
    assert loaded.ask(ROWS) == pytest.approx(fitted.predict_proba(ROWS)[:, 1], abs=1e-6)


@pytest.mark.parametrize("named", ["subprocess.Popen", "lightgbm.basic.Booster", "xgboost.sklearn.XGBModel"])
def test_no_other_class_is_taken_for_a_native_model(tmp_path: Path, named: str) -> None:
    with pytest.raises(BadInput, match="expected one of xgboost"):
        load_native(tmp_path, "xgboost", {"model_class": named, "data": "model.ubj"})


def test_a_damaged_file_is_bad_input(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm")
    (tmp_path / "model.lgb").write_text("tree\nno tree at all\n")
    with pytest.raises(BadInput, match=r"model.lgb cannot be read with this environment's lightgbm"):
        load_native(tmp_path, "lightgbm", {"data": "../model.lgb"})

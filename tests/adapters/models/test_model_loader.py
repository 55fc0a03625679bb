"""Nothing is unpickled, and no function is taken on a model's word, without an operator's
permission.
"""

import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from modelmedic.steps.adapters.models.folder import own_rows
from modelmedic.steps.adapters.models.loader import load_model, trusts
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.words import Task
from tests.worlds.sklearn_folder import trained, write


def test_a_classifier_answers_the_positive_class_and_a_regression_the_value(tmp_path: Path) -> None:
    model = trained()
    frame = pd.DataFrame({"x": [2.0, -2.0], "c": ["a", "b"]})
    loaded = load_model(write(tmp_path / "m", model), Task.BINARY)
    assert loaded.ask(frame).tolist() == pytest.approx(model.predict_proba(frame)[:, 1].tolist())
    assert (loaded.format, loaded.unpickled) == ("sklearn/skops", False)
    value = LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])
    assert load_model(write(tmp_path / "r", value), Task.REGRESSION).ask(np.array([[2.0]])).tolist() == pytest.approx([5.0])


def test_rows_of_its_own_come_from_its_example_or_its_signature(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", trained())
    assert own_rows(folder).to_pydict() == {"x": [0.5, -0.5], "c": ["a", "b"]}
    (folder / "input_example.json").unlink()
    assert own_rows(folder).to_pydict() == {"x": [0.0], "c": [""]}


def test_a_type_that_is_not_scikit_learns_own_needs_permission(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", FunctionTransformer(os.getcwd), trusted=("posix.getcwd",))
    with pytest.raises(Refused, match=r"has the type posix.getcwd in it.*MODELMEDIC_ALLOW_PICKLE=true"):
        load_model(folder)
    assert load_model(folder, allow_pickle=True).unpickled


@pytest.mark.parametrize(
    "kind",
    [
        "operator.methodcaller",
        "operator.attrgetter",
        "builtins.eval",
        "sklearn.linear_model._base.LinearRegression.fit",  # a method of a class: skops before 0.13 did not ask about it
        "sklearn.utils.fixes.getattr",
        "sklearnx.Model",
        "sklearn.Model()",
    ],
)
def test_no_function_method_or_lookalike_is_taken_for_a_class_of_scikit_learn(kind: str) -> None:
    assert not trusts(kind)


def test_the_trees_of_the_builtin_trainer_need_no_permission(tmp_path: Path) -> None:
    """skops 0.16 does not trust scikit-learn's tree nodes by itself any more."""
    rows = np.linspace(0, 1, 200).reshape(-1, 1)
    boosted = HistGradientBoostingRegressor(max_iter=2).fit(rows, rows[:, 0])
    nodes = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
    loaded = load_model(write(tmp_path / "m", boosted, trusted=(nodes,)), Task.REGRESSION)
    assert not loaded.unpickled
    assert loaded.ask(rows[:3]).tolist() == boosted.predict(rows[:3]).tolist()


def test_a_type_that_the_model_does_not_even_name_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", FunctionTransformer(os.getcwd))
    with pytest.raises(Refused, match="types in it that its MLmodel file does not name"):
        load_model(folder, allow_pickle=True)


def test_code_that_the_model_brings_needs_permission(tmp_path: Path) -> None:
    folder = write(tmp_path / "m", trained(), flavor={"serialization_format": "pickle"})
    text = (folder / "MLmodel").read_text().replace('"mlflow.sklearn"', '"somebodys.module"')
    (folder / "MLmodel").write_text(text)
    with pytest.raises(Refused, match="brings Python code of its own"):
        load_model(folder)


def test_no_model_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no readable MLmodel"):
        load_model(tmp_path)
    (tmp_path / "MLmodel").write_text("flavors: nothing")
    with pytest.raises(BadInput, match="names no flavors"):
        load_model(tmp_path)
    folder = write(tmp_path / "m", trained())
    (folder / "model.skops").write_bytes(b"no zip")
    with pytest.raises(BadInput, match="cannot be read with this environment's scikit-learn and skops"):
        load_model(folder)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_pickle_is_opened_by_mlflow_only_with_permission(tmp_path: Path) -> None:
    model = trained()
    flavor = {"serialization_format": "pickle", "pickled_model": "model.pkl"}
    folder = write(tmp_path / "m", model, flavor=flavor)
    (folder / "MLmodel").write_text((folder / "MLmodel").read_text().replace('"model_path": "model.skops"', '"model_path": "model.pkl"'))
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    with pytest.raises(Refused, match="is pickled"):
        load_model(folder, Task.BINARY)
    loaded = load_model(folder, Task.BINARY, allow_pickle=True)
    frame = pd.DataFrame({"x": [2.0], "c": ["a"]})
    assert loaded.unpickled
    assert loaded.ask(frame).tolist() == pytest.approx(model.predict_proba(frame)[:, 1].tolist())
    assert "MLFLOW_ALLOW_PICKLE_DESERIALIZATION" not in os.environ

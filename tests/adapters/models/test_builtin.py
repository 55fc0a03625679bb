"""The tabular default learns through nulls, codes it never saw and columns without a word in them,
the same every time.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from modelmedic.steps.adapters.models.builtin import train
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.core.statistics.metrics import score
from tests.worlds.training import policy


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread, as in the training process: OpenMP's threads wait for one another in a busy loop,
    which a shared machine makes endless.
    """
    with threadpool_limits(1):
        yield


def _frame(n: int = 4000, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    plan = rng.choice(["free", "plus", "pro"], n).astype(object)
    age, spend = rng.normal(40, 10, n), rng.gamma(2, 50, n)
    z = (age - 40) / 10 + np.where(plan == "pro", -1.5, 0.5)
    plan[rng.random(n) < 0.05] = None
    age[rng.random(n) < 0.1] = np.nan
    return pd.DataFrame({"age": age, "spend": spend, "plan": plan, "left": (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)})


def _answers(model: Any, frame: pd.DataFrame) -> np.ndarray:
    return np.asarray(model.predict_proba(frame[["age", "spend", "plan"]])[:, 1])


def _calibration_line(probability: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cox's (1958) line logit P(y = 1) = intercept + slope * logit(p): both numbers and their
    standard errors; 0 and 1 where the probabilities are calibrated.
    """
    design = np.column_stack([np.ones(len(target)), np.log(probability) - np.log1p(-probability)])
    fitted = LogisticRegression(C=1e9).fit(design[:, 1:], target)
    chance = fitted.predict_proba(design[:, 1:])[:, 1]
    information = design.T @ (design * (chance * (1 - chance))[:, None])
    return np.array([fitted.intercept_[0], fitted.coef_[0, 0]]), np.sqrt(np.diag(np.linalg.inv(information)))


def test_probabilities_are_calibrated_on_rows_like_its_own() -> None:
    model, later = train(_frame(), policy()), _frame(seed=2)
    answers = _answers(model, later)
    (intercept, slope), errors = _calibration_line(answers, later["left"].to_numpy())
    assert score("auc", later["left"].to_numpy(), answers) > 0.75
    assert abs(slope - 1) < 3 * errors[1] + 0.1
    assert abs(intercept) < 3 * errors[0] + 0.05


def test_nulls_and_unseen_codes_are_answered() -> None:
    model = train(_frame(), policy())
    odd = pd.DataFrame({"age": [np.nan, 1e9, -1.0], "spend": [np.nan, 0.0, 1.0], "plan": [None, "never seen", ""]})
    assert np.isfinite(_answers(model, odd)).all()


@pytest.mark.parametrize("column", ["age", "plan"])
def test_column_without_a_value_is_learnt_around(column: str) -> None:
    frame = _frame()
    frame[column] = np.full(len(frame), np.nan) if column == "age" else np.full(len(frame), None, dtype=object)
    assert np.isfinite(_answers(train(frame, policy()), _frame())).all()


def test_ten_thousand_codes_are_no_trouble() -> None:
    frame = _frame()
    frame["plan"] = [f"c{code}" for code in np.random.default_rng(3).integers(0, 10_000, len(frame))]
    later = _frame(seed=4)
    assert score("auc", later["left"].to_numpy(), _answers(train(frame, policy()), later)) > 0.6


def test_same_rows_make_the_same_model() -> None:
    later = _frame(seed=2)
    first, second = (_answers(train(_frame(), policy()), later) for _ in range(2))
    assert (first == second).all()


def test_regression_answers_values() -> None:
    rules: Policy = policy(
        data={"task": "regression", "target": "left", "time": "at", "numeric": ["age", "spend"], "categorical": ["plan"]}
    )
    frame = _frame().assign(left=lambda rows: rows["spend"] * 2 + np.where(rows["plan"] == "pro", 100, 0))
    predicted = train(frame, rules).predict(frame[["age", "spend", "plan"]])
    assert np.corrcoef(predicted, frame["left"])[0, 1] > 0.95


def test_labels_of_one_class_or_with_nulls_are_refused() -> None:
    with pytest.raises(BadInput, match="expected both 0 and 1"):
        train(_frame().assign(left=1.0), policy())
    with pytest.raises(BadInput, match="expected finite labels"):
        train(_frame().assign(left=np.nan), policy())


def test_calibration_line_finds_what_was_done_to_probabilities() -> None:
    rng = np.random.default_rng(5)
    z = rng.normal(size=20_000)
    y = (rng.random(len(z)) < 1 / (1 + np.exp(-z))).astype(float)
    line, errors = _calibration_line(1 / (1 + np.exp(-(2 * z + 1))), y)
    assert line == pytest.approx([-0.5, 0.5], abs=4 * float(errors.max()))


def test_rows_of_little_weight_teach_little_and_the_scale_of_weights_means_nothing() -> None:
    old, new, later = _frame(seed=3), _frame(seed=4), _frame(seed=5)
    both = pd.concat([old.assign(left=1 - old["left"]), new], ignore_index=True)  # the old rows contradict the new ones
    weight = np.where(np.arange(len(both)) < len(old), 0.02, 1.0)
    target = later["left"].to_numpy()
    alike, weighted, scaled = (_answers(train(both, policy(), weights), later) for weights in (None, weight, 1e-6 * weight))
    assert score("auc", target, alike) < 0.6
    assert score("auc", target, weighted) > 0.68  # of 0.78: a code's mean target knows no weights
    assert np.allclose(weighted, scaled)

"""A model with a correction on top, made of scikit-learn's own parts, so that MLflow saves and
loads it like any other.
"""

from typing import Any

import numpy as np
import pandas as pd

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.words import Task


def recalibrated(model: Any, rows: pd.DataFrame, target: np.ndarray, task: Task) -> Any:
    """The fitted model under a line fitted on these rows: a logistic one on the logit (Platt 1999)
    or a straight one on the value.

    Both keep the order of the answers. Raises BadInput when there is nothing to fit, or the line
    would reverse the order.
    """
    from sklearn.ensemble import StackingClassifier, StackingRegressor
    from sklearn.linear_model import LinearRegression, LogisticRegression

    if task is Task.BINARY:
        if set(np.unique(target)) != {0.0, 1.0}:
            raise BadInput("recalibration got labels of one class only; expected both 0 and 1")
        method = "decision_function" if hasattr(model, "decision_function") else "predict_proba"
        stack = StackingClassifier([("model", model)], LogisticRegression(C=1e6), cv="prefit", stack_method=method)
    else:
        stack = StackingRegressor([("model", model)], LinearRegression(), cv="prefit")
    fitted = stack.fit(rows, target)
    slope = float(np.ravel(fitted.final_estimator_.coef_)[0])
    if slope <= 0:
        raise BadInput(
            f"recalibration found the slope {slope:.3g}: the model orders these rows the wrong way round, and no line mends that"
        )
    return fitted

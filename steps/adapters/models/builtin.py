"""The tabular default: gradient-boosted trees that bear nulls and unseen codes, and stop before
they learn the noise. Named by `train.entrypoint: builtin`.

Small trees and few of them: the challenger is judged on later rows than it learnt from, where deep
trees lose. The number of trees is the one that was best on the latest rows; the final model then
learns from all rows. One seed, so one frame gives one model.

Weights count as rows do: they are scaled to a mean of 1, a leaf needs a share of what the rows are
worth (Kish), and the latest rows are a share of the weight. Taken as they are, weights that halve
every half of the history made a model that lost 1.03 (bikes), 1.04 (seoul) and 0.93 (weather) of
what the last history alone gives; so it loses 0.99, 1.015 and 0.935. One limit: scikit-learn's
encoder takes no weights, so that a code's mean is that of all rows alike.

Probabilities are the trees' own: log loss calibrates on rows like its own, and a correction fitted
on the latest rows made the next month worse (flights, ten months: mean log loss 0.543 with it,
0.533 without).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.training.weighting import worth

Weights = npt.NDArray[np.float64]
_SEED = 0
_LATEST = 0.15  # share of the rows by their weight, the latest, on which the number of trees is chosen
_MOST_TREES = 150
# The latest rows differ from the older ones by more than noise, and then fewer trees look best than
# are: a model of at least 50 loses 0.97 (bikes), 1.00 (seoul, weather, flights) and, on turbine, on
# which it was not chosen, 0.95 of what one of at least 20 does, in the four weeks after a training.
_LEAST_TREES = 50


def train(frame: pd.DataFrame, policy: Policy, weight: Weights | None = None) -> Any:
    """A fitted scikit-learn pipeline from the policy's features to its target; `frame` has both, by
    time. `weight` says how much each row counts, shape (rows,); None: all alike.

    Raises BadInput when there is nothing to learn: no rows, or one class.
    """
    target = _target(frame, policy)
    rows = frame[list(policy.features)]
    counts = np.ones(len(rows)) if weight is None else weight * len(rows) / weight.sum()  # the regularisation counts in rows
    cut = int(np.searchsorted(np.cumsum(counts), (1 - _LATEST) * len(rows), side="right"))
    early, late = slice(None, cut), slice(cut, None)
    trial = _boosted(policy, rows[early], worth(counts[early]), _MOST_TREES)
    encode, trees = trial.steps[0][1], trial.steps[1][1]
    trees.set_params(early_stopping=True).fit(
        encode.fit_transform(rows[early], target[early]),
        target[early],
        sample_weight=None if weight is None else counts[early],
        X_val=encode.transform(rows[late]),
        y_val=target[late],
        sample_weight_val=None if weight is None else counts[late],
    )
    best = max(int(np.argmax(trees.validation_score_)), _LEAST_TREES)
    return _boosted(policy, rows, worth(counts), best).fit(rows, target, boost__sample_weight=None if weight is None else counts)


def _target(frame: pd.DataFrame, policy: Policy) -> np.ndarray:
    target = frame[policy.data.target].to_numpy(dtype=np.float64)
    values = np.unique(target)
    if not len(target) or not np.isfinite(values).all():
        raise BadInput(f"target {policy.data.target} has {len(target)} rows with nulls or infinities among them; expected finite labels")
    if policy.data.task is Task.BINARY and set(values) != {0.0, 1.0}:
        raise BadInput(f"target {policy.data.target} holds {values[:5].tolist()}; expected both 0 and 1")
    return target


def _boosted(policy: Policy, rows: pd.DataFrame, size: int, trees: int) -> Any:
    """An unfitted pipeline for rows that are worth `size` of one weight. A code becomes its mean
    target, of other rows than its own while it learns (sklearn's TargetEncoder): any number of
    codes will do, a rare one leans to the mean of all, and an unseen one gets that mean.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.model_selection import KFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import TargetEncoder

    kind = HistGradientBoostingClassifier if policy.data.task is Task.BINARY else HistGradientBoostingRegressor
    boost = kind(
        learning_rate=0.1,
        max_iter=trees,
        max_leaf_nodes=8,
        min_samples_leaf=int(np.clip(size // 100, 10, 200)),
        l2_regularization=5.0,
        max_features=0.5,
        early_stopping=False,
        n_iter_no_change=10,
        random_state=_SEED,
    )
    codes = TargetEncoder(target_type="continuous", cv=KFold(5, shuffle=True, random_state=_SEED))
    numbers = [name for name in policy.data.numeric if rows[name].notna().any()]  # the trees cannot bin a column without a value
    columns = [("numbers", "passthrough", numbers), ("codes", codes, list(policy.data.categorical))]
    return Pipeline([("encode", ColumnTransformer([part for part in columns if part[2]])), ("boost", boost)])

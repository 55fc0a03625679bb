"""A tree that would lead its reader astray is named before anything follows it; every tree that
scikit-learn fits is taken.
"""

import copy
from typing import Any

import numpy as np
import pytest

from modelmedic.steps.adapters.models.trees import check_trees
from modelmedic.steps.contracts.errors import BadInput


def fitted(kind: str) -> Any:
    from sklearn import ensemble, tree
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=(400, 3)), rng.integers(0, 5, 400)])
    kinds: dict[str, Any] = {
        "forest": ensemble.RandomForestClassifier(3),
        "boosted": ensemble.HistGradientBoostingClassifier(max_iter=3, categorical_features=[3]),
        "boosted without codes": ensemble.HistGradientBoostingRegressor(max_iter=3),
        "old boosted": ensemble.GradientBoostingClassifier(n_estimators=3),
        "bagged": ensemble.BaggingClassifier(n_estimators=3, max_features=2),
        "isolated": ensemble.IsolationForest(n_estimators=3),
        "by leaves": tree.DecisionTreeClassifier(max_leaf_nodes=6),
        "in a pipeline": make_pipeline(StandardScaler(), ensemble.ExtraTreesClassifier(3)),
        "stacked": ensemble.StackingClassifier([("a", ensemble.RandomForestClassifier(3))]),
        "of one node": tree.DecisionTreeClassifier(max_depth=1, min_samples_leaf=399),
    }
    return kinds[kind].fit(x, (x[:, 0] + (x[:, 3] == 2) > 0).astype(int))


@pytest.mark.parametrize(
    "kind",
    [
        "forest",
        "boosted",
        "boosted without codes",
        "old boosted",
        "bagged",
        "isolated",
        "by leaves",
        "in a pipeline",
        "stacked",
        "of one node",
    ],
)
def test_every_fitted_model_is_taken(kind: str) -> None:
    check_trees(fitted(kind))


@pytest.mark.parametrize(
    ("field", "value", "words"), [("left", 0, "child is none"), ("feature_idx", 9, "beyond the 4"), ("bitset_idx", 99, "codes")]
)
def test_a_forged_boosted_tree_is_named(field: str, value: int, words: str) -> None:
    model = copy.deepcopy(fitted("boosted"))
    nodes = next(each[0].nodes for each in model._predictors if (each[0].nodes["is_categorical"] != 0).any())
    by_code = nodes["is_categorical"] != 0
    place = np.flatnonzero(by_code if field == "bitset_idx" else (nodes["is_leaf"] == 0) & ~by_code)[0]
    nodes[field][place] = value
    with pytest.raises(BadInput, match=words):
        check_trees(model)

"""The decision trees of a scikit-learn model that was built from somebody's file, checked before
anything asks them: their compiled code follows node and column numbers without looking whether
there is such a node or column.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from modelmedic.steps.contracts.errors import BadInput

_MOST_OBJECTS = 5_000_000


def check_trees(model: Any) -> None:
    """Raises BadInput for a tree with a child that is no later node, or a split by a column that
    the model does not have.

    Scikit-learn numbers nodes from the root down, so that a child comes after its parent: numbers
    that only grow make no circle.
    """
    for tree, columns, categorical in _trees(model):
        fault = _fault_of_predictor(tree, columns, categorical) if _is_predictor(tree) else _fault(tree, columns)
        if fault:
            raise BadInput(f"a {type(tree).__name__} of the model {fault}; expected a tree as scikit-learn fits it")


def _is_tree(found: Any) -> bool:
    return type(found).__module__ == "sklearn.tree._tree" and type(found).__name__ == "Tree"


def _is_predictor(found: Any) -> bool:
    return type(found).__module__.startswith("sklearn.ensemble._hist_gradient_boosting") and type(found).__name__ == "TreePredictor"


def _trees(model: Any) -> Iterator[tuple[Any, int | None, Any]]:
    """Each tree, with the number of columns of the estimator that it belongs to and which of these
    are categorical.
    """
    waiting: list[tuple[Any, int | None, Any]] = [(model, None, None)]
    met: dict[int, Any] = {}  # held, so that no number is used twice
    while waiting:
        found, columns, categorical = waiting.pop()
        if id(found) in met or isinstance(found, str | bytes | int | float | None):
            continue
        met[id(found)] = found
        if len(met) > _MOST_OBJECTS:
            raise BadInput(f"the model has more than {_MOST_OBJECTS} parts; expected fewer")
        if _is_tree(found) or _is_predictor(found):
            yield found, columns, categorical
            continue
        own = vars(found) if hasattr(found, "__dict__") and not isinstance(found, type) else {}
        columns = own.get("n_features_in_", columns)
        categorical = own.get("_is_categorical_remapped", own.get("is_categorical_", categorical))  # by the columns as the trees see them
        waiting += [(part, columns, categorical) for part in (*own.values(), *_parts(found))]


def _parts(found: Any) -> Iterator[Any]:
    if isinstance(found, Mapping):
        yield from found.values()
    elif isinstance(found, list | tuple | set | frozenset):
        yield from found
    elif isinstance(found, np.ndarray) and found.dtype == object:
        yield from found.ravel()


def _fault(tree: Any, columns: int | None) -> str | None:
    left, right, feature = (np.asarray(getattr(tree, name)) for name in ("children_left", "children_right", "feature"))
    nodes = int(tree.node_count)
    if not nodes or not len(left) == len(right) == len(feature) == nodes:
        return f"has {nodes} nodes and {len(left)} of them"
    leaf = (left == -1) & (right == -1)
    return _fault_of_nodes(left, right, feature, leaf, int(tree.n_features) if columns is None else min(columns, int(tree.n_features)))


def _fault_of_predictor(tree: Any, columns: int | None, categorical: Any) -> str | None:
    nodes = tree.nodes
    if (
        not isinstance(nodes, np.ndarray)
        or nodes.ndim != 1
        or not len(nodes)
        or not {"left", "right", "is_leaf"} <= set(nodes.dtype.names or ())
    ):
        return "has no nodes"
    leaf = nodes["is_leaf"] != 0
    split, most = nodes[~leaf], np.iinfo(np.int64).max if columns is None else columns
    by_code = split[split["is_categorical"] != 0]
    if len(by_code):
        sets = min(len(tree.binned_left_cat_bitsets), len(tree.raw_left_cat_bitsets))
        known = np.zeros(0, dtype=bool) if categorical is None else np.asarray(categorical, dtype=bool)
        asked = by_code["feature_idx"].astype(np.int64)
        if (by_code["bitset_idx"] >= sets).any() or (asked >= len(known)).any() or not known[asked].all():
            return "splits by codes that it does not have"
    return _fault_of_nodes(nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), nodes["feature_idx"], leaf, most)


def _fault_of_nodes(left: Any, right: Any, feature: Any, leaf: Any, columns: int) -> str | None:
    """What is wrong with the nodes, shape (nodes,) each; None for a tree."""
    places = np.arange(len(left))
    for child in (left, right):
        if (~leaf & ((child <= places) | (child >= len(left)))).any():
            return "has a node whose child is none of the nodes after it"
    if (~leaf & ((feature < 0) | (feature >= columns))).any():
        return f"splits by a column beyond the {columns} that the model has"
    return None

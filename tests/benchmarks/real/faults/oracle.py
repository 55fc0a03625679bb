"""An oracle that has the window without the fault as well: can the broken rows be told from the
usual ones at all? It sees rows one by one, so that faults of order (late, stuck) may escape it.
"""

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from tests.benchmarks.real.faults.planting import Planted
from tests.benchmarks.real.faults.sources import ANSWER

_SURE = 3.0  # standard errors of the rank sum
_MOST_ROWS = 2_000


def sees(case: Planted) -> bool:
    """True where trees that were shown half of the rows, each either usual or broken, tell the
    other half better than by chance.
    """
    usual, broken = case.scene.frame(), case.frame
    if len(usual) != len(broken) or set(usual) != set(broken):
        return True
    both = pd.concat([usual, broken], keys=[0, 1])
    both = both.assign(error=both[case.scene.source.target] - both[ANSWER])
    columns = [*case.scene.source.policy.features, case.scene.source.target, ANSWER, "error"]
    x = np.column_stack(
        [_numbers(both[c]) for c in columns] + [both[case.scene.source.time].dt.hour, both[case.scene.source.time].dt.dayofweek]
    )
    differs = ~np.all((x[: len(usual)] == x[len(usual) :]) | (np.isnan(x[: len(usual)]) & np.isnan(x[len(usual) :])), axis=1)
    rng = np.random.default_rng(0)
    row = np.flatnonzero(differs)
    row = rng.permutation(row)[:_MOST_ROWS]
    if len(row) < 20:
        return False
    is_broken = rng.random(len(row)) < 0.5  # each row is shown once, as it was or as it became
    shown, half = x[row + len(usual) * is_broken], np.arange(len(row)) % 2 == 0
    z = [_told(shown[a], is_broken[a], shown[~a], is_broken[~a]) for a in (half, ~half)]
    return bool(np.sum(z) / np.sqrt(2) > _SURE)


def _told(x: np.ndarray, y: np.ndarray, others: np.ndarray, truth: np.ndarray) -> float:
    """Mann and Whitney's statistic in standard errors."""
    if len(np.unique(y)) < 2 or len(np.unique(truth)) < 2:
        return 0.0
    model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=8, min_samples_leaf=5, random_state=0).fit(x, y)
    rank = pd.Series(model.predict_proba(others)[:, 1]).rank().to_numpy()
    a, b = int(truth.sum()), int((~truth).sum())
    area = (rank[truth].sum() - a * (a + 1) / 2) / (a * b)
    return float((area - 0.5) / np.sqrt((a + b + 1) / (12 * a * b)))


def _numbers(values: pd.Series) -> np.ndarray:
    if values.dtype == object:
        return np.asarray(pd.factorize(values)[0], dtype=np.float64)
    return values.to_numpy(dtype=np.float64)

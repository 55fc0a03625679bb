"""The ranking: where the model still orders the rows and only the level of the labels moved,
recalibration is enough.
"""

import numpy as np

from modelmedic.steps.core.statistics.residuals import LabelledRows
from modelmedic.steps.core.tables.arrays import Floats


def ranking_holds(rows: LabelledRows) -> bool:
    """True when AUC fell by less than three standard errors (Hanley and McNeil 1982)."""
    (before, error), (after, other) = (_auc(y, p) for y, p in zip(rows.target, rows.prediction, strict=True))
    return before - after < max(3 * float(np.hypot(error, other)), 0.01)


def _auc(target: Floats, score: Floats) -> tuple[float, float]:
    """Mann-Whitney's statistic with midranks, and Hanley and McNeil's standard error."""
    positives, negatives = float(target.sum()), float(len(target) - target.sum())
    if not positives or not negatives:
        return 0.5, 0.5
    ordered, sought = np.sort(score), np.sort(score[target == 1])
    ranks = (np.searchsorted(ordered, sought, side="left") + 1 + np.searchsorted(ordered, sought, side="right")) / 2
    auc = float((ranks.sum() - positives * (positives + 1) / 2) / (positives * negatives))
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)) / (positives * negatives)
    return auc, float(np.sqrt(max(variance, 0.0)))

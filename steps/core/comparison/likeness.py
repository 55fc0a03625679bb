"""The likeness of two versions' answers to the same inputs, which needs no label."""

import numpy as np

from modelmedic.steps.contracts.comparison import AnswerLikeness
from modelmedic.steps.core.tables.arrays import Floats


def likeness(served: Floats, other: Floats) -> AnswerLikeness | None:
    """The likeness of finite answers, shapes (n,); None without a row."""
    if not len(served):
        return None
    spread = float(np.abs(other - np.median(other)).mean())
    distance = float(np.abs(served - other).mean()) / spread if spread > 0 else float(np.inf)
    return AnswerLikeness(len(served), _spearman(served, other), min(distance, 1e6), _most_frequent(served), _most_frequent(other))


def _spearman(first: Floats, second: Floats) -> float:
    """0 where either gives one answer to everything."""
    from scipy.stats import rankdata  # a second to import, which a monitor that compares nothing does without

    a, b = rankdata(first), rankdata(second)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _most_frequent(answers: Floats) -> float:
    return float(np.unique(answers, return_counts=True)[1].max() / len(answers))

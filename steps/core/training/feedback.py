"""Feedback: labels that a model wrote itself. A challenger that learns from them learns the model's
own mistakes, a little more with every heal.
"""

import numpy as np

from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.statistics.metrics import score
from modelmedic.steps.core.tables.arrays import Floats

_LEAST_ROWS = 200
_EQUAL = 0.5  # share of labels that are the served prediction to the last digit


def feedback_reason(task: Task, target: Floats, prediction: Floats) -> str:
    """A sentence when the labels are the served predictions, or a threshold on them; empty when
    they come from the world.
    """
    known = np.isfinite(target) & np.isfinite(prediction)
    y, p = target[known], prediction[known]
    if len(y) < _LEAST_ROWS or np.ptp(y) == 0 or np.ptp(p) == 0:
        return ""
    equal = float((y == p).mean())
    if equal > _EQUAL and len(np.unique(p)) > 2:
        return f"{equal:.0%} of {len(y)} labels are the served prediction itself: the model would learn from its own answers"
    if task is Task.BINARY and score("auc", y, p) == 1.0:
        return f"all {len(y)} labels follow from the served prediction by a threshold: the model would learn from its own answers"
    return ""

"""The loss of one row: profiles sum it for the verdict, the diagnosis compares it row by row."""

import numpy as np

from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.arrays import Floats


def row_loss(task: Task, target: Floats, prediction: Floats, edge: float = 1e-4) -> Floats:
    """Log loss (probabilities clipped at `edge`, so that one row cannot own the mean) or squared
    error, per row.
    """
    if task is Task.REGRESSION:
        return np.asarray((target - prediction) ** 2)
    clipped = np.clip(prediction, edge, 1 - edge)
    with np.errstate(invalid="ignore"):  # an infinite label has no log loss: it is NaN
        return np.asarray(-(target * np.log(clipped) + (1 - target) * np.log(1 - clipped)))

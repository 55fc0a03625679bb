"""The loss of one row: profiles sum it for the verdict, the diagnosis compares it row by row."""

import numpy as np

from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.arrays import Floats


def row_loss(task: Task, target: Floats, prediction: Floats) -> Floats:
    """Log loss (probabilities clipped at 1e-4, so that one row cannot own the mean) or squared
    error, per row.
    """
    if task is Task.REGRESSION:
        return np.asarray((target - prediction) ** 2)
    clipped = np.clip(prediction, 1e-4, 1 - 1e-4)
    return np.asarray(-(target * np.log(clipped) + (1 - target) * np.log(1 - clipped)))

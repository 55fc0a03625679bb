"""The losses of answers, and the price of a training in the same unit: with them a way of running
the model costs one number.
"""

import numpy as np

from modelmedic.steps.backtesting.models import Floats
from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.row_loss import row_loss

_EDGE = 1e-6  # probabilities are kept this far from 0 and 1, so that one wrong certainty has a finite loss
_DAY = 86_400_000_000  # µs
_FIRST_DAYS = 28  # the days of a replay by which a day's loss is told


def targets(past: Past) -> Floats:
    """The labels of all rows, shape (n,); NaN where a row never got one."""
    return np.asarray(past.rows[past.policy.data.target].to_numpy(zero_copy_only=False), dtype=np.float64)


def row_losses(task: Task, target: Floats, answers: Floats) -> Floats:
    """The log loss or the squared error of each row, shape (n,); NaN where it has no label."""
    return row_loss(task, target, answers, _EDGE)


def price_of(percent_days: float, past: Past, first: int, losses: Floats) -> float:
    """The price of a training as a sum of losses: so many per cent of a day's loss, for so many
    days.

    `losses` are the first champion's on the rows from place `first` on, shape (n,). A day's loss is
    the mean of its first 28 days that have labels.
    """
    known = np.isfinite(losses)
    day = past.times[first : first + len(losses)][known] // _DAY
    days, start = np.unique(day, return_index=True)
    if not len(days):
        return 0.0
    sums = np.add.reduceat(losses[known], start)[:_FIRST_DAYS]
    return float(percent_days / 100 * sums.mean())

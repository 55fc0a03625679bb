"""Leakage: a column that knows the label. A feature that was written after the event looks like the
best model there ever was.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.statistics.metrics import score
from modelmedic.steps.core.tables.arrays import Floats

_TELLS = 0.99  # strength of one column or of a model; a simple world may reach less than this
_LEAST_OF_A_CODE = 5.0  # rows that the mean of all counts for in a code's mean, so that rare codes tell little


def leaking_column(task: Task, target: Floats, columns: Mapping[str, npt.NDArray[np.generic]]) -> tuple[str, float]:
    """The strongest column if it tells the label all by itself (else an empty name), and its
    strength, 0..1.
    """
    strengths = {name: strength(task, target, _numbers(values, target)) for name, values in columns.items()}
    name = max(strengths, key=lambda column: strengths[column], default="")
    best = strengths.get(name, 0.0)
    return (name if best > _TELLS else ""), best


def too_good(task: Task, target: Floats, answers: Floats | None) -> bool:
    return answers is not None and strength(task, target, answers) > _TELLS


def strength(task: Task, target: Floats, answers: Floats) -> float:
    """The strength with which answers order the labels, either way round: |2 AUC - 1| (binary) or
    Spearman's |rho| (regression).
    """
    known = np.isfinite(answers)
    if known.sum() < 30 or np.ptp(answers[known]) == 0 or np.ptp(target[known]) == 0:
        return 0.0
    share = float(known.mean())  # a column that is known in few rows tells little, however well
    if task is Task.BINARY:
        value = score("auc", target[known], answers[known])
        return share * abs(2 * value - 1) if np.isfinite(value) else 0.0
    return share * abs(float(np.corrcoef(rankdata(target[known]), rankdata(answers[known]))[0, 1]))


def _numbers(values: npt.NDArray[np.generic], target: Floats) -> Floats:
    """Codes as their mean label in the other half of the rows, drawn towards the mean of all, so
    that no row's own label is in its number.
    """
    if values.dtype != object:
        return np.asarray(values, dtype=np.float64)
    names, codes = np.unique(np.asarray([str(value) for value in values]), return_inverse=True)
    mean, half = float(target.mean()), np.arange(len(target)) % 2 == 0
    numbers = np.empty(len(target))
    for here in (half, ~half):
        count = np.bincount(codes[~here], minlength=len(names))
        total = np.bincount(codes[~here], target[~here], minlength=len(names))
        numbers[here] = ((total + _LEAST_OF_A_CODE * mean) / (count + _LEAST_OF_A_CODE))[codes[here]]
    return numbers

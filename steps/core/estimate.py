"""The loss without labels, with its interval: what the reference's labels let expect of such rows. It never sees a concept drift.

Binary: confidence-based estimation (CBPE, NannyML): a row whose calibrated probability is c loses -(c log p + (1 - c) log(1 - p))
on average. Regression: the squared error is itself remembered from the reference, given inputs and prediction (as DLE does).
"""

import numpy as np

from steps.contracts.diagnosis import Estimate
from steps.contracts.words import Task
from steps.core.memory import remember
from steps.core.pairing import Column, Floats, Pair
from steps.core.residuals import Mask, row_loss

_BINS = 20
_LEAST_ROWS = 100
_WIDTH = 1.96  # of a 95 % interval, in standard errors


def estimate(both: Pair) -> Estimate | None:
    """None without predictions in both windows; a regression needs the reference's labels as well."""
    if both.prediction is None or both.task is None:
        return None
    answered = [np.isfinite(p) for p in both.prediction]
    if min(a.sum() for a in answered) < _LEAST_ROWS:
        return None
    known = answered[0] & np.isfinite(both.target[0]) if both.target is not None else np.zeros(both.rows[0], dtype=bool)
    if both.task is Task.BINARY:
        return _binary(both, known, answered[1]) if all(_probabilities(p) for p in both.prediction) else None
    return _regression(both, known, answered[1]) if known.sum() >= _LEAST_ROWS else None


def _probabilities(values: Floats) -> bool:
    finite = values[np.isfinite(values)]
    return bool(len(finite)) and finite.min() >= 0 and finite.max() <= 1 and len(np.unique(finite[:1000])) > 2


def _binary(both: Pair, known: Mask, answered: Mask) -> Estimate:
    assert both.prediction is not None
    current = both.prediction[1][answered]
    if known.sum() >= _LEAST_ROWS and both.target is not None:
        before, y = both.prediction[0][known], both.target[0][known]
        edges = np.unique(np.quantile(before, np.linspace(0, 1, _BINS + 1)[1:-1]))
        which, now = np.searchsorted(edges, before), np.searchsorted(edges, current)
        size = np.bincount(which, minlength=len(edges) + 1)
        # what the model is used to get wrong in this range of its answers, drawn towards nothing where there are few rows
        wrong = np.bincount(which, y - before, minlength=len(edges) + 1) / (size + 25)
        chance = np.clip(current + wrong[now], 1e-4, 1 - 1e-4)
        reference = float(row_loss(Task.BINARY, y, before).mean())
        lean = np.bincount(now, _slope(current), minlength=len(edges) + 1) / len(current)
        spread = np.bincount(which, (y - before) ** 2, minlength=len(edges) + 1) / np.maximum(size, 1)
        calibration = float((lean**2 * spread / np.maximum(size, 1)).sum())
    else:
        first = both.prediction[0][np.isfinite(both.prediction[0])]
        chance, calibration = np.clip(current, 1e-4, 1 - 1e-4), 0.0
        reference = float(_expected(first, np.clip(first, 1e-4, 1 - 1e-4)).mean())
    expected = _expected(current, chance)
    within = chance * (1 - chance) * _slope(current) ** 2
    error = float(np.sqrt((expected.var() + within.mean()) / len(current) + calibration))
    return _estimate("log_loss", float(expected.mean()), error, reference)


def _expected(prediction: Floats, chance: Floats) -> Floats:
    p = np.clip(prediction, 1e-4, 1 - 1e-4)
    return np.asarray(-(chance * np.log(p) + (1 - chance) * np.log(1 - p)))


def _slope(prediction: Floats) -> Floats:
    """How fast the expected loss changes with the chance of a positive."""
    p = np.clip(prediction, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(1 - p) - np.log(p))


def _regression(both: Pair, known: Mask, answered: Mask) -> Estimate | None:
    assert both.prediction is not None
    assert both.target is not None
    rows = (known, answered)
    loss = row_loss(Task.REGRESSION, both.target[0][rows[0]], both.prediction[0][rows[0]])
    answer = Column("prediction", True, *both.prediction)
    ceiling = float(np.quantile(loss, 0.99))
    memory = remember((*both.columns, answer), np.minimum(loss, ceiling), rows, rounds=40)
    if memory is None:
        return None
    rest = float(loss.mean() - np.minimum(loss, ceiling).mean())  # what the cut-off outliers add, wherever they fall
    expected = np.maximum(memory.current, 0) + rest
    left = loss - memory.reference
    drift = abs(float(memory.reference.mean()) - float(np.minimum(loss, ceiling).mean()))
    error = np.sqrt(left.var() * (1 / len(loss) + 1 / len(expected)) + expected.var() / len(expected)) + drift
    return _estimate("squared_error", float(expected.mean()), float(error), float(loss.mean()))


def _estimate(metric: str, value: float, error: float, reference: float) -> Estimate:
    return Estimate(metric, value, max(value - _WIDTH * error, 0.0), value + _WIDTH * error, reference)

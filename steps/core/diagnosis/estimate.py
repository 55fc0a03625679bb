"""The estimated loss without labels, with its interval: the loss that the reference's labels let
expect of such rows. It never sees a concept drift.

Binary: confidence-based estimation (CBPE, NannyML): a row whose calibrated probability is c loses
-(c log p + (1 - c) log(1 - p)) on average. Regression: the squared error is itself remembered from
the reference, given inputs and prediction (as DLE does).

Both are checked on stretches of the reference, each estimated from the rest: where labels move by
days that no input knows of, the estimate is wrong by more than sampling explains, and its interval
is widened by that. And where few rows of the reference are like the current ones, only those few
count: the error grows by the root of their effective share.
"""

import numpy as np
from scipy.special import chdtrc

from modelmedic.steps.contracts.diagnosis import Estimate
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.statistics.crossfit import remember
from modelmedic.steps.core.statistics.importance import overlap
from modelmedic.steps.core.statistics.replay import stretches
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.pairing import Column, Pair
from modelmedic.steps.core.tables.row_loss import row_loss

_BINS = 20
_LEAST_ROWS = 100
_STRETCHES = 8  # of the reference, on which the estimate is compared with their realised loss
_CLEAR = 1e-3  # p-value below which their errors are more than chance
_WIDTH = 1.96  # of a 95 % interval, in standard errors


def estimate(both: Pair) -> Estimate | None:
    """The estimate; None without predictions in both windows, or for a regression without the
    reference's labels.
    """
    if both.prediction is None or both.task is None:
        return None
    answered = (np.isfinite(both.prediction[0]), np.isfinite(both.prediction[1]))
    if min(a.sum() for a in answered) < _LEAST_ROWS:
        return None
    known = answered[0] & np.isfinite(both.target[0]) if both.target is not None else np.zeros(both.rows[0], dtype=bool)
    if both.task is Task.BINARY:
        return _binary(both, known, answered) if all(_probabilities(p) for p in both.prediction) else None
    return _regression(both, known, answered) if known.sum() >= _LEAST_ROWS else None


def _probabilities(values: Floats) -> bool:
    finite = values[np.isfinite(values)]
    return bool(len(finite)) and finite.min() >= 0 and finite.max() <= 1 and len(np.unique(finite[:1000])) > 2


def _binary(both: Pair, known: Mask, answered: tuple[Mask, Mask]) -> Estimate:
    assert both.prediction is not None
    current, share = both.prediction[1][answered[1]], overlap(both.columns, answered)
    if known.sum() < _LEAST_ROWS or both.target is None:
        first = both.prediction[0][np.isfinite(both.prediction[0])]
        value, error = _loss_and_error(current, np.clip(current, 1e-4, 1 - 1e-4))
        return _estimate("log_loss", value, error / share**0.5, float(_expected_loss(first, np.clip(first, 1e-4, 1 - 1e-4)).mean()))
    before, y = both.prediction[0][known], both.target[0][known]
    loss = row_loss(Task.BINARY, y, before)
    value, error = _calibrated_loss(before, y, current)
    missed, errors = [], []
    for inside in stretches(len(y), _STRETCHES):
        told, its_error = _calibrated_loss(before[~inside], y[~inside], before[inside])
        missed.append(told - float(loss[inside].mean()))
        errors.append(its_error)
    return _estimate("log_loss", value, float(np.hypot(error / share**0.5, _usual_error(missed, errors))), float(loss.mean()))


def _calibrated_loss(before: Floats, y: Floats, current: Floats) -> tuple[float, float]:
    """The mean loss expected of `current` answers and its standard error, given the labels of those
    before.
    """
    edges = np.unique(np.quantile(before, np.linspace(0, 1, _BINS + 1)[1:-1]))
    which, now = np.searchsorted(edges, before), np.searchsorted(edges, current)
    size = np.bincount(which, minlength=len(edges) + 1)
    # the usual error of the model in this range of its answers, drawn towards zero where there are
    # few rows
    wrong = np.bincount(which, y - before, minlength=len(edges) + 1) / (size + 25)
    lean = np.bincount(now, _slope(current), minlength=len(edges) + 1) / len(current)
    spread = np.bincount(which, (y - before) ** 2, minlength=len(edges) + 1) / np.maximum(size, 1)
    value, error = _loss_and_error(current, np.clip(current + wrong[now], 1e-4, 1 - 1e-4))
    return value, float(np.sqrt(error**2 + (lean**2 * spread / np.maximum(size, 1)).sum()))


def _loss_and_error(current: Floats, chance: Floats) -> tuple[float, float]:
    """The mean loss expected of answers whose true chances are known, and its standard error."""
    expected, within = _expected_loss(current, chance), chance * (1 - chance) * _slope(current) ** 2
    return float(expected.mean()), float(np.sqrt((expected.var() + within.mean()) / len(current)))


def _usual_error(missed: list[float], errors: list[float]) -> float:
    """The error of the estimate on stretches of the reference beyond chance: a world that wobbles
    will go on wobbling.
    """
    surplus = np.array(missed) ** 2 - np.array(errors) ** 2
    statistic = float(((np.array(missed) / np.maximum(errors, 1e-12)) ** 2).sum())
    return float(np.sqrt(max(surplus.mean(), 0.0))) if chdtrc(len(missed), statistic) < _CLEAR else 0.0


def _expected_loss(prediction: Floats, chance: Floats) -> Floats:
    p = np.clip(prediction, 1e-4, 1 - 1e-4)
    return np.asarray(-(chance * np.log(p) + (1 - chance) * np.log(1 - p)))


def _slope(prediction: Floats) -> Floats:
    """The change of the expected loss with the chance of a positive."""
    p = np.clip(prediction, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(1 - p) - np.log(p))


def _regression(both: Pair, known: Mask, answered: tuple[Mask, Mask]) -> Estimate | None:
    assert both.prediction is not None
    assert both.target is not None
    rows = (known, answered[1])
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
    parts = [np.minimum(left[inside], ceiling) for inside in stretches(len(left), _STRETCHES)]
    usual = _usual_error([float(part.mean()) for part in parts], [float(part.std()) / len(part) ** 0.5 for part in parts])
    error = np.hypot(error / overlap(both.columns, rows) ** 0.5, usual)
    return _estimate("squared_error", float(expected.mean()), float(error), float(loss.mean()))


def _estimate(metric: str, value: float, error: float, reference: float) -> Estimate:
    return Estimate(metric, value, max(value - _WIDTH * error, 0.0), value + _WIDTH * error, reference)

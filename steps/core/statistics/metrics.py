"""Metrics of a model and of the difference between two, with intervals for rows that are alike
within a day.

Every metric is taken as a mean of influence values: value + mean(influence) is what the metric
would be, to first order, in another sample. A paired difference has the difference of the
influences, and its standard error sums them within blocks of time, because rows of one day err
together (Cameron and Miller 2015, A Practitioner's Guide to Cluster-Robust Inference; Obuchowski
1997 does the same for DeLong's AUC, DeLong, DeLong and Clarke-Pearson 1988).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.arrays import Floats

Blocks = npt.NDArray[np.int64]
HIGHER_IS_BETTER = frozenset({"auc"})
_EDGE = 1e-6  # probabilities are clipped this far from 0 and 1, so that one wrong certainty has a finite loss
_LEAST_BLOCKS, _MOST_BLOCKS = 10, 40
_DAY = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its two-sided interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Champion and challenger on the same rows. `gain` is in the metric's unit and positive when
    the challenger is better.
    """

    metric: str
    champion: float
    challenger: float
    gain: Interval
    rows: int


def score(metric: str, target: Floats, prediction: Floats) -> float:
    """The metric's value; `metric` is auc, log_loss, rmse or mae; shapes (n,). NaN where it is
    undefined: no row, or one class for auc.
    """
    return _influence(metric, target, prediction)[0]


def estimate(metric: str, target: Floats, prediction: Floats, blocks: Blocks, confidence: float) -> Interval:
    """One model's metric with its interval."""
    value, influence = _influence(metric, target, prediction)
    margin = _margin(influence, blocks, confidence)
    return Interval(value, value - margin, value + margin)


def compare(metric: str, target: Floats, champion: Floats, challenger: Floats, blocks: Blocks, confidence: float) -> PairedComparison:
    """The paired difference; `blocks` has each row's block, shape (n,). Bounds are infinite where
    the rows say nothing.
    """
    first, before = _influence(metric, target, champion)
    second, after = _influence(metric, target, challenger)
    sign = 1.0 if metric in HIGHER_IS_BETTER else -1.0
    gain = sign * (second - first)
    margin = _margin(after - before, blocks, confidence)
    bounds = (gain - margin, gain + margin) if np.isfinite(gain) else (-np.inf, np.inf)
    return PairedComparison(metric, first, second, Interval(gain, *bounds), len(target))


def interval_of(value: float, influence: Floats, blocks: Blocks, confidence: float) -> Interval:
    """The interval of any value whose influences, shape (n,), are known; infinite where the rows
    say nothing.
    """
    margin = _margin(influence, blocks, confidence)
    return Interval(value, value - margin, value + margin)


def blocks_of(times: Floats | None, rows: int) -> Blocks:
    """Blocks of equal length in time: a day each, shorter when the rows span few days, longer when
    they span many.

    `times` in seconds, shape (n,); None or a single moment makes every row its own block.
    """
    if times is None or not rows or np.ptp(times) <= 0:
        return np.arange(rows, dtype=np.int64)
    span = float(np.ptp(times))
    count = int(np.clip(np.ceil(span / _DAY), _LEAST_BLOCKS, _MOST_BLOCKS))
    return np.asarray(np.minimum((times - times.min()) / span * count, count - 1), dtype=np.int64)


def loss_of(task: Task) -> str:
    """The loss that belongs to the task. A recalibrated model is judged by it, because its ranking
    is its champion's.
    """
    return "log_loss" if task is Task.BINARY else "rmse"


def _margin(influence: Floats, blocks: Blocks, confidence: float) -> float:
    """Half the width of the interval, by Student's t with one degree of freedom less than there are
    blocks.
    """
    n = len(influence)
    sums = np.bincount(blocks, influence, minlength=int(blocks.max()) + 1)[np.bincount(blocks) > 0] if n else np.empty(0)
    count = len(sums)
    if count < 2 or not np.isfinite(influence).all():
        return float("inf")
    variance = count / (count - 1) * float((sums**2).sum()) / n**2
    from scipy.stats import t  # a second to import, which a monitor that compares nothing does without

    return float(t.ppf(0.5 + confidence / 2, count - 1) * np.sqrt(variance))


def _influence(metric: str, target: Floats, prediction: Floats) -> tuple[float, Floats]:
    if not len(target):
        return float("nan"), np.empty(0)
    if metric == "auc":
        return _auc(target, prediction)
    if metric == "log_loss":
        p = np.clip(prediction, _EDGE, 1 - _EDGE)
        return _mean(-(target * np.log(p) + (1 - target) * np.log1p(-p)))
    if metric == "mae":
        return _mean(np.abs(target - prediction))
    value, influence = _mean((target - prediction) ** 2)
    root = float(np.sqrt(value))
    return root, influence / (2 * root) if root > 0 else influence  # the delta method


def _mean(losses: Floats) -> tuple[float, Floats]:
    value = float(losses.mean())
    return value, losses - value


def _auc(target: Floats, prediction: Floats) -> tuple[float, Floats]:
    """Mann and Whitney's statistic and DeLong's components of it, by midranks (Sun and Xu 2014)."""
    positive = target > 0.5
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return float("nan"), np.full(len(target), np.nan)
    from scipy.stats import rankdata

    both = rankdata(prediction)
    placement = np.empty(len(target))
    placement[positive] = (both[positive] - rankdata(prediction[positive])) / zeros
    placement[~positive] = 1 - (both[~positive] - rankdata(prediction[~positive])) / ones
    value = float(placement[positive].mean())
    weight = np.where(positive, len(target) / ones, len(target) / zeros)
    return value, weight * (placement - value)

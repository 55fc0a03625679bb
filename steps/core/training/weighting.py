"""Rows weighted by their age: a weight halves every so many days, and rows are drawn by it where a
learner takes no weights. Called by the choice of training rows and by the pilots.
"""

import numpy as np
import numpy.typing as npt

from modelmedic.steps.core.tables.arrays import Floats


def halved(ages: Floats, every: float) -> Floats:
    """The weights of rows whose `ages` are in days, shape (n,): 1 when new, halving `every` so many
    days.
    """
    return np.asarray(np.exp2(-np.maximum(ages, 0.0) / every))


def drawn(weights: Floats, most: int, seed: int | np.random.Generator = 0) -> npt.NDArray[np.int64]:
    """The places of at most `most` rows, ascending and without repeats, the likelier the heavier
    (Efraimidis and Spirakis 2006: the largest of log(u) / weight).
    """
    if len(weights) <= most:
        return np.arange(len(weights))
    keys = np.log(np.random.default_rng(seed).random(len(weights))) / np.maximum(weights, 1e-300)
    return np.sort(np.argpartition(-keys, most)[:most])


def worth(weights: Floats) -> int:
    """The number of rows of one weight that tell as much: (sum w)² / sum w² (Kish 1965)."""
    total = float(weights.sum())
    return int(total**2 / float((weights**2).sum())) if total > 0 else 0

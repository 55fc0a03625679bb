"""Are probabilities what they say? The logistic calibration line: logit P(y = 1) = intercept +
slope * logit(p).

Cox (1958), Two further applications of a model for binary regression; fitted by Newton's method.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_EDGE = 1e-6  # probabilities are kept this far from 0 and 1
_STEPS = 30


@dataclass(frozen=True, slots=True)
class Calibration:
    """The line with its standard errors; calibrated probabilities have intercept 0 and slope 1.
    `rows` is what it rests on.
    """

    intercept: float
    slope: float
    intercept_error: float
    slope_error: float
    rows: int


def logit(probability: Floats) -> Floats:
    """log(p / (1 - p)), with p kept away from 0 and 1."""
    inside = np.clip(np.asarray(probability, dtype=np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def measure(probability: Floats, target: Floats) -> Calibration:
    """`probability` and `target` (0 or 1), shape (n,). With one class, or one probability, nothing
    can be told: the errors are infinite.
    """
    x, y = logit(probability), np.asarray(target, dtype=np.float64)
    if len(np.unique(y)) < 2 or np.ptp(x) < 1e-9:
        return Calibration(0.0, 1.0, float("inf"), float("inf"), len(y))
    design = np.column_stack([np.ones_like(x), x])
    line = np.array([0.0, 1.0])
    for _ in range(_STEPS):
        mean = 1 / (1 + np.exp(-np.clip(design @ line, -30, 30)))
        weight = np.maximum(mean * (1 - mean), 1e-12)
        information = design.T @ (design * weight[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(information, design.T @ (y - mean))
        line = line + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    return Calibration(float(line[0]), float(line[1]), float(errors[0]), float(errors[1]), len(y))

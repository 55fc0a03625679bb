"""How firmly the answers hold the labels: the slope of the label on the answer, from sums (Cox 1958
calls it the calibration slope).

It is the part of the loss that a bad release changes and a bad week does not: when everything is
late the mean loss rises, but a flight that is said to be later still is; where a release answers
wrong, the slope falls at once, on far fewer rows than the mean loss needs. It does not depend on
which inputs are asked about while the model is right about them, and it needs no bins.
"""

from dataclasses import dataclass

from modelmedic.steps.core.profiles.profile import Profile


@dataclass(frozen=True, slots=True)
class CalibrationSlope:
    """`slope` of the label on the answer; `error` its standard error for independent rows; the rest
    serves single stretches.
    """

    slope: float
    error: float
    answer: float  # mean
    label: float  # mean
    rows: int
    answers_variance: float
    residual_variance: float


def calibration_slope(profile: Profile) -> CalibrationSlope | None:
    """None while answers or labels do not vary at all."""
    rows, sums = profile.losses.rows, profile.fit
    if rows < 2:
        return None
    answer, label = (total / rows / 2**20 for total in (sums.answers, sums.labels))
    squares, label_squares, products = (total / rows / 2**16 for total in (sums.squares, sums.label_squares, sums.products))
    variance = squares - answer**2
    if variance < 1e-7 or label_squares - label**2 < 1e-7:
        return None
    slope = (products - answer * label) / variance
    left = max(label_squares - label**2 - slope**2 * variance, 1e-12)
    return CalibrationSlope(slope, (left / variance / rows) ** 0.5, answer, label, rows, variance, left)


def slope_score(whole: CalibrationSlope, stretch: Profile) -> float:
    """How far the rows of one stretch pull the slope of the whole up, summed: zero on average, of
    variance 1 per independent row.
    """
    rows, sums = stretch.losses.rows, stretch.fit
    answers, labels = sums.answers / 2**20, sums.labels / 2**20
    squares, products = sums.squares / 2**16, sums.products / 2**16
    about = products - whole.answer * labels - whole.label * answers + rows * whole.answer * whole.label
    spread = squares - 2 * whole.answer * answers + rows * whole.answer**2
    return float((about - whole.slope * spread) / (whole.residual_variance * whole.answers_variance) ** 0.5)

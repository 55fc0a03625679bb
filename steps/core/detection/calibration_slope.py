"""The calibration slope: the least-squares slope of the label on the answer, computed from sums
(Cox 1958).

A bad release changes the slope and a bad week does not: when everything is late the mean loss
rises, but a flight that is said to be later still is; where a release answers wrong, the slope
falls at once, on far fewer rows than the mean loss needs. The slope does not depend on the mix of
inputs while the model is right about them, and it needs no bins.
"""

from dataclasses import dataclass

from modelmedic.steps.core.profiles.profile import Profile


@dataclass(frozen=True, slots=True)
class CalibrationSlope:
    """`slope` of the label on the answer; `error` its standard error for independent rows; the
    other fields serve `slope_score`.
    """

    slope: float
    error: float
    answer: float  # mean
    label: float  # mean
    rows: int
    answers_variance: float
    residual_variance: float


def calibration_slope(profile: Profile) -> CalibrationSlope | None:
    """The slope of a window; None while answers or labels do not vary at all."""
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
    """The sum over one stretch of how far its rows pull the slope of the whole up: zero on average,
    of variance 1 per independent row.
    """
    rows, sums = stretch.losses.rows, stretch.fit
    answers, labels = sums.answers / 2**20, sums.labels / 2**20
    squares, products = sums.squares / 2**16, sums.products / 2**16
    about = products - whole.answer * labels - whole.label * answers + rows * whole.answer * whole.label
    spread = squares - 2 * whole.answer * answers + rows * whole.answer**2
    return float((about - whole.slope * spread) / (whole.residual_variance * whole.answers_variance) ** 0.5)

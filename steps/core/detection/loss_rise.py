"""The realised loss of a labelled window against the reference's, for the verdict and for each of
its segments.
"""

from modelmedic.steps.contracts.detection import HALF, Performance, Thresholds
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.detection.calibration_slope import calibration_slope
from modelmedic.steps.core.profiles.profile import Profile
from modelmedic.steps.core.tables.probability import normal_tail

LEAST_LABELS = 50
_LOSS_LEVEL = 0.25  # of alpha: the loss is one test beside the columns'
_ENORMOUS = 0.2  # of the reference's loss


def performance(reference: Profile, labelled: Profile, thresholds: Thresholds, maturity: float = 0.0) -> Performance | None:
    """The loss of the labelled window against the reference's; None while too few labels are known.

    Three ways to be degraded: a mean beyond what stretches of the reference differ by (Welch's z
    with their design effect); a calibration slope that lost half of itself; a rise so large that no
    stretch of the reference came half as far.
    """
    before, after = reference.losses, labelled.losses
    task, unit = reference.layout.task, reference.layout.loss_unit
    if task is None or min(before.rows, after.rows) < LEAST_LABELS or labelled.labels < maturity * labelled.rows:
        return None
    was, now = before.mean(unit), after.mean(unit)
    plain = (before.variance(unit) / before.rows + after.variance(unit) / after.rows) ** 0.5
    error = plain * max(thresholds.loss_design, 1.0) ** 0.5
    level = thresholds.alpha * _LOSS_LEVEL / 2
    p_value = _tail(now - was, error)
    left, lost = _slope_left(reference, labelled, thresholds, level)
    enormous = now - was > max(_ENORMOUS, 2 * thresholds.loss_usual) * was and _tail(now - was, plain) < level
    degraded = lost or enormous or (p_value < level and now - was > thresholds.loss_effect * was)
    return Performance("log_loss" if task is Task.BINARY else "squared_error", was, now, error, p_value, after.rows, degraded, left)


def _slope_left(reference: Profile, labelled: Profile, thresholds: Thresholds, level: float) -> tuple[float | None, bool]:
    """The share of the reference's slope that is left, and whether half of it or more was lost
    beyond noise.
    """
    before, after = calibration_slope(reference), calibration_slope(labelled)
    if before is None or after is None or before.slope <= 0:
        return None, False
    error = (max(thresholds.hold_design, 1.0) * (before.error**2 + after.error**2)) ** 0.5
    lost = after.slope < HALF * before.slope and _tail(before.slope - after.slope, error) < level
    return after.slope / before.slope, lost


def _tail(rise: float, error: float) -> float:
    return normal_tail(rise / error) if error > 0 else float(rise <= 0)

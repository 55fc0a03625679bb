"""The loss that the answers of a window let expect before their labels are known, from counts of
answers alone; and how high it usually is. Called by steps.detection.expected_loss at every look.

Binary: confidence-based estimation (CBPE, NannyML) with answers calibrated by the reference's
labels in twenty ranges. Regression: the reference's squared error in the answer's range. Neither
reads a column of inputs, so it costs no pass over the rows; neither sees a concept drift, where the
same answers are wrong more often. The diagnosis' estimate (core.diagnosis.estimate) reads inputs
and states an interval; this one is for comparing a stream's windows with each other.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.detection import ExpectedLoss, LossCurve
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.profiles.layout import Layout
from modelmedic.steps.core.profiles.profile import Numbers, Profile
from modelmedic.steps.core.profiles.values import aligned_floats
from modelmedic.steps.core.tables.arrays import Floats, quantiles
from modelmedic.steps.core.tables.row_loss import row_loss

LEAST_WINDOWS: Final = 24  # before it is known what is usual
MOST_WINDOWS: Final = 104
_RANGES = 20
_LEAST_ROWS = 100
_WEIGHT = 25.0  # rows that a range's usual error counts for
_EDGE = 1e-4  # row_loss clips there


def loss_curve(reference: pa.Table, layout: Layout) -> LossCurve | None:
    """The curve of a reference; None with fewer than a hundred labelled answers."""
    if layout.task is None or not {layout.target, layout.prediction} <= set(reference.column_names):
        return None
    truth, answer = (aligned_floats(reference[name].combine_chunks(), layout.words) for name in (layout.target, layout.prediction))
    known = np.isfinite(truth) & np.isfinite(answer)
    if known.sum() < _LEAST_ROWS:
        return None
    truth, answer = truth[known], answer[known]
    edges = np.unique(quantiles(answer, np.linspace(0, 1, _RANGES + 1)[1:-1]))
    place = np.searchsorted(edges, answer)
    rows = np.bincount(place, minlength=len(edges) + 1)
    errors, usual = (truth - answer, 0.0) if layout.task is Task.BINARY else (squares := (truth - answer) ** 2, float(squares.mean()))
    held = (np.bincount(place, errors, minlength=len(edges) + 1) + _WEIGHT * usual) / (rows + _WEIGHT)
    return LossCurve(tuple(edges.tolist()), tuple(held.tolist()))


def expected_loss(
    reference: Profile, window: Profile, curve: LossCurve, apart: tuple[Profile, Profile] | None = None
) -> ExpectedLoss | None:
    """The estimate for a window. `apart` are all its rows and those whose labels are known, counted
    from one reading. None where one of the windows has fewer than a hundred answers.
    """
    unit, before = reference.layout.loss_unit, _mean(reference, curve)
    rows, known = apart if apart is not None else (window, None)
    all_rows = _mean(rows, curve)
    if before is None or all_rows is None or min(before[1], all_rows[1], reference.losses.rows) < _LEAST_ROWS or before[0] <= 0:
        return None
    mean, share = all_rows[0], 0.0
    if known is not None and known.losses.rows and (theirs := _mean(known, curve)) is not None:
        share = min(known.losses.rows / all_rows[1], 1.0)
        mean += share * (known.losses.mean(unit) - theirs[0])
    realised, rise = reference.losses.mean(unit), float(np.log(max(mean, 1e-12 * unit) / before[0]))
    return ExpectedLoss(realised * float(np.exp(rise)), realised, rise, share)


def highest_usual(rises: Sequence[float], chance: float) -> float | None:
    """The rise that a window passes with this chance where nothing happens; None while fewer than
    twenty-four windows are known.

    What lies above the median of the windows before is taken for exponential.
    """
    known = np.asarray(rises[-MOST_WINDOWS:], dtype=np.float64)
    if len(known) < LEAST_WINDOWS:
        return None
    middle = float(np.median(known))
    above = known[known > middle] - middle
    scale = float(above.mean()) if len(above) else 0.0
    return middle + scale * max(float(np.log(0.5 / chance)), 0.0)


def _mean(rows: Profile, curve: LossCurve) -> tuple[float, int] | None:
    """The mean loss that the curve says of these answers, and how many there are."""
    counted = rows.columns.get(rows.layout.prediction or "")
    if not isinstance(counted, Numbers) or rows.layout.task is None:
        return None
    answers, counts = counted.points()
    held = int(counts.sum())
    return (float(_by(curve, rows.layout.task, answers) @ counts) / held, held) if held else None


def _by(curve: LossCurve, task: Task, answers: Floats) -> Floats:
    error = np.asarray(curve.errors)[np.searchsorted(np.asarray(curve.edges), answers)]
    if task is Task.REGRESSION:
        return np.asarray(error)
    return row_loss(task, np.clip(answers + error, _EDGE, 1 - _EDGE), answers)

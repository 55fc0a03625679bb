"""Covariate shift: the inputs moved, in one code perhaps; with the harm that it does. Harm that no
retraining could learn away does not count.
"""

import numpy as np

from modelmedic.steps.contracts.detection import ColumnShift, Segment
from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.confidence import COVARIATE, above
from modelmedic.steps.core.diagnosis.estimate import estimate
from modelmedic.steps.core.statistics.expectation import learnable_share
from modelmedic.steps.core.statistics.residuals import LabelledRows, RowValues, cell_change, cell_moments, one_sided
from modelmedic.steps.core.statistics.shift import measure
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.pairing import Column, Pair

_BELIEVED = 1e-4  # p-value, adjusted for the looks
_LEAST_PIECE = 40  # rows in both windows before a segment is looked into
_FAR = 0.08  # a shift of 0.3 standard deviations moves the mean rank by about as much
_LEARNABLE = 0.1  # of a risen loss, below which a retraining has nothing to gain


def suspect(both: Pair, rows: LabelledRows | None, moved: tuple[ColumnShift, ...]) -> list[Diagnosis]:
    """At most one diagnosis: every column that moved, worst first; else a number that moved inside
    one code only.
    """
    shifted = moved_inputs(moved)
    if not shifted:
        return _shift_inside_a_code(both, rows)
    names = tuple(s.column for s in shifted)
    harm, words = _harm(both, rows)
    evidence = tuple(Evidence("drift.measured", f"{s.column} moved by {s.effect:.3f} ({s.statistic})", s.effect) for s in shifted[:5])
    sentence = f"{', '.join(names[:4])} moved, {words}"
    sure = above((shifted[0].effect / shifted[0].threshold - 1) * 4, COVARIATE)
    segment = _segment(both, both.column(names[0]))
    return [Diagnosis(Cause.COVARIATE_SHIFT, sure, names, segment, harm=harm, evidence=evidence, sentence=sentence)]


def moved_inputs(moved: tuple[ColumnShift, ...]) -> list[ColumnShift]:
    """The features that shifted, without the prediction."""
    return [shift for shift in moved if shift.shifted and shift.column != "prediction"]


def covered_rows(both: Pair, rows: LabelledRows, moved: tuple[ColumnShift, ...]) -> LabelledRows:
    """The rows without current ones outside of the reference's range: there a model extrapolates,
    which is no drift of concept.
    """
    keep = np.ones(int(rows.masks[1].sum()), dtype=bool)
    for shift in moved_inputs(moved):
        column = both.column(shift.column)
        if column.numeric:
            low, high = _covered_range(column.ordered[0])
            values = np.asarray(column.current, dtype=np.float64)[rows.masks[1]]
            keep &= ~((values < low) | (values > high))
    if keep.all() or keep.sum() < 100:
        return rows
    return rows.within((np.ones(len(rows.target[0]), dtype=bool), keep))


def _covered_range(known: Floats) -> tuple[float, float]:
    if not len(known):
        return -np.inf, np.inf
    return float(known[int(0.005 * (len(known) - 1))]), float(known[int(0.995 * (len(known) - 1))])


def _segment(both: Pair, column: Column) -> Segment | None:
    """The only code inside of which the column moved, when all the rows outside of it stayed as
    they were.
    """
    best: tuple[float, Segment] | None = None
    for cutting in (c for c in both.segmenting if c.name != column.name):
        cells = cutting.cells
        for number in range(len(cells.names) - 1):
            inside = (cells.reference == number, cells.current == number)
            if min(mask.sum() for mask in inside) < _LEAST_PIECE or min((~mask).sum() for mask in inside) < _LEAST_PIECE:
                continue
            within = _effect_and_p_value(column, inside)
            outside = _effect_and_p_value(column, (~inside[0], ~inside[1]))
            if within[1] < _BELIEVED and outside[0] < 0.25 * within[0] and outside[1] > 0.001 and (best is None or within[0] > best[0]):
                best = (within[0], Segment(cutting.name, cells.names[number]))
    return best[1] if best else None


def _shift_inside_a_code(both: Pair, rows: LabelledRows | None) -> list[Diagnosis]:
    """A number that moved inside one code only, too few rows for the window as a whole: every code
    is tried, and its p-value is multiplied by the number of codes.
    """
    best: tuple[float, str, Segment] | None = None
    cuts = [c for c in both.segmenting if c.levels is None or len(c.levels) <= 12]
    ranks = [(c, _ranks(c)) for c in both.columns if c.numeric]
    looks = max(len(ranks) * sum(len(c.cells.names) for c in cuts), 1)
    for cut in cuts:
        for column, windows in ranks:
            if column is cut:
                continue
            which = (cut.cells.reference, cut.cells.current)
            if not (np.abs(cell_change(cut.cells.sizes, which, windows)) > _FAR).any():
                continue
            change, error = cell_moments(cut.cells.sizes, which, windows)
            z = np.nan_to_num(np.abs(change) / np.sqrt(error))[:-1]
            number = int(z.argmax()) if len(z) else 0
            far = len(z) and abs(change[number]) > _FAR
            if far and one_sided(float(z[number])) * 2 * looks < _BELIEVED and (best is None or z[number] > best[0]):
                best = (float(z[number]), column.name, Segment(cut.name, cut.cells.names[number]))
    if best is None:
        return []
    sentence = f"where {best[2].column} is {best[2].value}, {best[1]} moved (z = {best[0]:.1f})"
    evidence = (Evidence("drift.measured", sentence, best[0]),)
    harm = _harm(both, rows)[0]
    return [Diagnosis(Cause.COVARIATE_SHIFT, COVARIATE, (best[1],), best[2], harm=harm, evidence=evidence, sentence=sentence)]


def _ranks(column: Column) -> tuple[RowValues, RowValues]:
    """Ranks within the reference to one twenty-fourth, 0..1; unknown values have the middle
    rank.
    """
    before, after = (w.astype(np.int64) for w in column.steps)
    size = np.bincount(before, minlength=int(max(before.max(initial=0), after.max(initial=0))) + 1).astype(np.float64)
    middle = (np.cumsum(size) - size / 2) / max(size.sum(), 1.0)
    unknown = [~np.isfinite(np.asarray(w, dtype=np.float64)) for w in (column.reference, column.current)]
    return RowValues(np.where(unknown[0], 0.5, middle[before])), RowValues(np.where(unknown[1], 0.5, middle[after]))


def _effect_and_p_value(column: Column, chosen: tuple[Mask, Mask]) -> tuple[float, float]:
    return measure(column.at(*chosen))[1:]


def _harm(both: Pair, rows: LabelledRows | None) -> tuple[str, str]:
    """The harm and its words: by labels; else by the estimate without labels, when its whole
    interval lies above the reference; else unknown.
    """
    if rows is not None and not rows.imagined:
        if not rows.harmed:
            return "none", "and the loss has not risen"
        if learnable_share(both, rows) < _LEARNABLE:
            return (
                "none",
                "and these rows are harder: hardly any of the risen loss follows the inputs, so a retraining has nothing to learn",
            )
        return "shown", "and the labels show more loss"
    expected = estimate(both)
    if expected is None:
        return "unknown", f"and {_missing(both, rows)} its harm is unknown"
    if expected.low > 1.03 * expected.reference:
        return "estimated", "and more loss is expected of it"
    return "none", "and the loss is not expected to rise"


def _missing(both: Pair, rows: LabelledRows | None) -> str:
    if both.prediction is not None:
        return "without labels"
    return "without the model's predictions" if rows is not None else "without labels or predictions"

"""Concept drift: given the inputs, the labels behave differently.

It is what remains when data, labels, releases and season are ruled out. Concept drift leaves a
shape in the residuals' change over some column; label shift moves them all by one offset; covariate
shift moves the inputs and leaves the residuals, cell by cell, as they were.
"""

import numpy as np

from modelmedic.steps.contracts.detection import ColumnShift, Segment
from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence
from modelmedic.steps.contracts.words import Cause, Task
from modelmedic.steps.core.diagnosis.confidence import CONCEPT, above
from modelmedic.steps.core.diagnosis.covariate_shift import moved_inputs
from modelmedic.steps.core.diagnosis.residual_words import residual_sentence
from modelmedic.steps.core.statistics.importance import FEW_ROWS, matched_reference
from modelmedic.steps.core.statistics.regions import region
from modelmedic.steps.core.statistics.replay import deflate
from modelmedic.steps.core.statistics.residuals import LabelledRows, Structure, cell_z, difference_z, promising_codes, row_values, structure
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.pairing import Column, Pair

_BELIEVED = 1e-4  # adjusted p-value below which a column's residuals count as changed
_OFFSET_SHAPE = 0.05  # of the offset's chi-square
_LOST_Z = 2.33  # one in a hundred: the change itself is proved already
_SLIVER = 0.02  # of the change's z²: a region's bounds are known to a bin, and some changed rows fall outside
_MOST_PIECES = 20  # pieces tried, the largest changes first


def suspect(both: Pair, rows: LabelledRows, moved: tuple[ColumnShift, ...]) -> list[Diagnosis]:
    """At most one diagnosis: a shape in all the residuals, else one inside a single code."""
    return _concept(both, rows, moved) or _drift_inside_a_code(both, rows)


def _concept(both: Pair, rows: LabelledRows, moved: tuple[ColumnShift, ...]) -> list[Diagnosis]:
    residual = _without_offset(rows)
    shapes = [_shapes(both, rows, values) for values in (residual, _spread(rows))]
    best = max((s[0] for s in shapes if s), key=lambda s: s.strength, default=None)
    # a change of the loss's shape alone happens under label shift too: it counts only with the
    # residuals or a clear rise
    level = 10 * _BELIEVED if rows.harmed else _BELIEVED  # the loss is a witness of its own
    residual_believed = bool(shapes[0]) and shapes[0][0].p_value < level
    if best is None or not (residual_believed or (shapes[1][0].p_value < _BELIEVED and rows.harmed and rows.task is Task.REGRESSION)):
        return []
    ranked = shapes[0] if residual_believed else shapes[1]
    if not (rows.harmed or shapes[0][0].p_value < 1e-9) or _explained_by_offset(rows, ranked[0]):
        return []
    if moved_inputs(moved) and not _still_there(both, rows, ranked[0]):
        return []
    segment, columns = _locate(both, rows, ranked[0].column)
    blamed = tuple(dict.fromkeys([*columns, *(s.column for s in ranked[:3] if s.p_value < _BELIEVED)]))
    where = f" where {segment.column} is {segment.value}" if segment else ""
    sentence = f"given the inputs, labels behave differently{where}, most over {blamed[0]}"
    evidence = tuple(
        Evidence("residuals.changed", residual_sentence(both.column(s.column), rows), s.statistic)
        for s in ranked[:3]
        if s.p_value < _BELIEVED
    )
    sure = above((ranked[0].strength - 4) / 2, CONCEPT)
    lost = rows.loss_z > _LOST_Z and rows.loss_increase > 0.03 * float(rows.loss[0].mean())
    harm = "shown" if lost else "none"
    return [Diagnosis(Cause.CONCEPT_DRIFT, sure, blamed, segment, harm=harm, evidence=evidence, sentence=sentence)]


def _shapes(both: Pair, rows: LabelledRows, values: tuple[Floats, Floats]) -> tuple[Structure, ...]:
    """The shape of the values' change over each column, beyond what stretches of the reference
    differ by.
    """
    shapes = structure(both.columns, values, rows.masks, centred=True)
    return deflate(both.columns, shapes, values[0], rows.masks[0], 10 * _BELIEVED)


def _explained_by_offset(rows: LabelledRows, found: Structure) -> bool:
    """True for a shape that a large offset leaves behind in an imperfect model's answers."""
    return found.statistic - found.freedom < _OFFSET_SHAPE * difference_z(*rows.residual) ** 2


def _still_there(both: Pair, rows: LabelledRows, found: Structure) -> bool:
    """True when the change of the residuals outlives the moved inputs: the reference is thinned to
    the current window's mix.
    """
    alike = matched_reference(both, rows)
    if alike is None:
        return min(len(t) for t in rows.target) < FEW_ROWS  # else the windows hardly overlap, and the change cannot be told from them
    values = _without_offset(alike)
    column = (both.column(found.column),)
    again = max((structure(column, v, alike.masks, centred=True)[0] for v in (values, _spread(alike))), key=lambda s: s.strength)
    # fewer rows show less: a change that is real keeps its share of the statistic
    kept = len(alike.target[0]) / len(rows.target[0])
    return again.p_value < 0.01 and again.statistic - again.freedom > 0.3 * min(kept * 2, 1.0) * (found.statistic - found.freedom)


def _spread(rows: LabelledRows) -> tuple[Floats, Floats]:
    """Squared residuals without their offset, so that an offset alone does not look like a change
    of the loss's shape.
    """
    if rows.task is Task.BINARY:
        return rows.loss
    first, second = ((r - r.mean()) ** 2 for r in rows.residual)
    return first, second


def _drift_inside_a_code(both: Pair, rows: LabelledRows) -> list[Diagnosis]:
    """A drift inside one code that the rest of the window dilutes: every code is tried, and its
    p-value is multiplied by the number of codes.
    """
    cuts = [c for c in both.segmenting if c.levels is None or len(c.levels) <= 12]
    looks = [(c, n) for c in cuts for n in range(len(c.cells.names) - 1)]
    promising = {c.name: promising_codes(tuple(o for o in both.columns if o is not c), c.cells, rows) for c in cuts}
    best: tuple[float, float, Segment, tuple[str, ...]] | None = None
    for cut, number in looks:
        if promising[cut.name][number] * len(looks) > 10 * _BELIEVED:
            continue
        inside = (cut.cells.reference[rows.masks[0]] == number, cut.cells.current[rows.masks[1]] == number)
        if min(mask.sum() for mask in inside) < 100:
            continue
        piece = rows.within(inside)
        shape = structure(tuple(c for c in both.columns if c is not cut), piece.residual, piece.masks, centred=True)
        believed = bool(shape) and shape[0].p_value * len(looks) < _BELIEVED and piece.loss_z > _LOST_Z
        if believed and (best is None or shape[0].strength > best[0]) and _quiet_outside(both, rows, inside, shape[0].statistic):
            best = (shape[0].strength, piece.loss_increase, Segment(cut.name, cut.cells.names[number]), (shape[0].column, cut.name))
    if best is None or best[1] <= 0:
        return []
    strength, rise, segment, columns = best
    sentence = f"where {segment.column} is {segment.value}, labels behave differently over {columns[0]}: the loss rose by {rise:.3g} there"
    evidence = (Evidence("residuals.changed", sentence, rise),)
    sure = above((strength - 4) / 2, CONCEPT)
    return [Diagnosis(Cause.CONCEPT_DRIFT, sure, columns, segment, harm="shown", evidence=evidence, sentence=sentence)]


def _without_offset(rows: LabelledRows) -> tuple[Floats, Floats]:
    """Residuals after one offset in logit (binary) or in the mean (regression) has been fitted to
    each window.
    """
    if rows.task is Task.REGRESSION:
        return rows.residual[0] - rows.residual[0].mean(), rows.residual[1] - rows.residual[1].mean()
    first, second = (y - _fit_offset(q, y) for q, y in zip(rows.expected, rows.target, strict=True))
    return first, second


def _fit_offset(prediction: Floats, target: Floats) -> Floats:
    """sigmoid(logit p + d) with the d that makes the mean right (bisection)."""
    logit = np.log(np.clip(prediction, 1e-6, 1 - 1e-6)) - np.log1p(-np.clip(prediction, 1e-6, 1 - 1e-6))
    low, high = -15.0, 15.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-(logit + middle)))).mean() < target.mean() else (low, middle)
    return np.asarray(1 / (1 + np.exp(-(logit + low))))


def _locate(both: Pair, rows: LabelledRows, column: str) -> tuple[Segment | None, tuple[str, ...]]:
    """The smallest piece outside of which nothing changed, and the columns to blame inside it,
    worst first.
    """
    found: list[tuple[float, Column, str, tuple[Mask, Mask]]] = []
    for candidate in both.columns:
        if candidate.name == column or candidate in both.segmenting:
            found += _pieces(candidate, rows, regions=candidate.name == column)
    best: tuple[float, Segment, tuple[Mask, Mask], Column] | None = None
    for _, candidate, value, inside in sorted(found, key=lambda f: -f[0])[:_MOST_PIECES]:
        score = _inside_only(both, rows, inside)
        if score > 0 and (best is None or score > best[0]):
            best = (score, Segment(candidate.name, value), inside, candidate)
    return (best[1], _blame(both, rows, best[2], best[3])) if best else (None, (column,))


def _pieces(column: Column, rows: LabelledRows, *, regions: bool) -> list[tuple[float, Column, str, tuple[Mask, Mask]]]:
    """Single codes, or the run of neighbouring values in which a number's residuals or loss
    changed; each with the size of the change.
    """
    found = region(column, rows) if column.numeric and regions else None
    pieces = [(found.z, column, found.value, found.inside)] if found else []
    if column.numeric and column.levels is None:
        return pieces
    cells = column.cells
    changes = (np.abs(cell_z(cells, row_values(values), rows.masks)) for values in (rows.residual, rows.loss))
    z = np.fmax(*changes)
    for number in np.flatnonzero(np.nan_to_num(z[:-1]) > 4):
        inside = (cells.reference[rows.masks[0]] == number, cells.current[rows.masks[1]] == number)
        pieces.append((float(z[number]), column, cells.names[number], inside))
    return pieces


def _inside_only(both: Pair, rows: LabelledRows, inside: tuple[Mask, Mask]) -> float:
    """z of the loss's rise inside when the rows outside are unchanged, else 0."""
    if min(mask.sum() for mask in inside) < 30:
        return 0.0
    piece = rows.within(inside)
    score = max(abs(piece.loss_z), abs(difference_z(*piece.residual)))
    return score if score > 3.5 and _quiet_outside(both, rows, inside, score**2) else 0.0


def _quiet_outside(both: Pair, rows: LabelledRows, inside: tuple[Mask, Mask], change: float) -> bool:
    """True when the other rows lose no more than before and err in the same places; `change` is the
    chi-square or z² inside.
    """
    if min((~mask).sum() for mask in inside) < 100:
        return False
    rest = rows.within((~inside[0], ~inside[1]))
    left = structure(both.columns, rest.residual, rest.masks, centred=False)[0]
    return abs(rest.loss_z) <= 3.5 and (left.p_value >= 0.003 or left.statistic - left.freedom <= _SLIVER * change)


def _blame(both: Pair, rows: LabelledRows, inside: tuple[Mask, Mask], cut: Column) -> tuple[str, ...]:
    """The columns to blame: the number whose region it is; inside a code, the column over which the
    residuals changed their shape, else the code's.
    """
    if cut.numeric and cut.levels is None:
        return (cut.name,)
    piece = rows.within(inside)
    shapes = structure(tuple(c for c in both.columns if c.name != cut.name), _without_offset(piece), piece.masks, centred=True)
    if shapes and _explained_by_offset(piece, shapes[0]):
        return (cut.name,)
    return (shapes[0].column, cut.name) if shapes and shapes[0].p_value < _BELIEVED else (cut.name,)

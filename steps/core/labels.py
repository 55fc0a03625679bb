"""Are the labels themselves wrong? Retraining on them would teach the model the fault.

Symmetric noise at rate r turns E[y | p] = p into p (1 - 2 r) + r, so the residual is r (1 - 2 p) and nothing else: a
straight line in p with no offset and no shape over any column (Natarajan et al. 2013 use the same model of noise).
"""

import numpy as np

from steps.contracts.detection import Segment
from steps.contracts.diagnosis import Diagnosis, Evidence
from steps.contracts.words import Cause, Task
from steps.core.pairing import Cells, Pair
from steps.core.quality import changed_unit
from steps.core.residuals import Labelled, structure

_LEAST_RATE = 0.03


def suspect(both: Pair, rows: Labelled | None) -> list[Diagnosis]:
    if both.target is None:
        return []
    broken = _constant(both) or (_rescaled(rows) if rows is not None else "")
    if broken:
        return [_diagnosis(broken, 0.93, None, 1.0)]
    return _noise(both, rows) if rows is not None and rows.task is Task.BINARY else []


def _constant(both: Pair) -> str:
    assert both.target is not None
    before, after = (np.unique(y[np.isfinite(y)]) for y in both.target)
    known = int(np.isfinite(both.target[1]).sum())
    return f"all {known} labels are {after[0]:g}" if known >= 100 and len(after) == 1 < len(before) else ""


def _rescaled(rows: Labelled) -> str:
    if rows.task is not Task.REGRESSION:
        return ""
    scale = changed_unit(rows.target[0], rows.target[1])
    moved = abs(float(np.median(rows.prediction[1]) - np.median(rows.prediction[0]))) > 0.5 * float(rows.prediction[0].std())
    return f"the labels look {scale} while the predictions stayed: a unit has changed" if scale and not moved else ""


def _noise(both: Pair, rows: Labelled) -> list[Diagnosis]:
    rate, z = _rate(rows)
    local = _local(both, rows)
    if local is not None:
        cells, number, inside_rate = local
        segment = Segment(cells.column, cells.labels[number])
        sentence = f"where {segment.column} is {segment.value}, about {inside_rate:.0%} of the labels are flipped"
        return [_diagnosis(sentence, 0.85, segment, inside_rate)]
    if z < 5 or rate < _LEAST_RATE or not _only_noise(both, rows, rate):
        return []
    return [_diagnosis(f"about {rate:.0%} of the labels are flipped, whatever the row", 0.85, None, rate)]


def _rate(rows: Labelled) -> tuple[float, float]:
    """Rise of the flip rate (least squares of the residual on 1 - 2 p) and its z."""
    slopes, errors = [], []
    for p, r in zip(rows.prediction, rows.residual, strict=True):
        line = 1 - 2 * p
        weight = float((line**2).sum()) or 1.0
        slope = float((line * r).sum()) / weight
        slopes.append(slope)
        errors.append(float((line**2 * (r - slope * line) ** 2).sum()) / weight**2)
    error = np.sqrt(sum(errors))
    return slopes[1] - slopes[0], (slopes[1] - slopes[0]) / error if error > 0 else 0.0


def _only_noise(both: Pair, rows: Labelled, rate: float) -> bool:
    """After the line is taken away, neither a column's cells nor the mean residual differ any more."""
    cleaned = rows.residual[1] - rate * (1 - 2 * rows.prediction[1])
    left = structure(both.columns, (rows.residual[0], cleaned), rows.masks, centred=False)
    return left[0].p_value > 0.001 if left else True


def _local(both: Pair, rows: Labelled) -> tuple[Cells, int, float] | None:
    """One segment whose labels are noisy while all the others' are not."""
    best = None
    for cells in (c.cells for c in both.segmenting):
        which = (cells.reference[rows.masks[0]], cells.current[rows.masks[1]])
        for number in range(len(cells.labels) - 1):
            inside = (which[0] == number, which[1] == number)
            if min(inside[0].sum(), inside[1].sum()) < 100:
                continue
            piece, rest = rows.within(inside), rows.within((~inside[0], ~inside[1]))
            rate, z = _rate(piece)
            outside_rate, outside_z = _rate(rest)
            noisy_here_alone = z > 5 and rate > 0.05 and (outside_z < 3 or outside_rate < 0.1 * rate)
            if noisy_here_alone and (best is None or z > best[3]) and _only_noise(both, piece, rate):
                best = (cells, number, rate, z)
    return best[:3] if best else None


def _diagnosis(sentence: str, confidence: float, segment: Segment | None, value: float) -> Diagnosis:
    evidence = (Evidence("labels.suspected", sentence, value),)
    return Diagnosis(Cause.LABEL_QUALITY, confidence, ("target",), segment, harm="shown", evidence=evidence, sentence=sentence)

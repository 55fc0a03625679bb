"""Label shift: the level of the labels moved by one offset, equal over every column."""

import numpy as np

from modelmedic.steps.contracts.detection import ColumnShift
from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.confidence import LABEL_SHIFT, above
from modelmedic.steps.core.diagnosis.covariate_shift import moved_inputs
from modelmedic.steps.core.statistics.importance import FEW_ROWS, matched_reference
from modelmedic.steps.core.statistics.replay import offset_factor
from modelmedic.steps.core.statistics.residuals import LabelledRows, difference_z
from modelmedic.steps.core.tables.pairing import Pair

_OFFSET_Z = 4.5


def suspect(both: Pair, rows: LabelledRows, moved: tuple[ColumnShift, ...]) -> list[Diagnosis]:
    """At most one diagnosis: an offset of the residuals that is beyond noise and outlives the moved
    inputs.
    """
    z = difference_z(*rows.residual) / float(np.sqrt(offset_factor(rows.residual[0])))
    size = abs(float(rows.residual[1].mean() - rows.residual[0].mean()))
    scale = float(rows.target[0].std()) or 1.0
    if abs(z) < _OFFSET_Z or size < 0.03 * scale:
        return []
    if moved_inputs(moved):
        alike = matched_reference(both, rows)
        if alike is None and min(len(t) for t in rows.target) >= FEW_ROWS:
            return []
        again = difference_z(*alike.residual) if alike is not None else z
        kept = len(alike.target[0]) / len(rows.target[0]) if alike is not None else 1.0
        if again * np.sign(z) < 0.5 * abs(z) * np.sqrt(kept):
            return []  # the model is as wrong there as it always was
    sentence = f"labels are {'higher' if z > 0 else 'lower'} than predicted by {size:.3g} on average, equally over every column"
    evidence = (Evidence("residuals.offset", sentence, size),)
    sure = above(abs(z) - _OFFSET_Z, LABEL_SHIFT)
    return [Diagnosis(Cause.LABEL_SHIFT, sure, ("target",), harm="shown" if rows.harmed else "none", evidence=evidence, sentence=sentence)]

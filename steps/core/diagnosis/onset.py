"""The onset: the moment at which the loss began to be higher, where the window shows one."""

from datetime import UTC, datetime

import numpy as np

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.statistics.replay import offset_factor
from modelmedic.steps.core.statistics.residuals import LabelledRows, difference_z
from modelmedic.steps.core.tables.pairing import Pair

_SHOWN_Z = 3.0


def onset(both: Pair, rows: LabelledRows | None, diagnosis: Diagnosis) -> datetime | None:
    """The moment from which the loss is raised: the least of the cumulated loss above the half-way
    mark (Page 1954).

    A moment inside the window must stand out from days that lose more than others anyway; else the
    onset is the window's first row.
    """
    if both.time is None or rows is None or diagnosis.cause not in (Cause.CONCEPT_DRIFT, Cause.LABEL_SHIFT):
        return None
    moments = both.time[1][rows.masks[1]]
    order = np.argsort(moments, kind="stable")
    loss = rows.loss[1][order]
    start = int(np.argmin(np.concatenate([[0.0], np.cumsum(loss - rows.loss[0].mean() - max(rows.loss_increase, 0) / 2)])))
    clear = difference_z(loss[:start], loss[start:]) > _SHOWN_Z * np.sqrt(offset_factor(rows.loss[0]))
    shown = clear and rows.loss_increase > 0
    return datetime.fromtimestamp(float(moments[order][start if shown else 0]), UTC)

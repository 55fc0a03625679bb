"""A small forest in a model's place: the answers that a model would give had it learnt from some
rows, in a tenth of a second.

Whether newer rows teach more than older ones depends on the rows more than on the learner, so two
stand-ins that are compared with each other tell much of what the two models would, whoever trains
those: a landmarker (Pfahringer, Bensusan and Giraud-Carrier 2000). The rehearsal of a retraining
uses it.
"""

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.statistics.trees import binning, grow
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.pairing import pair
from modelmedic.steps.core.tables.thinning import thin

_LEAST_ROWS = 100
_EDGE = 0.001  # a probability is never surer than this


def forest_answers(taught: pa.Table, asked: pa.Table, roles: Roles, most: int = 8_000) -> Floats | None:
    """The answers to `asked` of a forest that learnt from at most `most` of the `taught` rows,
    evenly chosen; shape (asked rows,).

    None where nothing can be learnt: too few rows, no column, or labels that are all alike.
    """
    taught = thin(taught, most)
    assert roles.target is not None
    target = np.asarray(taught[roles.target].to_numpy(zero_copy_only=False), dtype=np.float64)
    if len(target) < _LEAST_ROWS or not np.isfinite(target).all() or np.ptp(target) == 0:
        return None
    plain = Roles(task=roles.task, target=roles.target, features=roles.features, categorical=roles.categorical)
    columns = pair(taught, asked, plain).columns
    if not columns:
        return None
    everyone = np.ones(len(target), dtype=bool), np.ones(asked.num_rows, dtype=bool)
    cut = binning(columns, target, everyone[0])
    found = grow(cut.bins(0, everyone[0]), target).predict(cut.bins(1, everyone[1]))
    return np.clip(found, _EDGE, 1 - _EDGE) if roles.task is Task.BINARY else found

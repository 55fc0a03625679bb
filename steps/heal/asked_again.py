"""The champion asked again about rows that it answered, so that a change of what answers is seen
that nobody recorded. Called by the diagnose stage.

Rows from before the window are asked about as well, of the version that answered them: where these
do not come out as they were logged either, the log does not hold what a model is asked here.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.inference_log import MODEL_VERSION, PREDICTION
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Cause, Task
from modelmedic.steps.core.diagnosis.answers_again import AnswersAgain, codes_of, judge_answers
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.runtime.run import Run
from modelmedic.steps.training.ask_version import ask_version

NOW, BEFORE = 2000, 200  # rows
NOTHING_BEFORE = AnswersAgain(np.empty(0), np.empty(0), np.empty(0), ())
NOTHING_TO_ASK = frozenset({Cause.NONE, Cause.SEASONAL, Cause.AGEING, Cause.DATA_QUALITY})  # no answer would change the remedy


def asked_again(run: Run, found: Diagnosis, champion: str | None, current: pa.Table, past: pa.Table) -> Diagnosis:
    """The diagnosis by what the registered champion says of the window's rows and of earlier ones;
    `found` itself where there is nothing to ask, or the champion cannot be asked.
    """
    if champion is None or found.cause in NOTHING_TO_ASK or (found.cause is Cause.BAD_RELEASE and found.version is not None):
        return found
    now = _answered(current, champion, run.site.policy)
    before = _before(run, _answered(past, None, run.site.policy)) if now.num_rows else None
    seen = _asked(run, champion, thin(now, NOW)) if before is not None else None
    if before is None or seen is None:
        return found
    return judge_answers(found, champion, run.site.policy.data.task or Task.BINARY, before, seen)


def _before(run: Run, earlier: pa.Table) -> AnswersAgain | None:
    """The newest of the earlier rows, asked again of the version that answered the last of them;
    without any row where nothing was answered before. None when that version cannot be asked.
    """
    if not earlier.num_rows:
        return NOTHING_BEFORE
    newest = earlier.slice(max(earlier.num_rows - BEFORE, 0))
    teller = str(newest[MODEL_VERSION][-1].as_py())
    return _asked(run, teller, newest.filter(pc.equal(newest[MODEL_VERSION], teller)))


def _asked(run: Run, version: str, own: pa.Table) -> AnswersAgain | None:
    """The rows that the version answered, and what it says of them now; None when it cannot be
    asked.
    """
    policy = run.site.policy
    again = ask_version(run.site, version, own, "asked again")
    if again is None:
        return None
    logged, target = (_floats(own, name) for name in (PREDICTION, policy.data.target))
    codes = codes_of(own, policy.features)
    return AnswersAgain(logged, np.asarray(again, dtype=np.float64), target, tuple(own[policy.data.time].to_pylist()), codes)


def _answered(rows: pa.Table, version: str | None, policy: Policy) -> pa.Table:
    """The rows that the version, or any, answered, in the order of time."""
    if MODEL_VERSION not in rows.column_names or PREDICTION not in rows.column_names:
        return rows.slice(0, 0)
    own = pc.is_valid(rows[MODEL_VERSION]) if version is None else pc.fill_null(pc.equal(rows[MODEL_VERSION], version), False)
    return rows.filter(pc.and_(own, pc.is_valid(rows[PREDICTION]))).sort_by(policy.data.time)


def _floats(rows: pa.Table, name: str) -> Floats:
    return np.asarray(pc.cast(rows[name], pa.float64()).to_numpy(), dtype=np.float64)

"""The rehearsal of a choice: small forests stand in for the trainings that are to be tried, and are
judged on the same holdout rows.

Which rows teach more hangs on the rows more than on who learns from them, so a start whose stand-in
is beaten beyond noise need not be trained: where a concept has changed for good that is one of the
two. It was still tried on these labels, and the gate counts it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.words import Remedy
from modelmedic.steps.core.statistics.metrics import PairedComparison
from modelmedic.steps.core.training.stand_in import forest_answers
from modelmedic.steps.core.validation.gates import compare_with_champion
from modelmedic.steps.runtime.run import Run
from modelmedic.steps.training.evaluation import scored_rows
from modelmedic.steps.training.history import rows_within

Floats = npt.NDArray[np.float64]


def outdone(run: Run, plans: Sequence[TrainingPlan], labelled: pa.Table, holdout: pa.Table) -> tuple[bool, ...]:
    """For each plan whether another's stand-in is better beyond noise; nobody where a correction is
    tried, or nothing can be learnt.
    """
    policy, nobody = run.site.policy, (False,) * len(plans)
    if len(plans) < 2 or any(plan.remedy is Remedy.RECALIBRATE for plan in plans):
        return nobody
    found = [forest_answers(training_rows(policy, plan, labelled), holdout, policy.roles) for plan in plans]
    known = [each for each in found if each is not None]
    if len(known) < len(plans):
        return nobody
    return tuple(any(_gain(policy, holdout, other, each).gain.low > 0 for other in known if other is not each) for each in known)


def training_rows(policy: Policy, plan: TrainingPlan, labelled: pa.Table) -> pa.Table:
    """The rows that the plan teaches."""
    apart = () if plan.remedy is Remedy.RECALIBRATE else plan.beside
    return rows_within(labelled, policy.data.time, plan.train, (*plan.excluded, *apart))


def _gain(policy: Policy, holdout: pa.Table, one: Floats, other: Floats) -> PairedComparison:
    return compare_with_champion(policy.metric, scored_rows(policy, holdout, one, other), policy)

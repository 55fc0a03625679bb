"""The rehearsal of a choice between training plans: a small forest stands in for each training, and
all are judged on the same holdout rows. Called by the retrain stage.

A plan whose stand-in is worse beyond noise need not be trained, because the use of the rows hangs
on the rows more than on the learner. Where a concept has changed for good that is one plan of two.
It was still a trial on these labels, and the gate counts it.
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
    """For each plan, True when another's stand-in is better beyond noise; all False where a plan is
    a recalibration, or nothing can be learnt.
    """
    policy, none = run.site.policy, (False,) * len(plans)
    if len(plans) < 2 or any(plan.remedy is Remedy.RECALIBRATE for plan in plans):
        return none
    found = [forest_answers(training_rows(policy, plan, labelled), holdout, policy.roles) for plan in plans]
    known = [each for each in found if each is not None]
    if len(known) < len(plans):
        return none
    return tuple(any(_gain(policy, holdout, other, each).gain.low > 0 for other in known if other is not each) for each in known)


def training_rows(policy: Policy, plan: TrainingPlan, labelled: pa.Table) -> pa.Table:
    """The labelled rows that the plan trains on."""
    apart = () if plan.remedy is Remedy.RECALIBRATE else plan.beside
    return rows_within(labelled, policy.data.time, plan.train, (*plan.excluded, *apart))


def _gain(policy: Policy, holdout: pa.Table, one: Floats, other: Floats) -> PairedComparison:
    return compare_with_champion(policy.metric, scored_rows(policy, holdout, one, other), policy)

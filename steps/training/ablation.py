"""Challengers taught with and without rows that stay set aside, and both of them and the champion
asked about the newest labelled rows. Called by the retrain stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.comparison import Ablation
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.comparison.ablation import ablation
from modelmedic.steps.core.tables.moments import seconds_of
from modelmedic.steps.core.tables.row_loss import row_loss
from modelmedic.steps.runtime.run import Run
from modelmedic.steps.training.history import rows_within
from modelmedic.steps.training.process import run_in_pairs
from modelmedic.steps.training.trials import Trial, ask_all, carry_out, champion_folder, folders_of


@dataclass(frozen=True, slots=True)
class Contest:
    """Both trainings, the comparison where one of them left a model, and the trial that lost less;
    `taught_from` are the labelled rows that its plan chose from.
    """

    trials: tuple[Trial, Trial]
    winner: Trial
    taught_from: pa.Table
    found: Ablation | None


def hold_contest(
    run: Run, plan: TrainingPlan, doubtful: Sequence[Window], labelled: pa.Table, sound: pa.Table, holdout: pa.Table, place: Path
) -> Contest:
    """Teach by the plan on all `labelled` rows, and on the `sound` ones outside of the doubtful
    spans; what is not in doubt is the same. `holdout` are the newest rows, doubtful ones among
    them, which neither is taught; `place` is an empty folder.
    """
    kept = replace(plan, excluded=tuple(dict.fromkeys((*plan.excluded, *doubtful))))
    tasks = [
        partial(carry_out, run, replace(plan, reason=f"with the rows that are set aside: {plan.reason}"), labelled, place / "with"),
        partial(carry_out, run, replace(kept, reason=f"without the rows that are set aside: {plan.reason}"), sound, place / "without"),
    ]
    first, second = run_in_pairs(tasks)
    found = _asked(run, (first, second), holdout, place, doubtful=_taught(run, plan, labelled) - _taught(run, kept, sound))
    winner, taught_from = (first, labelled) if found is not None and found.with_them else (second, sound)
    return Contest((first, second), winner, taught_from, found)


def _taught(run: Run, plan: TrainingPlan, labelled: pa.Table) -> int:
    """The rows that the plan chooses, before they are thinned to what a training takes."""
    return int(rows_within(labelled, run.site.policy.data.time, plan.train, plan.excluded).num_rows)


def _asked(run: Run, trials: tuple[Trial, Trial], holdout: pa.Table, place: Path, *, doubtful: int) -> Ablation | None:
    policy = run.site.policy
    champion, *answers = ask_all(run, (champion_folder(run), *folders_of(trials)), holdout, place)
    target = np.asarray(holdout[policy.data.target].to_numpy(), dtype=np.float64)
    seconds = seconds_of(holdout[policy.data.time])
    first, second, served = (None if given is None else row_loss(policy.data.task, target, given) for given in (*answers, champion))
    return ablation(seconds, first, second, served, doubtful=doubtful)

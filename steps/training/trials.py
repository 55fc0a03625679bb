"""The trials of one heal: training plans carried out, compared on the newest labels, and the best
of them chosen as the challenger. Called by the retrain stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from modelmedic.steps.contracts.errors import ModelmedicError, Refused
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.words import Remedy
from modelmedic.steps.core.validation.gates import compare_with_champion
from modelmedic.steps.runtime.run import Run
from modelmedic.steps.runtime.versions import version_files
from modelmedic.steps.training.evaluation import ask_model, scored_rows
from modelmedic.steps.training.predict import allows_pickle
from modelmedic.steps.training.process import run_in_pairs
from modelmedic.steps.training.rehearsal import training_rows
from modelmedic.steps.training.train import TrainingOutcome, train_in_child


@dataclass(frozen=True, slots=True)
class Trial:
    """One training plan carried out. `gain` is the low end of the gain over the champion on the
    holdout rows; None when there was one trial only.
    """

    plan: TrainingPlan
    rows: pa.Table
    trained: TrainingOutcome
    gain: float | None = None

    @property
    def fitted(self) -> bool:
        """True when the training left a model."""
        return self.trained.folder is not None


def carry_out(run: Run, plan: TrainingPlan, labelled: pa.Table, place: Path, *, whole: bool = False) -> Trial:
    """Train by the plan, on the `whole` of the known rows or without the holdout and what is set
    apart; `place` is a folder that does not exist yet.
    """
    train, halving = training_rows(run.site.policy, plan, labelled, whole=whole)
    what = "what is to serve" if whole else "a challenger to be judged"
    run.site.say(f"training {what} on {train.num_rows} rows: {plan.reason}")
    return Trial(plan, train, _trained(run, plan.remedy, train, place, halving))


def measure_gains(run: Run, trials: Sequence[Trial], holdout: pa.Table, place: Path) -> list[Trial]:
    """The trials with their gains, as the gate will ask for them: the low end of the interval of
    the gain over the champion on the holdout rows.

    A model that learnt from few rows may look best by chance; its interval says so. A model that
    does not load has no gain.
    """
    policy, tried = run.site.policy, len(trials)
    served = champion_folder(run)
    champion, *answers = ask_all(run, (served, *folders_of(trials)), holdout, place) if served is not None else [None]
    if champion is None:
        return list(trials)
    return [replace(t, gain=_gain(policy, t, holdout, theirs, champion, tried)) for t, theirs in zip(trials, answers, strict=True)]


def champion_folder(run: Run) -> Path | None:
    """The champion's files; None where they lie in a registry that training cannot reach, as those
    of a version that was released by hand.
    """
    try:
        return _champion(run)
    except ModelmedicError:
        return None


def folders_of(trials: Sequence[Trial]) -> list[Path | None]:
    return [each.trained.folder for each in trials]


def ask_all(run: Run, folders: Sequence[Path | None], holdout: pa.Table, place: Path) -> list[np.ndarray | None]:
    """The answers of each model to the holdout rows; None for one that is not there or does not
    load.
    """
    return run_in_pairs(
        [partial(_answers, folder, run.site.policy, holdout, place / f"asked-{number}") for number, folder in enumerate(folders)]
    )


def _answers(folder: Path | None, policy: Policy, holdout: pa.Table, place: Path) -> np.ndarray | None:
    """The model's answers; None for a model that is not there or does not load."""
    _, answers = ask_model(folder, policy, (holdout,), place) if folder is not None else (None, ())
    return answers[0] if answers else None


def _gain(policy: Policy, each: Trial, holdout: pa.Table, answers: np.ndarray | None, champion: np.ndarray, tried: int) -> float | None:
    """The low end of the trial's gain. By AUC a recalibration has the gate's margin against it,
    because it leaves the ranking as it is, and any full training that passes is better.
    """
    if answers is None:
        return None
    if each.plan.remedy is Remedy.RECALIBRATE and policy.metric == "auc":
        return -policy.validation.margin
    low = compare_with_champion(policy.metric, scored_rows(policy, holdout, answers, champion), policy, tried).gain.low
    return low if np.isfinite(low) else None


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The trial with the largest gain; without gains the first trial that left a model."""
    known = [each for each in trials if each.gain is not None]
    return max(known, key=lambda each: each.gain or 0.0) if known else next((t for t in trials if t.trained.folder), trials[0])


def choice_sentence(best: Trial, trials: Sequence[Trial], metric: str) -> str:
    """The reason for the choice, as the end of a sentence on the training; empty without one."""
    others = [each.gain for each in trials if each is not best and each.gain is not None]
    if best.gain is None or not others:
        return ""
    return f"; on the newest labels it gains {best.gain:+.4f} in {metric} or more, the other {others[0]:+.4f}: {best.plan.reason}"


def _trained(run: Run, remedy: Remedy, train: pa.Table, place: Path, halving: timedelta | None) -> TrainingOutcome:
    site, data = run.site, run.site.policy.data
    place.mkdir()
    pq.write_table(train.select([*site.policy.features, data.target, data.time]), place / "train.parquet")
    folder = _champion(run) if remedy is Remedy.RECALIBRATE else None
    return train_in_child(
        place / "train.parquet", site.policy, place / "out", recalibrate=folder, halving=halving, unpickled=not allows_pickle()
    )


def _champion(run: Run) -> Path:
    """The files of the version that the diagnosis found serving, because training reaches no
    registry. Raises Refused without one.
    """
    site, served = run.site, run.result(DiagnoseResult).served
    if served is None:
        raise Refused(f"model {site.model} has no champion to recalibrate; expected alias {site.policy.registry.champion} to name one")
    return version_files(site, served)

"""Trainings that are tried for one challenger, and which of them is the challenger."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version as installed
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
from modelmedic.steps.training.process import run_in_pairs
from modelmedic.steps.training.rehearsal import training_rows
from modelmedic.steps.training.train import TrainingOutcome, train_in_child


@dataclass(frozen=True, slots=True)
class Trial:
    """One plan carried out. `gain` is the least over the champion on the holdout rows, where more
    than one was tried.
    """

    plan: TrainingPlan
    rows: pa.Table
    trained: TrainingOutcome
    gain: float | None = None

    @property
    def fitted(self) -> bool:
        """Whether a model came of it."""
        return self.trained.folder is not None


def carry_out(run: Run, plan: TrainingPlan, labelled: pa.Table, place: Path) -> Trial:
    train = training_rows(run.site.policy, plan, labelled)
    run.site.say(f"training on {train.num_rows} rows of {plan.train}: {plan.reason}")
    return Trial(plan, train, _trained(run, plan.remedy, train, place))


def skip(run: Run, plan: TrainingPlan, labelled: pa.Table) -> Trial:
    """A plan that is not carried out, for another's stand-in was better beyond noise."""
    return Trial(
        plan, training_rows(run.site.policy, plan, labelled), TrainingOutcome(None, 0.0, "not trained: in the rehearsal another was better")
    )


def measure_gains(run: Run, trials: Sequence[Trial], holdout: pa.Table, place: Path) -> list[Trial]:
    """Each with what the gate will ask of it: the least gain over the champion on the holdout rows
    that its interval allows.

    A model that learnt from few rows may look best by chance; its interval says so. A model that
    cannot be asked has no gain.
    """
    policy = run.site.policy
    try:
        asked = [_champion(run), *(each.trained.folder for each in trials)]
    except ModelmedicError:  # released by hand, and the registry that has its files cannot be reached from where training runs
        return list(trials)
    answers = run_in_pairs([partial(_answers, folder, policy, holdout, place / f"asked-{number}") for number, folder in enumerate(asked)])
    champion, tried = answers[0], len(trials)
    if champion is None:
        return list(trials)
    return [replace(t, gain=_gain(policy, t, holdout, theirs, champion, tried)) for t, theirs in zip(trials, answers[1:], strict=True)]


def _answers(folder: Path | None, policy: Policy, holdout: pa.Table, place: Path) -> np.ndarray | None:
    """None for a model that is not there or does not load."""
    _, answers = ask_model(folder, policy, (holdout,), place) if folder is not None else (None, ())
    return answers[0] if answers else None


def _gain(policy: Policy, each: Trial, holdout: pa.Table, answers: np.ndarray | None, champion: np.ndarray, tried: int) -> float | None:
    """A correction leaves the ranking as it is, so by the AUC a full training is better as soon as
    it passes.
    """
    if answers is None:
        return None
    if each.plan.remedy is Remedy.RECALIBRATE and policy.metric == "auc":
        return -policy.validation.margin
    low = compare_with_champion(policy.metric, scored_rows(policy, holdout, answers, champion), policy, tried).gain.low
    return low if np.isfinite(low) else None


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The largest of the least gains; the first one that was trained where nobody has any."""
    known = [each for each in trials if each.gain is not None]
    return max(known, key=lambda each: each.gain or 0.0) if known else next((t for t in trials if t.trained.folder), trials[0])


def choice_sentence(best: Trial, trials: Sequence[Trial], metric: str) -> str:
    """Why this one of several, in words that follow what its training came to."""
    others = [each.gain for each in trials if each is not best and each.gain is not None]
    if best.gain is None or not others:
        return ""
    return f"; on the newest labels it gains {best.gain:+.4f} in {metric} or more, the other {others[0]:+.4f}: {best.plan.reason}"


def _trained(run: Run, remedy: Remedy, train: pa.Table, place: Path) -> TrainingOutcome:
    site, data = run.site, run.site.policy.data
    place.mkdir()
    pq.write_table(train.select([*site.policy.features, data.target, data.time]), place / "train.parquet")
    folder = _champion(run) if remedy is Remedy.RECALIBRATE else None
    return train_in_child(place / "train.parquet", site.policy, place / "out", recalibrate=folder)


def _champion(run: Run) -> Path:
    """The files of the version that the diagnosis found serving: training reaches no registry.
    Raises Refused without one.
    """
    site, served = run.site, run.result(DiagnoseResult).served
    if served is None:
        raise Refused(f"model {site.model} has no champion to recalibrate; expected alias {site.policy.registry.champion} to name one")
    return version_files(site, served)


def code_version(policy: Policy) -> str:
    """What made a model: this program's version, and the training function that was called."""
    return f"modelmedic {installed('modelmedic')}, {policy.retrain.entrypoint}"

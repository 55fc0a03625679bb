"""The validate stage: the challenger is judged by every gate, then registered with its files where
servers read them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.adapters.models.files import pull
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.keys import candidate_prefix, model_hash
from modelmedic.steps.contracts.results import DiagnoseResult, RetrainResult, ValidateResult
from modelmedic.steps.contracts.training import Gate, ModelVersion, Validation
from modelmedic.steps.contracts.words import Direction, Remedy
from modelmedic.steps.core.tables.slices import rows_inside
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.core.training.training_rows import reach
from modelmedic.steps.core.validation.fitness import fitness_gates
from modelmedic.steps.core.validation.gates import comparison_gates, holdout_metrics, old_regime_gate
from modelmedic.steps.data.snapshots import read_snapshot
from modelmedic.steps.heal.results import note_training
from modelmedic.steps.runtime.reference import ChampionReference, champion_reference
from modelmedic.steps.runtime.run import Outputs, Run
from modelmedic.steps.runtime.versions import alias_move, registration, version_files
from modelmedic.steps.training.evaluation import ask_model, scored_rows, with_answers
from modelmedic.steps.training.process import fresh_folder

_MOST_OLD_ROWS = 20_000  # of the champion's reference; more say the same


@dataclass(frozen=True)
class _Challenger:
    """A challenger's files, the rows that it is judged on, and the champion that it is compared
    with.
    """

    folder: Path
    digest: str
    holdout: pa.Table
    old: ChampionReference
    beside: pa.Table
    champion: ModelVersion
    diagnosis: Diagnosis
    remedy: Remedy
    tried: int


def validate(run: Run) -> Outputs:
    """Judge the challenger by every gate and register it, whether it passed or not. Running twice
    judges once.

    Raises Refused when the candidate's files are not those that training left, or there is no
    champion to compare it with.
    """
    if (done := run.outputs("validate")) is not None:
        return done
    note_training(run)
    challenger = _challenger(run)
    gates, numbers, answers = _judge(run, challenger)
    passed = all(gate.passed for gate in gates)
    version = _registered(run, challenger, passed, numbers)
    if passed and answers is not None:
        run.site.references.keep(version.version, with_answers(_reference(challenger), version.version, answers))
        _call_challenger(run, version)
    return _record(run, challenger, Validation(version.version, challenger.digest, gates, numbers))


def _challenger(run: Run) -> _Challenger:
    site, trained = run.site, run.result(RetrainResult)
    digest = str(trained.candidate)
    prefix = f"{candidate_prefix(model_hash(site.model), run.incident.epoch)}/{digest}"
    champion = site.registry.alias(site.policy.registry.champion)
    if champion is None:
        raise Refused(
            f"model {site.model} has no champion to compare a challenger with; expected alias {site.policy.registry.champion} to name one"
        )
    old = champion_reference(site)
    return _Challenger(
        folder=pull(site.store, prefix, site.work / "models" / digest, digest),
        digest=digest,
        holdout=read_snapshot(site.store, str(trained.holdout)),
        old=ChampionReference(old.version, _labelled(old.table, site.policy.data.target)),
        beside=read_snapshot(site.store, str(trained.beside)),
        champion=site.registry.version(champion),
        diagnosis=run.result(DiagnoseResult).diagnosis,
        remedy=trained.plan.remedy,
        tried=len(trained.tried),
    )


def _reference(challenger: _Challenger) -> pa.Table:
    """Rows that the challenger was not trained on, over the whole time that it covers, the newest
    last.
    """
    return pa.concat_tables([challenger.beside, challenger.holdout])


def _judge(run: Run, challenger: _Challenger) -> tuple[tuple[Gate, ...], dict[str, float], np.ndarray | None]:
    """The gates in their order, the metrics, and the challenger's predictions for the rows of its
    reference.
    """
    site, policy = run.site, run.site.policy
    place, parts = fresh_folder(site.work / "judging" / run.incident.id), (challenger.holdout, challenger.old.table, challenger.beside)
    seen, answers = ask_model(challenger.folder, policy, parts, place / "challenger")
    gates = fitness_gates(policy, seen.fitness)
    if not answers:
        return gates, {}, None
    known, theirs = ask_model(version_files(site, challenger.champion), policy, parts[:2], place / "champion")
    if not theirs:
        raise BadInput(f"champion version {challenger.champion.version} of {site.model} cannot be asked: {known.fitness.fault}")
    rows = scored_rows(policy, challenger.holdout, answers[0], theirs[0])
    gates = (
        *gates,
        *comparison_gates(policy, challenger.remedy, rows, challenger.tried),
        _old_regime(run, challenger, answers[1], theirs[1]),
    )
    numbers = holdout_metrics(policy, challenger.remedy, rows)
    for who, asked in (("challenger", seen), ("champion", known)):
        if asked.fitness.latency_p95_ms is not None:
            numbers[f"{who}_latency_p95_ms"] = asked.fitness.latency_p95_ms
    return gates, numbers, np.concatenate([answers[2], answers[0]])


def _old_regime(run: Run, challenger: _Challenger, answers: np.ndarray, champion_answers: np.ndarray) -> Gate:
    """The gate on the old regime; where one segment changed, only rows outside of it are
    compared.
    """
    policy, segment = run.site.policy, challenger.diagnosis.segment
    rows = scored_rows(policy, challenger.old.table, answers, champion_answers).only(_remembered(run, challenger.old.table))
    if segment is None or segment.column not in rows.columns:
        return old_regime_gate(policy, challenger.remedy, rows, challenger.diagnosis.cause)
    outside = rows.only(~rows_inside(rows.columns[segment.column], segment.value))
    return old_regime_gate(policy, challenger.remedy, outside, challenger.diagnosis.cause, f"{segment.column} {segment.value}")


def _remembered(run: Run, rows: pa.Table) -> np.ndarray:
    """A mask of the rows within retrain.history; the policy allows a challenger to forget older
    ones.
    """
    times = rows[run.site.policy.data.time]
    since = reach(run.site.policy, run.site.clock.now()).start
    return np.asarray(pc.greater_equal(times, pa.scalar(since, times.type)).to_numpy(zero_copy_only=False), dtype=bool)


def _labelled(rows: pa.Table, target: str) -> pa.Table:
    """Labelled reference rows, evenly thinned."""
    return thin(rows.filter(pc.is_valid(rows[target])), _MOST_OLD_ROWS)


def _registered(run: Run, challenger: _Challenger, passed: bool, numbers: Mapping[str, float]) -> ModelVersion:
    trained = run.result(RetrainResult)
    tags = {
        "incident": run.incident.id,
        "cause": challenger.diagnosis.cause.value,
        "remedy": challenger.remedy.value,
        "snapshot": str(trained.snapshot),
        "holdout": str(trained.holdout),
        "code": str(trained.code),
        "policy": run.site.policy.hash,
        "champion": challenger.champion.version,
        "passed": "yes" if passed else "no",
    }
    effect = registration(run.site, challenger.folder, f"{run.incident.id}:{challenger.digest[:16]}", tags, numbers)
    with run.leased() as lease:
        facts = run.perform(effect, lease)
    return run.site.registry.version(str(facts["version"]))


def _call_challenger(run: Run, version: ModelVersion) -> None:
    """Move the challenger alias, which tells people what is being tried, to the version."""
    alias = run.site.policy.registry.challenger
    with run.leased() as lease:
        run.perform(alias_move(run, alias, version.version, run.site.registry.alias(alias), Direction.ADVANCE), lease)


def _record(run: Run, challenger: _Challenger, found: Validation) -> Outputs:
    failed = [gate for gate in found.gates if not gate.passed]
    kept = run.record(ValidateResult(found, found.version, found.digest, challenger.champion.version, challenger.old.version))
    for gate in found.gates:
        run.note("gate.passed" if gate.passed else "gate.failed", version=found.version, gate=gate)
    counted = f"version {found.version} passed {len(found.gates) - len(failed)} of {len(found.gates)} gates"
    run.site.say(f"{counted}: {failed[0].sentence}" if failed else counted)
    return kept.outputs

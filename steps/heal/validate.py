"""The validate stage: the challenger is judged by every gate, then registered with its files where
servers read them.

What serves has learnt every known row, so nothing that is known can judge it. Its twin, taught in
the same way without the newest rows, is compared with the champion in its place; the challenger
itself has to load, to be quick, and to answer like its twin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.adapters.models.files import pull
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.keys import candidate_prefix, model_hash
from modelmedic.steps.contracts.results import DiagnoseResult, RetrainResult, ValidateResult
from modelmedic.steps.contracts.training import DARK, Gate, ModelVersion, Validation
from modelmedic.steps.contracts.words import Cause, Direction, Remedy, Risk
from modelmedic.steps.core.tables.slices import rows_inside
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.core.validation.fitness import fitness_gates
from modelmedic.steps.core.validation.gates import comparison_gates, holdout_metrics, newer_rows, old_regime_gate, twin_gate, undecided
from modelmedic.steps.data.snapshots import read_snapshot
from modelmedic.steps.heal.kept_in_the_dark import won_version
from modelmedic.steps.heal.results import note_training, note_validation
from modelmedic.steps.runtime.reference import ChampionReference, champion_reference
from modelmedic.steps.runtime.run import Outputs, Run
from modelmedic.steps.runtime.versions import alias_move, registration, taught_tag, training_params, version_files
from modelmedic.steps.training.evaluation import ask_model, scored_rows, with_answers
from modelmedic.steps.training.scratch import fresh_folder

_MOST_OLD_ROWS = 20_000  # of the champion's reference; more say the same


@dataclass(frozen=True)
class _Challenger:
    """A challenger's files and its twin's (the same ones where it has none), the rows that it is
    judged on, and the champion that it is compared with.
    """

    folder: Path
    digest: str
    twin: Path
    twin_digest: str | None
    newer: float | None  # the share of the loss that the rows are worth which the twin lacks; None without a twin
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
    if (done := run.result_if_any(ValidateResult)) is not None:
        note_validation(run, done)
        return done.outputs
    note_training(run)
    if (version := won_version(run)) is not None:
        return _record_win(run, version)
    challenger = _challenger(run)
    gates, numbers, answers = _judge(run, challenger)
    passed = all(gate.passed for gate in gates)
    dark = run.site.policy.retrain.risk is Risk.CAUTIOUS and undecided(gates) and not _asked(run)
    version = _registered(run, challenger, "yes" if passed else DARK if dark else "no", numbers)
    if (passed or dark) and answers is not None:
        _keep_reference(run, challenger, version.version, answers)
        _call_challenger(run, version)
    return _record(run, challenger, Validation(version.version, challenger.digest, gates, numbers), dark=dark)


def _record_win(run: Run, version: ModelVersion) -> Outputs:
    """The version passed every other gate when it was registered, and has passed this one since."""
    gate = Gate("later-labels", True, str(run.incident.facts.get("sentence", "")))
    champion = run.site.registry.alias(run.site.policy.registry.champion)
    kept = run.record(ValidateResult(Validation(version.version, version.digest, (gate,), {}), version.version, version.digest, champion))
    note_validation(run, kept)
    run.site.say(gate.sentence)
    return kept.outputs


def _challenger(run: Run) -> _Challenger:
    site, trained = run.site, run.result(RetrainResult)
    digest, twin = str(trained.candidate), trained.twin
    champion = site.registry.alias(site.policy.registry.champion)
    if champion is None:
        raise Refused(
            f"model {site.model} has no champion to compare a challenger with; expected alias {site.policy.registry.champion} to name one"
        )
    old = champion_reference(site)
    folder = _files(run, digest)
    return _Challenger(
        folder=folder,
        digest=digest,
        twin=_files(run, twin) if twin is not None else folder,
        twin_digest=twin,
        newer=newer_rows(trained.plan.holdout.length / timedelta(days=1), trained.ageing, trained.ageing_error)
        if twin is not None
        else None,
        holdout=read_snapshot(site.store, str(trained.holdout)),
        old=ChampionReference(old.version, _labelled(old.table, site.policy.data.target)),
        beside=read_snapshot(site.store, str(trained.beside)),
        champion=site.registry.version(champion),
        diagnosis=run.result(DiagnoseResult).diagnosis,
        remedy=trained.plan.remedy,
        tried=len(trained.tried),
    )


def _files(run: Run, digest: str) -> Path:
    """The folder of a model that training left. Raises Refused when it is another one."""
    site = run.site
    prefix = f"{candidate_prefix(model_hash(site.model), run.incident.epoch)}/{digest}"
    return pull(site.store, prefix, site.work / "models" / digest, digest)


def _reference(challenger: _Challenger) -> pa.Table:
    """Rows that the challenger was not trained on, over the whole time that it covers, the newest
    last.
    """
    return pa.concat_tables([challenger.beside, challenger.holdout])


@dataclass(frozen=True)
class _Answers:
    """The answers to the rows of the new reference, in their order: the twin's, which are honest,
    and those of the version itself, which a server has to repeat.
    """

    twin: np.ndarray
    own: np.ndarray


def _judge(run: Run, challenger: _Challenger) -> tuple[tuple[Gate, ...], dict[str, float], _Answers | None]:
    """The gates in their order, the metrics, and the answers to the rows of the reference."""
    site, policy = run.site, run.site.policy
    place, parts = fresh_folder(site.work / "judging" / run.incident.id), (challenger.holdout, challenger.old.table, challenger.beside)
    seen, own = ask_model(challenger.folder, policy, parts, place / "challenger")
    gates = fitness_gates(policy, seen.fitness)
    if not own:
        return gates, {}, None
    twin = own
    if challenger.twin_digest is not None:
        judged, twin = ask_model(challenger.twin, policy, parts, place / "twin")
        if not twin:
            return (*gates, Gate("like_its_twin", False, f"its twin cannot be asked: {judged.fitness.fault}")), {}, None
    known, theirs = ask_model(version_files(site, challenger.champion), policy, parts[:2], place / "champion")
    if not theirs:
        raise BadInput(f"champion version {challenger.champion.version} of {site.model} cannot be asked: {known.fitness.fault}")
    rows = scored_rows(policy, challenger.holdout, twin[0], theirs[0], newer=challenger.newer)
    gates = (
        *gates,
        *comparison_gates(policy, challenger.remedy, rows, challenger.tried, expected=_expected(challenger.diagnosis)),
        _old_regime(run, challenger, twin[1], theirs[1]),
        *([twin_gate(policy, rows, own[0])] if challenger.twin_digest is not None else []),
    )
    numbers = holdout_metrics(policy, challenger.remedy, rows)
    for who, asked in (("challenger", seen), ("champion", known)):
        if asked.fitness.latency_p95_ms is not None:
            numbers[f"{who}_latency_p95_ms"] = asked.fitness.latency_p95_ms
    return gates, numbers, _Answers(*(np.concatenate([each[2], each[0]]) for each in (twin, own)))


def _expected(diagnosis: Diagnosis) -> bool:
    """True where a newly taught model is expected to gain before it is judged."""
    return diagnosis.cause is Cause.AGEING or diagnosis.harm == "shown"


def _asked(run: Run) -> bool:
    """True where a person is asked about rows that stay set aside: no challenger of that heal may
    come to serve without the answer, also not from the dark.
    """
    return run.result(DiagnoseResult).lasting is not None


def _keep_reference(run: Run, challenger: _Challenger, version: str, answers: _Answers) -> None:
    """Keep the rows that are compared with from the promotion on, with the twin's answers, and a
    few of them with the version's own, which the dark canary has to repeat.
    """
    references, rows = run.site.references, _reference(challenger)
    references.keep(version, with_answers(rows, version, answers.twin))
    if challenger.twin_digest is not None:
        references.keep_replay(version, thin(with_answers(rows, version, answers.own), run.site.policy.rollout.replayRequests))


def _old_regime(run: Run, challenger: _Challenger, answers: np.ndarray, champion_answers: np.ndarray) -> Gate:
    """The gate on the old regime; where one segment changed, only rows outside of it are
    compared.
    """
    policy, segment, asked = run.site.policy, challenger.diagnosis.segment, _asked(run)
    rows = scored_rows(policy, challenger.old.table, answers, champion_answers).only(_remembered(run, challenger.old.table))
    if segment is None or segment.column not in rows.columns:
        return old_regime_gate(policy, challenger.remedy, rows, challenger.diagnosis.cause, asked=asked)
    outside = rows.only(~rows_inside(rows.columns[segment.column], segment.value))
    return old_regime_gate(policy, challenger.remedy, outside, challenger.diagnosis.cause, f"{segment.column} {segment.value}", asked=asked)


def _remembered(run: Run, rows: pa.Table) -> np.ndarray:
    """A mask of the rows within retrain.history; the policy allows a challenger to forget older
    ones.
    """
    policy, times = run.site.policy, rows[run.site.policy.data.time]
    since = run.site.clock.now() - policy.data.labels.delay - policy.retrain.history
    return np.asarray(pc.greater_equal(times, pa.scalar(since, times.type)).to_numpy(zero_copy_only=False), dtype=bool)


def _labelled(rows: pa.Table, target: str) -> pa.Table:
    """Labelled reference rows, evenly thinned."""
    return thin(rows.filter(pc.is_valid(rows[target])), _MOST_OLD_ROWS)


def _registered(run: Run, challenger: _Challenger, passed: str, numbers: Mapping[str, float]) -> ModelVersion:
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
        "passed": passed,
        **taught_tag(trained.plan.holdout.end if challenger.twin_digest is not None else trained.plan.train.end),
        **({"twin": challenger.twin_digest} if challenger.twin_digest is not None else {}),
    }
    params = training_params(run.site.policy, trained.plan, trained.rows)
    effect = registration(run.site, challenger.folder, f"{run.incident.id}:{challenger.digest[:16]}", tags, numbers, params)
    with run.leased() as lease:
        facts = run.perform(effect, lease)
    return run.site.registry.version(str(facts["version"]))


def _call_challenger(run: Run, version: ModelVersion) -> None:
    """Move the challenger alias, which tells people what is being tried, to the version."""
    alias = run.site.policy.registry.challenger
    with run.leased() as lease:
        run.perform(alias_move(run, alias, version.version, run.site.registry.alias(alias), Direction.ADVANCE), lease)


def _record(run: Run, challenger: _Challenger, found: Validation, *, dark: bool) -> Outputs:
    failed = [gate for gate in found.gates if not gate.passed]
    against, reference = challenger.champion.version, challenger.old.version
    kept = run.record(ValidateResult(found, found.version, found.digest, against, reference, challenger.twin_digest, dark))
    note_validation(run, kept)
    counted = f"version {found.version} passed {len(found.gates) - len(failed)} of {len(found.gates)} gates"
    run.site.say(f"{counted}: {failed[0].sentence}" if failed else counted)
    return kept.outputs

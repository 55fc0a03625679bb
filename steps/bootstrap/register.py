"""The first champion's judgement: its gates, without a champion to compare it with, its
registration and its reference.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.adapters.models.files import pull
from modelmedic.steps.bootstrap.candidate import Candidate, candidate_key, candidates, registration_key
from modelmedic.steps.bootstrap.rows import split_plan
from modelmedic.steps.bootstrap.serve import expect_no_other_champion
from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused
from modelmedic.steps.contracts.training import Gate, ModelVersion
from modelmedic.steps.contracts.words import Remedy
from modelmedic.steps.core.validation.fitness import fitness_gates
from modelmedic.steps.core.validation.gates import first_gates, holdout_metrics
from modelmedic.steps.data import snapshots
from modelmedic.steps.records.documents import read
from modelmedic.steps.runtime.run import Site, advance
from modelmedic.steps.runtime.versions import end_registration, of_key, registration, taught_tag, training_params, version_files
from modelmedic.steps.training.evaluation import ask_model, scored_rows, with_answers
from modelmedic.steps.training.history import remember_bootstrap_rows
from modelmedic.steps.training.scratch import fresh_folder


def register_first(site: Site, candidate: str) -> ModelVersion:
    """Judge the candidate of that name, and register it with its reference.

    Raises Refused when a gate fails, and BadInput when there is no such candidate.
    """
    version = of_key(site, registration_key(candidate))
    expect_no_other_champion(site, version)
    made = read(site.store, Candidate, candidate_key(site, candidate))
    if made is None:
        raise BadInput(f"model {site.model} has no candidate {candidate[:12]}; expected the training part to have run")
    if version is None:
        return _registered(site, made, registration_key(candidate))
    end_registration(site, registration_key(candidate))
    _keep_reference(site, version)
    remember_bootstrap_rows(site, made.snapshot)
    return version


def _registered(site: Site, made: Candidate, key: str) -> ModelVersion:
    rows = snapshots.read_snapshot(site.store, made.snapshot)
    train, holdout = rows.slice(0, made.rows), rows.slice(made.rows)
    site.say(f"judging it on {holdout.num_rows} later rows")
    scratch = fresh_folder(site.work / "judging" / "bootstrap")
    folder = pull(site.store, f"{candidates(site)}/{made.digest}", scratch / "model", made.digest)
    gates, numbers, answers = _judged(site, folder, train, holdout, scratch / "answers")
    failed = [gate for gate in gates if not gate.passed]
    for gate in gates:
        site.note("gate.passed" if gate.passed else "gate.failed", {"gate": gate})
    if failed or answers is None:
        raise Refused(f"the first champion of {site.model} failed {len(failed)} of {len(gates)} gates: {failed[0].sentence}")
    site.say(f"all {len(gates)} gates passed; registering it")
    tags = {
        "cause": "bootstrap",
        "snapshot": snapshots.keep(site.store, train),
        "holdout": snapshots.keep(site.store, holdout),
        "code": made.code,
        "policy": site.policy.hash,
        **taught_tag(pc.min(holdout[site.policy.data.time]).as_py()),
    }
    params = training_params(site.policy, split_plan(site.policy, rows), train.num_rows)
    facts = advance(site, registration(site, folder, key, tags, numbers, params))
    version = site.registry.version(str(facts["version"]))
    site.references.keep(version.version, with_answers(holdout, version.version, answers))
    remember_bootstrap_rows(site, made.snapshot)
    return version


def _judged(
    site: Site, folder: Path, train: pa.Table, holdout: pa.Table, out: Path
) -> tuple[tuple[Gate, ...], dict[str, float], np.ndarray | None]:
    policy = site.policy
    seen, answers = ask_model(folder, policy, (holdout,), out)
    gates = fitness_gates(policy, seen.fitness)
    if not answers:
        return gates, {}, None
    constant = np.full(holdout.num_rows, float(pc.mean(train[policy.data.target]).as_py()))
    rows = scored_rows(policy, holdout, answers[0])
    return (*gates, *first_gates(policy, rows, constant)), holdout_metrics(policy, Remedy.RETRAIN, rows), answers[0]


def _keep_reference(site: Site, version: ModelVersion) -> None:
    """Keep the version's reference when an earlier run registered the version and was killed
    before it kept one.
    """
    try:
        site.references.table(version.version)
        return
    except NotFound:
        pass
    holdout = snapshots.read_snapshot(site.store, version.tags["holdout"])
    asked, answers = ask_model(version_files(site, version), site.policy, (holdout,), fresh_folder(site.work / "bootstrap") / "reference")
    if not answers:
        raise BadInput(f"version {version.version} of {site.model} cannot be asked: {asked.fitness.fault}")
    site.references.keep(version.version, with_answers(holdout, version.version, answers[0]))

"""The first champion of a model: trained on labelled rows, gated without anybody to compare it with, registered and served."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from modelmedic.steps.adapters.models.files import digest, pull, push
from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused
from modelmedic.steps.contracts.keys import candidate_prefix, model_hash
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import Gate, ModelVersion, TrainingPlan
from modelmedic.steps.contracts.words import Remedy
from modelmedic.steps.core.fitness import fitness_gates
from modelmedic.steps.core.gates import first_gates, metrics
from modelmedic.steps.core.training_window import split
from modelmedic.steps.data.labelled import _rows
from modelmedic.steps.data.snapshots import keep
from modelmedic.steps.data.snapshots import rows as snapshot
from modelmedic.steps.first_service import expect_no_other_champion, serve_first
from modelmedic.steps.judging import answered, ask, judged
from modelmedic.steps.records.documents import keep as keep_document
from modelmedic.steps.records.documents import read
from modelmedic.steps.retrain import code_version, fresh
from modelmedic.steps.runtime.run import Site, advance
from modelmedic.steps.runtime.versions import of_key, registering, version_files
from modelmedic.steps.taught import remember
from modelmedic.steps.training.apart import train_apart


@dataclass(frozen=True, slots=True)
class Candidate:
    """What training left of one snapshot: the model folder's digest, how many of the older rows it learnt from, and what made it."""

    digest: str
    rows: int
    code: str


def bootstrap(site: Site, table: pa.Table) -> ModelVersion:
    """Train on the older rows, judge on the later ones, register, serve, alias. After a kill, called again it goes on.

    Raises BadInput for rows that will not do, and Refused when a gate fails or the model has a champion of other rows already.
    """
    named = take(site, table)
    expect_no_other_champion(site, of_key(site, _key(named)))
    train_first(site, named)
    return serve_first(site, register_first(site, named).version)


def take(site: Site, table: pa.Table) -> str:
    """The labelled rows kept; the digest of the snapshot, by which the parts of a bootstrap find them. Raises BadInput."""
    rows = _rows(site.policy, table)
    _plan(site.policy, rows)
    return keep(site.store, rows)


def train_first(site: Site, named: str) -> None:
    """A candidate in the store, trained on the older rows of the snapshot.

    Needs neither registry nor serving side: where training code runs, neither can be reached. Raises BadInput.
    """
    if read(site.store, Candidate, _candidate_key(site, named)) is not None:
        return
    rows = snapshot(site.store, named)
    plan = _plan(site.policy, rows)
    site.say(f"training the first champion on {plan.rows} rows of {plan.train}")
    folder = _trained(site, rows.slice(0, plan.rows), fresh(site.work / "bootstrap"))
    made = Candidate(digest(folder), plan.rows, code_version(site.policy))
    push(site.store, f"{_candidates(site)}/{made.digest}", folder)
    keep_document(site.store, _candidate_key(site, named), made)


def register_first(site: Site, named: str) -> ModelVersion:
    """The candidate of the snapshot `named`, judged and registered with its reference.

    Raises Refused when a gate fails, and BadInput when nothing was trained on that snapshot.
    """
    version = of_key(site, _key(named))
    expect_no_other_champion(site, version)
    if version is None:
        return _registered(site, named)
    _keep_reference(site, version)
    remember(site, named)
    return version


def check(policy: Policy, table: pa.Table) -> TrainingPlan:
    """Which rows would be learnt from and which judged by. Raises BadInput when a column is missing or the rows are too few."""
    return _plan(policy, _rows(policy, table))


def _plan(policy: Policy, rows: pa.Table) -> TrainingPlan:
    plan = split(policy, _micros(rows, policy))
    if not plan.enough:
        raise BadInput(f"model {policy.name} cannot be bootstrapped: {plan.reason}")
    return plan


def _micros(rows: pa.Table, policy: Policy) -> np.ndarray:
    return np.asarray(pc.cast(rows[policy.data.time], pa.int64()).to_numpy(), dtype=np.int64)


def _registered(site: Site, named: str) -> ModelVersion:
    made = read(site.store, Candidate, _candidate_key(site, named))
    if made is None:
        raise BadInput(f"model {site.model} has no candidate trained on snapshot {named[:12]}; expected the training part to have run")
    rows = snapshot(site.store, named)
    train, holdout = rows.slice(0, made.rows), rows.slice(made.rows)
    site.say(f"judging it on {holdout.num_rows} later rows")
    place = fresh(site.work / "judging" / "bootstrap")
    folder = pull(site.store, f"{_candidates(site)}/{made.digest}", place / "model", made.digest)
    gates, numbers, answers = _judged(site, folder, train, holdout, place / "answers")
    failed = [gate for gate in gates if not gate.passed]
    for gate in gates:
        site.note("gate.passed" if gate.passed else "gate.failed", {"gate": gate})
    if failed or answers is None:
        raise Refused(f"the first champion of {site.model} failed {len(failed)} of {len(gates)} gates: {failed[0].sentence}")
    tags = {
        "cause": "bootstrap",
        "snapshot": keep(site.store, train),
        "holdout": keep(site.store, holdout),
        "code": made.code,
        "policy": site.policy.hash,
    }
    facts = advance(site, registering(site, folder, _key(named), tags, numbers))
    version = site.registry.version(str(facts["version"]))
    site.references.keep(version.version, answered(holdout, version.version, answers))
    remember(site, named)
    return version


def _key(named: str) -> str:
    """What the version is registered under: once for the same rows."""
    return f"bootstrap:{named[:32]}"


def _candidates(site: Site) -> str:
    return candidate_prefix(model_hash(site.model), 0)


def _candidate_key(site: Site, named: str) -> str:
    return f"{_candidates(site)}/{named}.json"


def _trained(site: Site, train: pa.Table, place: Path) -> Path:
    data = site.policy.data
    pq.write_table(train.select([*site.policy.features, data.target, data.time]), place / "train.parquet")
    trained = train_apart(place / "train.parquet", site.policy, place / "out")
    if trained.folder is None:
        raise BadInput(f"model {site.model} was not bootstrapped: {trained.sentence}")
    return trained.folder


def _judged(
    site: Site, folder: Path, train: pa.Table, holdout: pa.Table, out: Path
) -> tuple[tuple[Gate, ...], dict[str, float], np.ndarray | None]:
    policy = site.policy
    seen, answers = ask(folder, policy, (holdout,), out)
    gates = fitness_gates(policy, seen.fitness)
    if not answers:
        return gates, {}, None
    constant = np.full(holdout.num_rows, float(pc.mean(train[policy.data.target]).as_py()))
    rows = judged(policy, holdout, answers[0])
    return (*gates, *first_gates(policy, rows, constant)), metrics(policy, Remedy.RETRAIN, rows), answers[0]


def _keep_reference(site: Site, version: ModelVersion) -> None:
    """What the champion is compared with from now on, when an earlier run was killed before it could say so."""
    try:
        site.references.table(version.version)
        return
    except NotFound:
        pass
    holdout = snapshot(site.store, version.tags["holdout"])
    asked, answers = ask(version_files(site, version), site.policy, (holdout,), fresh(site.work / "bootstrap") / "reference")
    if not answers:
        raise BadInput(f"version {version.version} of {site.model} cannot be asked: {asked.fitness.fault}")
    site.references.keep(version.version, answered(holdout, version.version, answers[0]))

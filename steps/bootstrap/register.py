"""The first champion's judgement: its gates, its registration and the reference that it is compared
with.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.adapters.models.files import pull
from modelmedic.steps.bootstrap.rows import _candidate_key, _candidates, _key
from modelmedic.steps.bootstrap.serve import expect_no_other_champion
from modelmedic.steps.bootstrap.train import Candidate
from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused
from modelmedic.steps.contracts.training import Gate, ModelVersion
from modelmedic.steps.contracts.words import Remedy
from modelmedic.steps.core.validation.fitness import fitness_gates
from modelmedic.steps.core.validation.gates import first_gates, holdout_metrics
from modelmedic.steps.data.snapshots import keep
from modelmedic.steps.data.snapshots import rows as snapshot
from modelmedic.steps.records.documents import read
from modelmedic.steps.runtime.run import Site, advance
from modelmedic.steps.runtime.versions import of_key, registration, version_files
from modelmedic.steps.training.evaluation import answered, ask, judged
from modelmedic.steps.training.history import remember
from modelmedic.steps.training.process import fresh


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
    facts = advance(site, registration(site, folder, _key(named), tags, numbers))
    version = site.registry.version(str(facts["version"]))
    site.references.keep(version.version, answered(holdout, version.version, answers))
    remember(site, named)
    return version


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
    return (*gates, *first_gates(policy, rows, constant)), holdout_metrics(policy, Remedy.RETRAIN, rows), answers[0]


def _keep_reference(site: Site, version: ModelVersion) -> None:
    """What the champion is compared with from now on, when an earlier run was killed before it
    could say so.
    """
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

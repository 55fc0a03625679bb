"""The first champion's training: a candidate in the object store, made of one snapshot of labelled
rows.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from modelmedic.steps.adapters.models.files import digest, push
from modelmedic.steps.bootstrap.candidate import Candidate, candidate_key, candidate_name, candidates
from modelmedic.steps.bootstrap.rows import split_plan
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.data import snapshots
from modelmedic.steps.records import documents
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.training.code_version import code_version
from modelmedic.steps.training.predict import allows_pickle
from modelmedic.steps.training.scratch import fresh_folder
from modelmedic.steps.training.train import train_in_child


def train_first(site: Site, snapshot: str) -> str:
    """Leave a candidate in the store, trained on the older rows of the snapshot; its name. One that
    the same code made of the same rows under the same policy is not trained again.

    Needs neither registry nor serving side: where training code runs, neither can be reached.
    Raises BadInput.
    """
    code = code_version(site.policy)
    name = candidate_name(site, snapshot, code)
    if documents.read(site.store, Candidate, candidate_key(site, name)) is not None:
        return name
    rows = snapshots.read_snapshot(site.store, snapshot)
    plan = split_plan(site.policy, rows)
    site.say(f"training the first champion on {plan.rows} rows of {plan.train}")
    folder = _trained(site, rows.slice(0, plan.rows), fresh_folder(site.work / "bootstrap"))
    made = Candidate(digest(folder), plan.rows, code, snapshot)
    push(site.store, f"{candidates(site)}/{made.digest}", folder)
    documents.keep(site.store, candidate_key(site, name), made)
    return name


def _trained(site: Site, train: pa.Table, scratch: Path) -> Path:
    data = site.policy.data
    pq.write_table(train.select([*site.policy.features, data.target, data.time]), scratch / "train.parquet")
    trained = train_in_child(scratch / "train.parquet", site.policy, scratch / "out", unpickled=not allows_pickle())
    if trained.folder is None:
        raise BadInput(f"model {site.model} was not bootstrapped: {trained.sentence}")
    return trained.folder

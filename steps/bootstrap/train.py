"""The first champion's training: a candidate in the object store, made of one snapshot of labelled
rows.
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from modelmedic.steps.adapters.models.files import digest, push
from modelmedic.steps.bootstrap.rows import _candidate_key, _candidates, _plan
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.data.snapshots import rows as snapshot
from modelmedic.steps.records.documents import keep as keep_document
from modelmedic.steps.records.documents import read
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.training.process import fresh
from modelmedic.steps.training.train import train_apart
from modelmedic.steps.training.trials import code_version


@dataclass(frozen=True, slots=True)
class Candidate:
    """What training left of one snapshot: the model folder's digest, how many of the older rows it
    learnt from, and what made it.
    """

    digest: str
    rows: int
    code: str


def train_first(site: Site, named: str) -> None:
    """A candidate in the store, trained on the older rows of the snapshot.

    Needs neither registry nor serving side: where training code runs, neither can be reached.
    Raises BadInput.
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


def _trained(site: Site, train: pa.Table, place: Path) -> Path:
    data = site.policy.data
    pq.write_table(train.select([*site.policy.features, data.target, data.time]), place / "train.parquet")
    trained = train_apart(place / "train.parquet", site.policy, place / "out")
    if trained.folder is None:
        raise BadInput(f"model {site.model} was not bootstrapped: {trained.sentence}")
    return trained.folder

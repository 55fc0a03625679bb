"""The first champion of a model: trained on labelled rows, gated without anybody to compare it
with, registered and served.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.keys import bootstrap_prefix, candidate_prefix, model_hash
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.core.training.window import split
from modelmedic.steps.data.labelled import _rows
from modelmedic.steps.data.parquet import opened
from modelmedic.steps.data.snapshots import keep
from modelmedic.steps.runtime.run import Site


def take(site: Site, table: pa.Table) -> str:
    """The labelled rows kept; the digest of the snapshot, by which the parts of a bootstrap find
    them. Raises BadInput.
    """
    rows = _rows(site.policy, table)
    _plan(site.policy, rows)
    return keep(site.store, rows)


def check(policy: Policy, table: pa.Table) -> TrainingPlan:
    """Which rows would be learnt from and which judged by. Raises BadInput when a column is missing
    or the rows are too few.
    """
    return _plan(policy, _rows(policy, table))


def _plan(policy: Policy, rows: pa.Table) -> TrainingPlan:
    plan = split(policy, _micros(rows, policy))
    if not plan.enough:
        raise BadInput(f"model {policy.name} cannot be bootstrapped: {plan.reason}")
    return plan


def _micros(rows: pa.Table, policy: Policy) -> np.ndarray:
    return np.asarray(pc.cast(rows[policy.data.time], pa.int64()).to_numpy(), dtype=np.int64)


def _key(named: str) -> str:
    """What the version is registered under: once for the same rows."""
    return f"bootstrap:{named[:32]}"


def _candidates(site: Site) -> str:
    return candidate_prefix(model_hash(site.model), 0)


def _candidate_key(site: Site, named: str) -> str:
    return f"{_candidates(site)}/{named}.json"


def labelled(site: Site) -> pa.Table:
    """The rows that somebody put below `bootstrap/<model>/` for the first champion. Raises BadInput
    when there are none.
    """
    prefix = bootstrap_prefix(site.model)
    keys = [key for key in site.store.list(prefix) if key.endswith(".parquet")]
    if not keys:
        raise BadInput(f"there is no Parquet object below {prefix}; expected labelled rows with the columns that the policy names")
    return pa.concat_tables(list(_tables(site, keys)), promote_options="permissive")


def _tables(site: Site, keys: list[str]) -> Iterator[pa.Table]:
    for key in keys:
        with opened(site.store, key) as file:
            yield file.read()

"""The labelled rows of a first champion, and the plan that divides them into training and
holdout.
"""

from collections.abc import Iterator

import pyarrow as pa

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.keys import bootstrap_prefix
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.core.tables.moments import microseconds
from modelmedic.steps.core.training.training_rows import split
from modelmedic.steps.data.labelled import unserved_rows
from modelmedic.steps.data.parquet import opened
from modelmedic.steps.data.snapshots import digest_of, keep
from modelmedic.steps.runtime.run import Site


def uploaded_rows(site: Site) -> pa.Table:
    """The rows that somebody put below `bootstrap/<model>/` for the first champion. Raises BadInput
    when there are none.
    """
    prefix = bootstrap_prefix(site.model)
    keys = [key for key in site.store.list(prefix) if key.endswith(".parquet")]
    if not keys:
        raise BadInput(f"there is no Parquet object below {prefix}; expected labelled rows with the columns that the policy names")
    return pa.concat_tables(list(_tables(site, keys)), promote_options="permissive")


def keep_rows(site: Site, table: pa.Table) -> str:
    """Keep the labelled rows; the digest of the snapshot, by which the parts of a bootstrap find
    them. Raises BadInput.
    """
    rows = unserved_rows(site.policy, table)
    split_plan(site.policy, rows)
    return keep(site.store, rows)


def plan_for(policy: Policy, table: pa.Table) -> tuple[TrainingPlan, str]:
    """The plan that a bootstrap with the table would follow, and the digest that its snapshot would
    have. Raises BadInput when a column is missing or the rows are too few.
    """
    rows = unserved_rows(policy, table)
    return split_plan(policy, rows), digest_of(rows)


def split_plan(policy: Policy, rows: pa.Table) -> TrainingPlan:
    """The plan that trains on the older of the logged rows and judges by the later ones. Raises
    BadInput when they are too few.
    """
    plan = split(policy, microseconds(rows[policy.data.time]))
    if not plan.enough:
        raise BadInput(f"model {policy.name} cannot be bootstrapped: {plan.reason}")
    return plan


def _tables(site: Site, keys: list[str]) -> Iterator[pa.Table]:
    for key in keys:
        with opened(site.store, key) as file:
            yield file.read()

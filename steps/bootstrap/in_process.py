"""The three parts of a bootstrap in one process, as a laptop runs them."""

import pyarrow as pa

from modelmedic.steps.bootstrap.candidate import registration_key
from modelmedic.steps.bootstrap.register import register_first
from modelmedic.steps.bootstrap.rows import keep_rows
from modelmedic.steps.bootstrap.serve import expect_no_other_champion, serve_first
from modelmedic.steps.bootstrap.train import train_first
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.runtime.versions import of_key


def bootstrap(site: Site, table: pa.Table) -> ModelVersion:
    """Train on the older rows, judge on the later ones, register, serve, alias. Called again
    after a kill, it goes on.

    Raises BadInput for rows that cannot be used, and Refused when a gate fails or the model has a
    champion of other rows already.
    """
    snapshot = keep_rows(site, table)
    expect_no_other_champion(site, of_key(site, registration_key(snapshot)))
    train_first(site, snapshot)
    return serve_first(site, register_first(site, snapshot).version)

"""The three parts of a bootstrap in one process, as a laptop runs them."""

import pyarrow as pa

from modelmedic.steps.bootstrap.candidate import candidate_name, registration_key
from modelmedic.steps.bootstrap.register import register_first
from modelmedic.steps.bootstrap.rows import keep_rows, plan_for
from modelmedic.steps.bootstrap.serve import expect_no_other_champion, expect_nothing_foreign, serve_first
from modelmedic.steps.bootstrap.train import train_first
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.training import ModelVersion, TrainingPlan
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.runtime.versions import of_key
from modelmedic.steps.training.code_version import code_version


def expect_possible(site: Site, table: pa.Table) -> TrainingPlan:
    """The plan that `bootstrap` would follow; nothing is written. Raises what `bootstrap` would
    raise before it trains.
    """
    plan, digest = plan_for(site.policy, table)
    _expect_possible(site, digest)
    return plan


def _expect_possible(site: Site, snapshot: str) -> None:
    expect_nothing_foreign(site)
    ours = of_key(site, registration_key(candidate_name(site, snapshot, code_version(site.policy))))
    expect_no_other_champion(site, ours)
    served = site.serving.state().champion
    if served is not None and (ours is None or served.digest != ours.digest):
        raise Refused(f"model {site.model} is served already, by version {served.version}; a heal replaces it, no bootstrap")
    if (order := site.freezes.frozen(site.model)) is not None:
        raise Refused(f"no first champion is trained: {order.sentence}")


def bootstrap(site: Site, table: pa.Table) -> ModelVersion:
    """Train on the older rows, judge on the later ones, register, serve, alias. Called again
    after a kill, it goes on.

    Raises BadInput for rows that cannot be used, Refused when a gate fails or the model has a
    champion of other rows, code or policy already, and Transient while another process of this
    machine bootstraps the model.
    """
    with site.alone("bootstrap", f"model {site.model}", "bootstrapped"):
        snapshot = keep_rows(site, table)
        _expect_possible(site, snapshot)
        return serve_first(site, register_first(site, train_first(site, snapshot)).version)

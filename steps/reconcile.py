"""What has to be looked after between heals: records that wait, heals that hang, what a crash left, and whether heals helped."""

from dataclasses import dataclass
from datetime import timedelta

from modelmedic.steps.assess import assess
from modelmedic.steps.close import close
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.noticing import notice_release
from modelmedic.steps.rollout.repair import repair, take_back
from modelmedic.steps.runtime.run import Run, Site

_SPARE = timedelta(hours=2)  # for everything in a heal that has no bound of its own


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was done, a sentence each; empty when there was nothing to do."""

    sentences: tuple[str, ...]


def reconcile(site: Site) -> Reconciled:
    """Bring records, serving and aliases back together. Running twice changes nothing more."""
    said = []
    flushed = site.catch_up()
    if flushed:
        said.append(f"{flushed} audit records that had waited for the store are in the trail now")
    current = site.ledger.current(site.model)
    if current is None:
        said += take_back(site)
    noticed = notice_release(site)
    if noticed is not None:
        said.append(f"version {noticed.version} was released by {noticed.by}")
    if current is not None and site.clock.now() >= current.opened_at + deadline(site.policy):
        said.append(_close(site, current))
        current = None
    if current is None:
        said += repair(site).sentences
    return Reconciled((*said, *assess(site)))


def deadline(policy: Policy) -> timedelta:
    """After which an open incident is taken to be dead: every wait that the policy allows it, and some hours."""
    climb = (len(policy.rollout.steps) + 1) * policy.rollout.deadline
    return policy.retrain.timeout + 2 * policy.approval.timeout + climb + _SPARE


def _close(site: Site, incident: Incident) -> str:
    outcome = close(Run(site, incident), f"it was open for more than {deadline(site.policy)} and nobody finished it")["outcome"]
    return f"incident {incident.id} was open past its deadline and is closed as {outcome}"

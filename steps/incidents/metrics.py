"""What heals and the sweep tell Prometheus, read off the records, so that whoever tells last tells
the same.

A value stands until it is replaced, and a Pushgateway forgets them all when it restarts: the sweep
tells of the heals again. Nothing here ever ends a step: what cannot be told is said, and the next
sweep tells it.
"""

from collections.abc import Callable, Iterable, Iterator

from modelmedic.steps.approval.pending import pending
from modelmedic.steps.contracts import metrics as m
from modelmedic.steps.contracts.decision import PastHeal
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.results import DeployResult
from modelmedic.steps.contracts.samples import Publisher, Sample
from modelmedic.steps.contracts.words import Outcome, Remedy
from modelmedic.steps.core.decision.limits import objections
from modelmedic.steps.runtime.run import Run, Site

_CLIMBED = (Outcome.HEALED, Outcome.WITHDRAWN)


def tell_heal(run: Run, percent: int | None = None) -> None:
    """What is not delivered is noted beside the incident.

    `percent` of the traffic is the challenger's now; None asks what serves, which only steps that
    deploy can reach.
    """
    site = run.site
    error = _published(site, m.HEAL_JOB, lambda: heal_samples(site, _share(site) if percent is None else percent))
    if error is not None:
        try:
            run.note("metrics.failed", job=m.HEAL_JOB, error=str(error))
        except ModelmedicError:
            return  # the store is away as well, and whoever needs it says so


def tell_sweep(site: Site) -> None:
    """After the sweep of one model: how it stands, and once more how its heals went. It comes every
    few minutes, so it is only said.
    """
    _published(site, m.RECONCILE_JOB, lambda: sweep_samples(site))
    _published(site, m.HEAL_JOB, lambda: heal_samples(site, _share(site)))


def tell_sweep_ended(publisher: Publisher, now: float, say: Callable[[str], None]) -> None:
    """Of no one model: a sweep over all of them has come to its end, at `now` in seconds since
    1970.
    """
    try:
        publisher.publish(m.RECONCILE_JOB, None, (Sample(m.RECONCILE_RUN, now),))
    except ModelmedicError as error:
        say(str(error))


def heal_samples(site: Site, percent: int) -> Iterator[Sample]:
    """Every metric of the heals' job. Ends are in the model's time, as the ledger has them."""
    heals = site.ledger.past_heals(site.model)
    yield Sample(m.CANARY_SHARE, float(percent))
    yield Sample(m.CANARY_WORSE, float(not percent and _worse(site, heals)))
    for outcome, at in {heal.outcome: heal.at for heal in heals}.items():  # oldest first: the last one stays
        yield Sample(m.HEAL_END, at.timestamp(), {"outcome": outcome.value})
    yield Sample(m.HEAL_FAILED, float(bool(heals) and heals[-1].by_error))


def sweep_samples(site: Site) -> Iterator[Sample]:
    """Every metric of the sweep's job that is of one model. Needs to reach what serves."""
    current = site.ledger.current(site.model)
    against = _against(site)
    yield Sample(m.INCIDENTS, float(current is not None))
    yield Sample(m.WAITING, _waited(site, current) if current is not None else 0.0)
    yield Sample(m.BREAKER, float("breaker" in against))
    yield Sample(m.FROZEN, float("freeze" in against))
    yield Sample(m.DISAGREEMENT, float(_disagreeing(site)))


def _published(site: Site, job: str, samples: Callable[[], Iterable[Sample]]) -> ModelmedicError | None:
    """What kept the samples from being told; it is said."""
    if site.metrics is None:
        return None
    try:
        site.metrics.publish(job, site.model, tuple(samples()))
    except ModelmedicError as error:
        site.say(str(error))
        return error
    return None


def _share(site: Site) -> int:
    return site.serving.state().canary_percent


def _worse(site: Site, heals: tuple[PastHeal, ...]) -> bool:
    """Whether the last canary was taken back by a judgement, and not because it never came up or a
    freeze came between.
    """
    current = site.ledger.current(site.model)
    deployed = site.ledger.result(current, DeployResult) if current is not None else None
    last = next((heal for heal in reversed(heals) if heal.outcome in _CLIMBED), None)
    if deployed is None and last is not None:
        deployed = site.ledger.result(site.ledger.find(last.incident), DeployResult)
    if deployed is None or deployed.outcome != "withdrawn":
        return False
    return bool(deployed.steps) and deployed.steps[-1].verdict == "withdraw"


def _waited(site: Site, current: Incident) -> float:
    """Seconds, of the model's time, since a person was asked."""
    waiting = pending(site.ledger, current)
    if waiting is None or waiting.asked_at is None:
        return 0.0
    return max((site.clock.now() - waiting.asked_at).total_seconds(), 0.0)


def _against(site: Site) -> set[str]:
    """The limits that would keep a challenger back now."""
    found = objections(
        site.policy.limits,
        site.ledger.past_heals(site.model),
        site.clock.now(),
        remedy=Remedy.RETRAIN,
        open_heals=0,
        frozen=site.control.frozen(site.model),
        settle=site.policy.settle,
    )
    return {objection.limit for objection in found}


def _disagreeing(site: Site) -> bool:
    served, releases = site.serving.state().champion, site.history.releases(site.model)
    versions = {
        served.version if served is not None else None,
        site.registry.alias(site.policy.registry.champion),
        releases[-1].version if releases else None,
    }
    return len(versions) > 1

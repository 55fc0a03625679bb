"""The samples of heals and of the sweep for Prometheus, read off the records, so that any process
pushes the same values.

A Pushgateway keeps a value until it is replaced, and forgets all values when it restarts: the sweep
pushes the heals' samples again. No failure here ends a step; it is said, and the next sweep pushes
again.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from modelmedic.steps.approval.pending import pending
from modelmedic.steps.contracts import metrics as m
from modelmedic.steps.contracts.audit import MESSAGE_LOST
from modelmedic.steps.contracts.decision import PastHeal
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.results import DeployResult
from modelmedic.steps.contracts.samples import Publisher, Sample
from modelmedic.steps.contracts.words import Outcome, Remedy
from modelmedic.steps.core.decision.limits import objections
from modelmedic.steps.runtime.run import Run, Site

_DAY = timedelta(days=1)
_CLIMBED = (Outcome.HEALED, Outcome.WITHDRAWN)


def tell_heal(run: Run, percent: int | None = None) -> None:
    """Push the heal's samples; a failure is noted beside the incident.

    `percent` of the traffic is the challenger's now; None asks the serving side, which only steps
    that deploy can reach.
    """
    site = run.site
    error = _published(site, m.HEAL_JOB, lambda: heal_samples(site, _share(site) if percent is None else percent))
    if error is not None:
        try:
            run.note("metrics.failed", job=m.HEAL_JOB, error=str(error))
        except ModelmedicError:
            return  # the store is away as well, and the step that needs it says so


def tell_sweep(site: Site) -> None:
    """Push the samples of one model after its sweep, and those of its heals again. A failure is
    only said, because the next sweep comes in a few minutes.
    """
    _published(site, m.RECONCILE_JOB, lambda: sweep_samples(site))
    _published(site, m.HEAL_JOB, lambda: heal_samples(site, _share(site)))


def tell_sweep_ended(publisher: Publisher, now: float, say: Callable[[str], None]) -> None:
    """Push the time, `now` in seconds since 1970, at which a sweep over all models came to its
    end.
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
    """Every metric of the sweep's job about one model. Asks the serving side."""
    current = site.ledger.current(site.model)
    against = _against(site)
    yield Sample(m.INCIDENTS, float(current is not None))
    yield Sample(m.WAITING, _waited(site, current) if current is not None else 0.0)
    yield Sample(m.BREAKER, float("breaker" in against))
    yield Sample(m.FROZEN, float("freeze" in against))
    yield Sample(m.MESSAGES_LOST, float(_lost(site)))
    yield Sample(m.DISAGREEMENT, float(_disagreeing(site)))
    yield Sample(m.EVENTS_WAITING, float(site.outbox.waiting(site.trail.length()) if site.outbox is not None else 0))


def _published(site: Site, job: str, samples: Callable[[], Iterable[Sample]]) -> ModelmedicError | None:
    """Push the samples; the error, when they could not be pushed, which is said as well."""
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
    """True when the last canary was taken back by a judgement, and not because it never came up,
    because too few asked it, or because of a freeze.
    """
    current = site.ledger.current(site.model)
    deployed = site.ledger.result(current, DeployResult) if current is not None else None
    last = next((heal for heal in reversed(heals) if heal.outcome in _CLIMBED), None)
    if deployed is None and last is not None:
        deployed = site.ledger.result(site.ledger.find(last.incident), DeployResult)
    if deployed is None or deployed.outcome != "withdrawn":
        return False
    return bool(deployed.steps) and deployed.steps[-1].verdict == "withdraw" and deployed.steps[-1].judged


def _waited(site: Site, current: Incident) -> float:
    """Seconds, in the model's time, since a person was asked."""
    waiting = pending(site.ledger, current)
    if waiting is None or waiting.asked_at is None:
        return 0.0
    return max((site.clock.now() - waiting.asked_at).total_seconds(), 0.0)


def _against(site: Site) -> set[str]:
    """The names of the limits that would hold a challenger back now."""
    found = objections(
        site.policy.limits,
        site.ledger.past_heals(site.model),
        site.clock.now(),
        remedy=Remedy.RETRAIN,
        open_heals=0,
        frozen=site.freezes.frozen(site.model),
        settle=site.policy.settle,
    )
    return {objection.limit for objection in found}


def _lost(site: Site) -> int:
    return sum(record.event == MESSAGE_LOST for record in site.trail.latest(site.clock.now() - _DAY))


def _disagreeing(site: Site) -> bool:
    served, releases = site.serving.state().champion, site.history.releases(site.model)
    versions = {
        served.version if served is not None else None,
        site.registry.alias(site.policy.registry.champion),
        releases[-1].version if releases else None,
    }
    return len(versions) > 1

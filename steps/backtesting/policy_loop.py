"""The policy's own way: the real monitor, and for each incident the real heal, on models that
answer the past.
"""

import contextlib
from collections import Counter
from collections.abc import Callable

from modelmedic.steps.approval.answers import give
from modelmedic.steps.backtesting.calls import calls_of
from modelmedic.steps.backtesting.replayed_site import ReplayedSite, next_look
from modelmedic.steps.backtesting.result import POLICY, Deed, DeedCounts, PlayedWay
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import StoreError, Transient
from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.results import DiagnoseResult, RetrainResult
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.core.review.autonomy import levels
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.heal.engine import Ask, heal
from modelmedic.steps.reconcile.sweep import sweep
from modelmedic.steps.review.autonomy import restore, standing_falls
from modelmedic.steps.runtime.run import Run, Site

_TABLE = tuple(stage for stage in HEAL if stage.name != "report")  # a replay needs no Evidently report


def policy_loop(replayed: ReplayedSite, *, approve: bool) -> PlayedWay:
    """Monitor and heal until the past is over. `approve` is the answer of people wherever the
    policy asks them.
    """
    site = replayed.site
    while next_look(replayed):
        look(site, lambda _run: approve, restores=approve)
    incidents = [(incident, site.ledger.closing(incident)) for incident in site.ledger.incidents(site.model)]
    closed = [(incident, closing) for incident, closing in incidents if closing is not None]
    deeds = [_deed(replayed, *each) for each in closed]
    counts = _counts(replayed, closed, tuple(incident.id for incident, _ in incidents))
    return PlayedWay(POLICY, replayed.answers, counts, deeds, causes=Counter(deed.cause or "unknown" for deed in deeds))


def look(site: Site, approve: Callable[[Run], bool], *, restores: bool = False) -> None:
    """One run of the sweep and of the monitor, and the heal of the incident that is open then.
    `approve` is the answer of people where the heal asks them; with `restores` they give back at
    once the autonomy that fell.
    """
    sweep(site)
    if restores:
        _restore(site)
    seen = monitor(site)
    if seen.incident is not None:
        with contextlib.suppress(Transient, StoreError):  # the next look goes on with the heal
            heal(Run(site, site.ledger.find(seen.incident)), ask=_answer(approve), table=_TABLE)


def _answer(approve: Callable[[Run], bool]) -> Ask:
    """Approvers who answer at once, as many as the policy asks for."""

    def ask(run: Run, _stage: str) -> None:
        approval, approved = run.site.policy.approval, approve(run)
        people = approval.approvers or ("first person", "second person")
        for person in people[: 2 if approval.twoPerson and approved else 1]:
            give(run.site.store, run.site.clock, run.incident.id, approved=approved, by=person, policy=run.site.policy)

    return ask


def _restore(site: Site) -> None:
    """Give back at once the autonomy that fell: people who approve want the policy as it is
    written, and a past without them would show the policy of a lower level.
    """
    for remedy in levels(standing_falls(site.store, site.clock, site.model)):
        restore(site.store, site.clock, site.model, remedy, by="first person", reason="the policy is replayed as it is written")


def _counts(replayed: ReplayedSite, closed: list[tuple[Incident, Closing]], incidents: tuple[str, ...]) -> DeedCounts:
    ledger, calls = replayed.site.ledger, calls_of(replayed.site, incidents)
    outcomes = [closing.outcome for _, closing in closed]
    trainings = [result for incident, _ in closed if (result := ledger.result(incident, RetrainResult))]
    return DeedCounts(
        retrains=sum(each.candidate is not None for each in trainings),
        promotions=outcomes.count(Outcome.HEALED),
        rejected=outcomes.count(Outcome.REJECTED) + outcomes.count(Outcome.WITHDRAWN),
        rolled_back=outcomes.count(Outcome.ROLLED_BACK),
        quarantined=outcomes.count(Outcome.QUARANTINED),
        escalated=outcomes.count(Outcome.ESCALATED),
        incidents=len(incidents),
        fits=sum(attempt.fitted for each in trainings for attempt in each.tried),
        approvals=calls.approvals,
        messages=calls.messages,
        calls=calls.calls,
    )


def _deed(replayed: ReplayedSite, incident: Incident, closing: Closing) -> Deed:
    found = _diagnosis(replayed, incident)
    aside = _window(replayed, incident) if closing.outcome is Outcome.QUARANTINED else None
    return Deed(
        incident.opened_at,
        closing.outcome.value,
        closing.sentence,
        aside,
        found.cause.value if found else "",
        found.columns if found else (),
    )


def _diagnosis(replayed: ReplayedSite, incident: Incident) -> Diagnosis | None:
    result = replayed.site.ledger.result(incident, DiagnoseResult)
    return result.diagnosis if result is not None else None


def _window(replayed: ReplayedSite, incident: Incident) -> Window | None:
    spans = [each.span for each in replayed.site.history.quarantines(replayed.site.model)]
    return next((span.window for span in spans if span.incident == incident.id), None)

"""The sweep of one model between its heals: it repairs what a crash left half done, and starts a
heal whose alert was lost or whose turn at the cap has come.

`modelmedic reconcile` and the reconcile CronWorkflow call it for each model; it also assesses
whether earlier heals helped, and says where autonomy falls because one did not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from modelmedic.steps.approval.reminder import remind
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.incident import SERVICE, Incident
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Workflows
from modelmedic.steps.heal.close import close, note_closing
from modelmedic.steps.incidents.handing_over import hand_over_late
from modelmedic.steps.incidents.opening import ensure_heal, note_opening
from modelmedic.steps.incidents.queue import TURN, take_turn
from modelmedic.steps.reconcile.assess import assess
from modelmedic.steps.review.autonomy import note_falls
from modelmedic.steps.rollout.left_open import end_left_open
from modelmedic.steps.rollout.repair import disagreements, repair, withdraw_unwatched
from modelmedic.steps.rollout.service_watch import watch_service
from modelmedic.steps.runtime.anchoring import anchor
from modelmedic.steps.runtime.run import Run, Site

RELEASED_BY_HAND: Final = "somebody else"
_SPARE = timedelta(hours=4)  # for everything in a heal that has no bound of its own
_PATIENCE: Final = timedelta(minutes=15)  # an alert is there within two or three, and a busy cluster takes longer
_ENDED: Final = ("Succeeded", "Failed", "Error")


@dataclass(frozen=True, slots=True)
class SweepReport:
    """The repairs of one sweep, a sentence each; empty when there was nothing to do. What is left
    for a person to mend is in `disagreements`, and among the sentences as well.
    """

    sentences: tuple[str, ...]
    disagreements: tuple[str, ...] = ()


def sweep(site: Site) -> SweepReport:
    """Bring records, serving and aliases of the model back together. Running twice changes nothing
    more.
    """
    said = []
    site.traceparent = ""  # of the run that sweeps, to which no heal belongs
    flushed = site.catch_up()
    if flushed:
        said.append(f"{flushed} audit records that had waited for the store are in the trail now")
    if late := site.send_late():
        site.say(f"{late} audit records that nobody had received yet were sent as events")
    current = site.ledger.current(site.model)
    _make_up(site, current)
    if current is None:
        said += withdraw_unwatched(site)
    released = notice_release(site)
    if released is not None:
        said.append(f"version {released.version} was released by {released.by}")
    if current is not None and remind(Run(site, current)):
        said.append(f"people were reminded of the approval that incident {current.id} waits for")
    if current is not None and site.clock.now() >= current.opened_at + deadline(site.policy):
        said.append(_close_overdue(site, current))
        current = None
    if current is None:
        said += repair(site)
        end_left_open(site)
    said += watch_service(site)
    if current is None:
        taken = take_turn(site)
        if taken is not None:
            said.append(
                f"incident {taken.id} is opened, because the turn of {site.model} has come among the heals at once, or its wait is over"
            )
    left = disagreements(site, healing=current is not None)
    assessed = assess(site)
    fallen = note_falls(site)
    hand_over_late(site)
    anchor(site)
    return SweepReport((*said, *left, *assessed, *fallen), left)


def _make_up(site: Site, current: Incident | None) -> None:
    """Record what is stored and whose process was killed before it recorded it: the opening of an
    incident, the closing of the last one, the last release.
    """
    every = site.ledger.incidents(site.model)
    last = every[-1] if every else None
    if current is not None:
        note_opening(site.trail, current)
    elif last is not None and (closing := site.ledger.closing(last)) is not None:
        note_opening(site.trail, last)
        note_closing(Run(site, last), closing)
    releases = site.history.releases(site.model)
    if releases:
        site.note_release(releases[-1])


def sweep_in_cluster(site: Site, workflows: Workflows, facts: Mapping[str, str]) -> int:
    """Sweep a model whose heals are Argo Workflows, say each thing that was done, and return their
    number.

    `facts` are the model's in the list of all models: `heal` names its WorkflowTemplate.
    """
    said = list(sweep(site).sentences)
    if told := list(_look_after_heal(site, workflows, facts["heal"])):
        said += [*told, *sweep(site).sentences]  # a heal that was closed just now may have left something half done
    for sentence in said:
        site.say(sentence)
    return len(said)


def deadline(policy: Policy) -> timedelta:
    """The longest time that a heal may take: two trainings, one to be judged and one on all rows,
    every wait that the policy allows, and four hours; longer than its Workflow may. An incident
    that is open for longer is closed.
    """
    climb = (len(policy.rollout.steps) + 2) * policy.rollout.deadline
    return 2 * policy.retrain.timeout + 2 * policy.approval.timeout + climb + _SPARE


def notice_release(site: Site) -> Release | None:
    """Record a version that serves and has the champion alias though no heal released it; None when
    there is none.

    The release gets the time of this sweep; the inference log has the first answer of the version.
    """
    releases = site.history.releases(site.model)
    served, alias = site.serving.state().champion, site.registry.alias(site.policy.registry.champion)
    if served is None or served.version != alias or (releases and releases[-1].version == alias) or _promoting(site, alias):
        return None
    previous = releases[-1].version if releases else None
    return site.record_release(Release(site.clock.now(), alias, previous, by=RELEASED_BY_HAND))


def _promoting(site: Site, version: str) -> bool:
    """True when an open heal has validated this version and is about to record its release."""
    current = site.ledger.current(site.model)
    validated = site.ledger.outputs(current, "validate") if current else None
    return bool(validated and validated.get("version") == version)


def _look_after_heal(site: Site, workflows: Workflows, template: str) -> Iterator[str]:
    """Start the heal of an incident that has none, and close an incident whose heal ended without
    closing it.
    """
    current = site.ledger.current(site.model)
    if current is None:
        return
    phase = workflows.phase(current.id)
    if phase in _ENDED and site.ledger.closing(current) is None:  # in this order: a heal's close comes before its end
        yield _close_ended(site, current, phase)
        return
    expected = current.alert not in (TURN, SERVICE)  # an alert starts the heal, which nobody sends for what the sweep opened
    late = phase is None and (not expected or site.clock.now() >= current.opened_at + _PATIENCE)
    if late and ensure_heal(workflows, template, current, "reconcile", site.trail):
        check = "; check that alerts reach the event source" if expected else ""
        yield f"incident {current.id} had no heal, and one is started now{check}"


def _close_overdue(site: Site, incident: Incident) -> str:
    outcome = close(Run(site, incident), f"it was open for more than {deadline(site.policy)}, the longest that its policy allows")[
        "outcome"
    ]
    return f"incident {incident.id} was open past its deadline and is closed as {outcome}"


def _close_ended(site: Site, incident: Incident, phase: str | None) -> str:
    outcome = close(Run(site, incident), f"its workflow ended as {phase} and did not close it")["outcome"]
    return f"the heal of incident {incident.id} ended as {phase} and left it open; it is closed as {outcome}"

"""The sweep of one model: what reconcile repairs, a heal that no alert has started, and one that ended without its close."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from modelmedic.steps.close import close
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.ports import Workflows
from modelmedic.steps.incidents.opening import ensure_heal
from modelmedic.steps.reconcile import reconcile
from modelmedic.steps.runtime.run import Run, Site

_PATIENCE: Final = timedelta(minutes=15)  # an alert is there within two or three, and a busy cluster takes longer
_ENDED: Final = ("Succeeded", "Failed", "Error")


def sweep(site: Site, workflows: Workflows, facts: Mapping[str, str]) -> int:
    """How much there was to do. `facts` are those of the model in the list of all models: `heal` is the template that heals it."""
    said = list(reconcile(site).sentences)
    if told := list(_heal(site, workflows, facts["heal"])):
        said += [*told, *reconcile(site).sentences]  # a heal that was closed just now may have left something half done
    for sentence in said:
        site.say(sentence)
    return len(said)


def _heal(site: Site, workflows: Workflows, template: str) -> Iterator[str]:
    current = site.ledger.current(site.model)
    if current is None:
        return
    phase = workflows.phase(current.id)
    if phase in _ENDED and site.ledger.closing(current) is None:  # in this order: a heal's close comes before its end
        yield _close(site, current, phase)
        return
    late = phase is None and site.clock.now() >= current.opened_at + _PATIENCE
    if late and ensure_heal(workflows, template, current, "reconcile", site.trail):
        yield f"incident {current.id} had no heal, which is started now: did its alert arrive?"


def _close(site: Site, incident: Incident, phase: str | None) -> str:
    outcome = close(Run(site, incident), f"its workflow ended as {phase} and did not close it")["outcome"]
    return f"the heal of incident {incident.id} ended as {phase} and left it open; it is closed as {outcome}"

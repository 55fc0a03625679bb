"""The heals that wait for their turn at the cap, read off the records of all models, and the one
whose turn has come, which the sweep opens an incident for.
"""

import contextlib
from datetime import datetime
from typing import Final

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.core.decision.turns import Waiting, ahead, held_at_cap, severity
from modelmedic.steps.incidents.opening import open_incident
from modelmedic.steps.records.ledger import Ledger
from modelmedic.steps.runtime.run import Run, Site

TURN: Final = "turn-has-come"  # the alert of an incident that goes on with a wait


def waiting_heals(ledger: Ledger) -> tuple[Waiting, ...]:
    """The wait of every model whose last heal was held back by the cap alone."""
    found = (_waiting(ledger, incident) for incident in ledger.newest())
    return tuple(each for each in found if each is not None)


def waiting_since(run: Run) -> datetime:
    """The moment since when the incident's heal waits for its turn: its opening, or that of the
    first of the incidents that it goes on with.
    """
    if run.incident.alert != TURN:
        return run.incident.opened_at
    return datetime.fromisoformat(run.incident.facts["since"])


def ahead_of(run: Run, diagnosis: Diagnosis) -> int:
    """The number of waiting heals whose turn is before this one's."""
    now, since = run.site.clock.now(), waiting_since(run)
    mine = Waiting(run.incident.model, severity(diagnosis), since, since + run.site.policy.limits.maxWait)
    return ahead(waiting_heals(run.site.ledger), mine, now)


def take_turn(site: Site) -> Incident | None:
    """The incident that is opened for the model because its turn has come, or because it has waited
    for as long as its policy allows and a person is to be told; else None.

    Its window is as long as before and ends as much later as it is opened later.
    """
    last = next(reversed(site.ledger.incidents(site.model)), None)
    mine = _waiting(site.ledger, last) if last is not None else None
    if last is None or mine is None or not _has_turn(site, mine):
        return None
    later = site.clock.now() - last.opened_at
    window = Window(last.window.start + later, last.window.end + later)
    incident, opened = open_incident(site, window, TURN, {"since": mine.since.isoformat(), "after": last.id})
    return incident if opened else None


def _has_turn(site: Site, mine: Waiting) -> bool:
    now, allowed = site.clock.now(), site.policy.limits.concurrentHeals
    if now >= mine.until:
        return True
    under_way = len(site.ledger.open_incidents())
    return under_way < allowed and under_way + ahead(waiting_heals(site.ledger), mine, now) < allowed


def _waiting(ledger: Ledger, incident: Incident) -> Waiting | None:
    """The wait that the incident ended with; None also where its records cannot be read, which is
    for whoever heals that model to say.
    """
    with contextlib.suppress(BadInput):
        closing, found = ledger.closing(incident), ledger.result(incident, DiagnoseResult)
        if closing is None or closing.outcome is not Outcome.NO_ACTION or found is None:
            return None
        held = held_at_cap(found.decision)
        if held is not None and held.since is not None and held.until is not None:
            return Waiting(incident.model, severity(found.diagnosis), held.since, held.until)
    return None

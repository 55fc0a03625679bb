"""One incident of every kind, told as far as it went."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.decision import Objection
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import notification_key
from modelmedic.steps.contracts.notification import Notification, Severity
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.records.documents import keep
from modelmedic.steps.runtime.run import Site
from tests.reporting import flights

Told = tuple[Site, Incident]
JUNE = datetime(2013, 6, 3, tzinfo=UTC)


def begun(work: Path, fault: str, labelled: bool = True) -> Told:
    where = flights.site(flights.table(3000, 2, JUNE, 7, fault=fault, labelled=labelled), work)
    return where, flights.opened(where)


def healed(work: Path) -> Told:
    where, incident = begun(work, "concept")
    flights.diagnosed(where, incident)
    flights.trained(where, incident)
    flights.approved(where, incident)
    flights.deployed(where, incident)
    flights.closed(where, incident, Outcome.HEALED, "version 4 serves all traffic, version 3 did before", after="4")
    message(where, incident, "approval.requested", Severity.WARNING, "an approval is needed", "`modelmedic approve` or `modelmedic reject`")
    message(where, incident, "incident.closed", Severity.INFO, "flights-delay: healed", "version 4 serves all traffic")
    return where, incident


def assessed(work: Path) -> Told:
    where, incident = healed(work)
    flights.later(where, 9 * 1440)
    where.ledger.assess(incident, True, "effective: mean log loss of version 4 since is 0.479 on 5210 labels; 0.482 was expected")
    where.note("heal.assessed", {"effective": True, "sentence": "effective: mean log loss is 0.479"}, incident.id)
    return where, incident


def rejected(work: Path) -> Told:
    where, incident = begun(work, "concept")
    flights.diagnosed(where, incident)
    flights.trained(where, incident, passed=False)
    flights.closed(where, incident, Outcome.REJECTED, "the challenger failed 1 gates: AUC is 0.0122 below the champion's")
    return where, incident


def withdrawn(work: Path) -> Told:
    where, incident = begun(work, "concept")
    flights.diagnosed(where, incident)
    flights.trained(where, incident)
    flights.approved(where, incident)
    flights.deployed(where, incident, withdrawn=True)
    flights.closed(where, incident, Outcome.WITHDRAWN, "the canary was taken back: at 50 % it failed 41 of 388 requests")
    return where, incident


def quarantined(work: Path) -> Told:
    where, incident = begun(work, "broken", labelled=False)
    flights.diagnosed(where, incident)
    flights.effect(where, incident, "window.quarantined", {"window": str(flights.WINDOW)})
    sentence = f"rows of {flights.WINDOW} are set aside: distance is in another unit"
    document = {
        "window": to_plain(flights.WINDOW),
        "columns": ["distance", "wind_speed"],
        "sentence": sentence,
        "outputs": {"outcome": "quarantined"},
    }
    where.ledger.record_stage(incident, "quarantine", document)
    flights.closed(where, incident, Outcome.QUARANTINED, sentence)
    message(where, incident, "data.quarantined", Severity.WARNING, "flights-delay: rows are broken and set aside", sentence)
    return where, incident


def rolled_back(work: Path) -> Told:
    where, incident = begun(work, "concept")
    flights.diagnosed(where, incident)
    flights.effect(where, incident, "model.restored", {"version": "2", "champion": "2"})
    flights.effect(where, incident, "alias.moved", {"alias": "champion", "from": "3", "to": "2", "version": "2"})
    sentence = "version 2 serves all traffic again in place of version 3"
    document = {"outcome": "rolled_back", "before": "3", "after": "2", "sentence": sentence, "outputs": {"outcome": "rolled_back"}}
    where.ledger.record_stage(incident, "rollback", document)
    flights.closed(where, incident, Outcome.ROLLED_BACK, sentence, after="2")
    return where, incident


def escalated(work: Path) -> Told:
    where, incident = begun(work, "concept")
    held = (
        Objection("budget", "2 heals in seven days were made, and 2 are allowed", flights.OPENED + timedelta(days=3)),
        Objection("freeze", "model flights-delay is frozen by maria until it is lifted: summer peak"),
    )
    flights.diagnosed(where, incident, held)
    flights.closed(
        where, incident, Outcome.ESCALATED, "rule proved-drift: concept_drift asks for retrain; held back because 2 heals were made"
    )
    return where, incident


def harmless(work: Path) -> Told:
    where, incident = begun(work, "warm")
    flights.diagnosed(where, incident)
    flights.closed(where, incident, Outcome.NO_ACTION, "temp moved, and the loss has not risen")
    return where, incident


def crashed(work: Path) -> Told:
    """Killed between the canary and the alias."""
    where, incident = begun(work, "concept")
    flights.diagnosed(where, incident)
    flights.trained(where, incident)
    flights.approved(where, incident)
    flights.effect(where, incident, "canary.started", {"version": "4"})
    flights.effect(where, incident, "canary.promoted", {"version": "4"}, ends=False)
    return where, incident


def barely(work: Path) -> Told:
    """Opened, and nothing else."""
    where, incident = begun(work, "")
    where.windows.current = None  # type: ignore[attr-defined]
    return where, incident


def message(where: Site, incident: Incident, event: str, severity: Severity, summary: str, description: str) -> None:
    note = Notification(event, where.model, incident.id, severity, where.policy.metadata.owner, summary, description, where.clock.now())
    keep(where.store, notification_key(where.model, incident.id, event), note)


ALL: dict[str, Callable[[Path], Told]] = {
    kind.__name__: kind for kind in (healed, assessed, rejected, withdrawn, quarantined, rolled_back, escalated, harmless, crashed, barely)
}

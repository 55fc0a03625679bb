"""Records that are missing: what the store keeps, and what no record tells of."""

from modelmedic.steps.contracts.audit import Phase, Record
from modelmedic.steps.contracts.keys import (
    acknowledged_key,
    ageing_key,
    freeze_key,
    quarantine_key,
    release_key,
    verdict_folder,
)
from modelmedic.steps.runtime.run import Site

_BY_STAGE = {
    "diagnose": ("cause.diagnosed", "remedy.decided"),
    "validate": ("gate.passed",),
    "retrain": ("model.trained",),
    "approve": ("approval.decided",),
    "approve-request": ("approval.requested",),
    "undo": ("heal.undone",),
}


def gaps(site: Site) -> list[str]:
    """A sentence for each stored decision without its record, and each intent without an end."""
    records = list(site.trail.records())
    found = [fault.sentence for fault in site.trail.verify() if not fault.harmless]
    found += [f"intent {each.event} ({each.key}) has no end" for each in site.trail.open_intents(records)]
    for incident in site.ledger.incidents(site.model):
        of_incident = [record for record in records if record.incident == incident.id]
        found += _missing(of_incident, incident.id, _wanted(site, incident.id))
    for folder, event in ((verdict_folder(site.model), "drift.measured"), (ageing_key(site.model), "ageing.measured")):
        vouched = {key for record in records if record.event == event for key in record.documents}
        found += [f"{key} has no {event}" for key in site.store.list(folder) if key not in vouched]
    everything = {key for record in records for key in record.documents}
    for folder in (release_key(site.model), quarantine_key(site.model), acknowledged_key(site.model), freeze_key(site.model)):
        found += [f"{key} is in no record" for key in site.store.list(folder) if key not in everything]
    return found


def _wanted(site: Site, identity: str) -> list[str]:
    incident = site.ledger.find(identity)
    events = ["incident.opened"]
    for stage in site.ledger.stages(incident):
        events += _BY_STAGE.get(stage, ())
    events += ["answer.given"] * bool(site.ledger.answers(incident))
    events += ["incident.closed"] * bool(site.ledger.closing(incident))
    return events


def _missing(records: list[Record], identity: str, wanted: list[str]) -> list[str]:
    known = {record.event for record in records if record.phase in (Phase.NOTE, Phase.OUTCOME)}
    return [f"{event} of {identity} is not recorded" for event in wanted if event not in known]

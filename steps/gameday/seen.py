"""The records of a drill, read after it: its incidents, and the broken rows that taught a model."""

from collections.abc import Iterator
from datetime import datetime

import pyarrow.compute as pc

from modelmedic.steps.contracts.formats import parse
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.inference_log import REQUEST_ID
from modelmedic.steps.contracts.keys import model_hash, notification_key
from modelmedic.steps.contracts.notification import Notification
from modelmedic.steps.contracts.results import DiagnoseResult, RetrainResult, ValidateResult
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.data.snapshots import read_snapshot
from modelmedic.steps.gameday.judging import SeenIncident
from modelmedic.steps.records.verify import verify
from modelmedic.steps.runtime.run import Site

_BLIND = "monitor.blind"


def incidents_since(site: Site, at: datetime, broken: frozenset[str]) -> Iterator[SeenIncident]:
    """The incidents that were opened at `at` or later, and earlier ones that taught a model by rows
    of the requests in `broken`.
    """
    for incident in sorted(site.ledger.incidents(site.model), key=lambda each: each.epoch):
        seen = _seen(site, incident, broken)
        if incident.opened_at >= at or seen.taught:
            yield seen


def told_blind(site: Site, at: datetime) -> datetime | None:
    """The time since `at` at which the owner was told that the monitor has too few rows."""
    keys = site.store.list(notification_key(site.model, None))
    sent = [parse(Notification, site.store.get(key).data, key) for key in keys]
    return min((each.at for each in sent if each.event == _BLIND and each.at >= at), default=None)


def fault_of_records(site: Site) -> str:
    """The first disagreement of the trail with itself and the ledger; empty where there is none."""
    check = verify(site.store, site.clock, model_hash(site.model), site.model)
    return next((fault.sentence for fault in check.faults if not fault.harmless), "")


def _seen(site: Site, incident: Incident, broken: frozenset[str]) -> SeenIncident:
    """The incident as its records tell it. What was taught so that a person can compare it with and
    without doubtful rows does not count unless it serves.
    """
    found, closing = site.ledger.result(incident, DiagnoseResult), site.ledger.closing(incident)
    trained, validated = site.ledger.result(incident, RetrainResult), site.ledger.result(incident, ValidateResult)
    refused = found is not None and found.lasting is not None and (closing is None or closing.outcome is not Outcome.HEALED)
    return SeenIncident(
        at=incident.opened_at,
        closed=closing.at if closing else None,
        cause=found.diagnosis.cause if found else None,
        columns=found.diagnosis.columns if found else (),
        remedy=found.decision.remedy if found else None,
        outcome=closing.outcome if closing else None,
        sentence=closing.sentence if closing else incident.facts.get("sentence", ""),
        taught=_taught(site, trained, broken) if trained is not None and not refused else 0,
        tried=trained is not None and not trained.trained and bool(trained.tried),
        dark=validated is not None and validated.dark,
    )


def _taught(site: Site, trained: RetrainResult, broken: frozenset[str]) -> int:
    if not trained.trained or trained.snapshot is None or not broken:
        return 0
    ids = read_snapshot(site.store, trained.snapshot)[REQUEST_ID]
    return len(broken.intersection(pc.unique(ids).to_pylist()))

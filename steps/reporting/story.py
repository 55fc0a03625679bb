"""The records of one incident gathered into one value, of which the incident page is drawn; a heal
that broke off has one too.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pydantic import ValidationError

from modelmedic.steps.contracts.audit import Record
from modelmedic.steps.contracts.codec import canonical, decode
from modelmedic.steps.contracts.comparison import Comparison as VersionComparison
from modelmedic.steps.contracts.decision import Decision
from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.incident import Answer, Assessment, Closing, Incident
from modelmedic.steps.contracts.keys import notification_key
from modelmedic.steps.contracts.notification import Notification
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.results import (
    APPROVALS,
    ApprovalResult,
    DeployResult,
    LastingQuarantine,
    QuarantineResult,
    ReportResult,
    RetrainResult,
    RollbackResult,
    UndoResult,
)
from modelmedic.steps.contracts.training import Validation
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.records.chain import ChainFault, Entry
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.records.comparisons import newest_comparison
from modelmedic.steps.records.documents import read
from modelmedic.steps.records.verdicts import verdict_of
from modelmedic.steps.reporting.ageing import ageing_curve
from modelmedic.steps.reporting.comparison import Comparison, compare
from modelmedic.steps.reporting.pictures.ageing import AgeingCurve
from modelmedic.steps.runtime.links import PAGE, links
from modelmedic.steps.runtime.reference import champion_reference
from modelmedic.steps.runtime.run import Site

SAMPLE = 12_000  # rows of each window that the pictures are drawn from, spread evenly
_MOST_VERIFIED = 3_000  # records of a trail that a page reads again to verify it
_SKEW = timedelta(hours=1)  # between the clocks that write to one trail

T = TypeVar("T")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chain:
    """The audit trail when the page was drawn: `length` records, all verified unless `verified` is
    False.
    """

    length: int
    faults: tuple[ChainFault, ...] = ()
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Story:
    """The records of one incident; a field is None or empty for what has not happened or cannot be
    read. `gaps` names what cannot be read, a sentence each.
    """

    incident: Incident
    policy: Policy
    made_at: datetime
    champion: str | None = None
    verdict: Verdict | None = None
    diagnosis: Diagnosis | None = None
    decision: Decision | None = None
    comparison: Comparison | None = None
    ageing: AgeingCurve | None = None
    judged: VersionComparison | None = None  # of the version that a heal put in place with the one before
    drawn: ReportResult | None = None  # Evidently's page, and what it says
    links: Mapping[str, str] = field(default_factory=dict)  # addresses by their names
    quarantine: QuarantineResult | None = None
    lasting: LastingQuarantine | None = None  # that a person is asked about
    training: RetrainResult | None = None
    validation: Validation | None = None
    validated_against: str | None = None
    approvals: Mapping[str, ApprovalResult] = field(default_factory=dict)  # by stage: approve, approve-remedy
    answers: tuple[Answer, ...] = ()
    deploy: DeployResult | None = None
    rollback: RollbackResult | None = None
    closing: Closing | None = None
    assessment: Assessment | None = None
    undone: UndoResult | None = None
    stages: tuple[str, ...] = ()
    evidence: tuple[Mapping[str, Any], ...] = ()
    told: tuple[Notification, ...] = ()
    records: tuple[Record, ...] = ()
    hashes: Mapping[int, str] = field(default_factory=dict)  # of the records, by their sequence numbers
    chain: Chain | None = None
    gaps: tuple[str, ...] = ()


def gather(site: Site, incident: Incident) -> Story:
    """Gather what ledger, windows, references and audit trail hold of the incident by now.

    Raises StoreError when the ledger itself cannot be read; what else is missing or unreadable
    becomes a gap.
    """
    gaps: list[str] = []
    stages = site.ledger.stages(incident)
    found, tried = stages.get("diagnose", {}), stages.get("validate", {})
    diagnosis = _part(Diagnosis, found.get("diagnosis"), "diagnosis", gaps)
    champion = found.get("champion")
    verdict = _part(Verdict, found.get("verdict"), "verdict", gaps) or _monitored(site, incident, champion)
    entries = _entries(site, incident, gaps)
    return Story(
        incident=incident,
        policy=site.policy,
        made_at=site.clock.now(),
        champion=champion,
        verdict=verdict,
        diagnosis=diagnosis,
        decision=_part(Decision, found.get("decision"), "decision", gaps),
        comparison=_comparison(site, incident, found.get("reference") or champion, diagnosis, verdict, gaps),
        ageing=_ageing(site, incident, diagnosis, gaps),
        judged=_judged(site, incident, gaps),
        drawn=_part(ReportResult, stages.get("report"), "report stage", gaps),
        links=links(site, PAGE, incident.id),
        quarantine=_part(QuarantineResult, _set_aside(stages), "quarantine", gaps),
        lasting=_part(LastingQuarantine, found.get("lasting"), "lasting quarantine", gaps),
        training=_part(RetrainResult, stages.get("retrain"), "training", gaps),
        validation=_part(Validation, tried.get("validation"), "validation", gaps),
        validated_against=tried.get("champion"),
        approvals={name: said for name, kind in APPROVALS.items() if (said := _part(kind, stages.get(name), f"{name} stage", gaps))},
        answers=site.ledger.answers(incident),
        deploy=_part(DeployResult, stages.get("deploy"), "deploy stage", gaps),
        rollback=_part(RollbackResult, stages.get("rollback"), "rollback stage", gaps),
        closing=site.ledger.closing(incident),
        assessment=site.ledger.assessment(incident),
        undone=_part(UndoResult, stages.get("undone"), "undoing", gaps),
        stages=tuple(stage.name for stage in HEAL if stage.name in stages),
        evidence=site.ledger.evidence(incident),
        told=_told(site.store, incident, gaps),
        records=tuple(entry.record for entry in entries),
        hashes={entry.record.sequence: entry.hash for entry in entries},
        chain=_chain(site, gaps),
        gaps=tuple(gaps),
    )


def _set_aside(stages: Mapping[str, Mapping[str, Any]]) -> Any:
    """The quarantine's result, unless a person rejected the quarantine."""
    found = stages.get("quarantine")
    return None if found is None or found.get("outcome") == "rejected" else found


def _part(kind: type[T], document: Any, name: str, gaps: list[str]) -> T | None:
    """The value of that kind; None, and a gap, when the document has another shape."""
    if document is None:
        return None
    try:
        return decode(kind, canonical(document))
    except (ValidationError, ValueError):
        gaps.append(f"the record of the {name} is not one that this version reads")
        return None


def _monitored(site: Site, incident: Incident, champion: str | None) -> Verdict | None:
    """The monitor's verdict on the same window by the incident's policy, when it left one."""
    try:
        return verdict_of(site.store, site.model, champion, incident.window.end, incident.policy_hash) if champion is not None else None
    except ModelmedicError:
        return None


def _comparison(
    site: Site, incident: Incident, version: str | None, diagnosis: Diagnosis | None, verdict: Verdict | None, gaps: list[str]
) -> Comparison | None:
    try:
        reference = site.references.table(version) if version else champion_reference(site).table
        current = site.windows.table(incident.window, limit=SAMPLE)
        return compare(
            thin(reference, SAMPLE),
            current,
            site.policy.roles,
            blamed=diagnosis.columns if diagnosis else (),
            segment=diagnosis.segment if diagnosis else None,
            measured=verdict.shifts if verdict else (),
        )
    except ModelmedicError as error:
        gaps.append(f"the windows cannot be drawn: {error}")
    except Exception as bug:  # the pictures look at data that may be broken in any way, and the rest of the story matters more
        _LOG.exception("the windows of %s cannot be drawn", incident.id)
        gaps.append(f"the windows cannot be drawn, by a fault of this program: {type(bug).__name__}: {bug}")
    return None


def _judged(site: Site, incident: Incident, gaps: list[str]) -> VersionComparison | None:
    """The newest comparison of the version that the incident put in place, since it did."""
    closing = site.ledger.closing(incident)
    if closing is None or closing.champion_after in (None, closing.champion_before):
        return None
    try:
        seen = newest_comparison(site.store, site.model, str(closing.champion_after), after=incident.opened_at)
        return seen if seen is not None and seen.released_at >= incident.opened_at else None
    except ModelmedicError as error:
        gaps.append(f"the comparison of the versions cannot be read: {error}")
        return None


def _ageing(site: Site, incident: Incident, diagnosis: Diagnosis | None, gaps: list[str]) -> AgeingCurve | None:
    """What age had cost when the incident was opened, for an incident about that alone."""
    if diagnosis is None or diagnosis.cause is not Cause.AGEING:
        return None
    try:
        return ageing_curve(site.store, site.history, site.model, incident.opened_at)
    except ModelmedicError as error:
        gaps.append(f"the looks at the ageing cannot be read: {error}")
        return None


def _told(store: ObjectStore, incident: Incident, gaps: list[str]) -> tuple[Notification, ...]:
    """The messages about this incident that the store kept, oldest first."""
    try:
        keys = list(store.list(notification_key(incident.model, incident.id)))
        told = [note for key in keys if (note := read(store, Notification, key))]
    except ModelmedicError as error:
        gaps.append(f"the messages to people cannot be read: {error}")
        return ()
    return tuple(sorted(told, key=lambda note: note.at))


def _entries(site: Site, incident: Incident, gaps: list[str]) -> tuple[Entry, ...]:
    """The incident's entries on the audit trail, oldest first; older entries are not read."""
    try:
        since = incident.opened_at - _SKEW
        return tuple(entry for entry in site.trail.latest_entries(since) if entry.record.incident == incident.id)[::-1]
    except ModelmedicError as error:
        gaps.append(f"the audit trail cannot be read: {error}")
        return ()


def _chain(site: Site, gaps: list[str]) -> Chain | None:
    try:
        length = site.trail.length()
        return Chain(length, tuple(site.trail.verify())) if length <= _MOST_VERIFIED else Chain(length, verified=False)
    except ModelmedicError as error:
        gaps.append(f"the audit trail cannot be verified: {error}")
        return None

"""A store with the records of heals, as the loop writes them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.keys import policy_key
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.records.audit import AuditTrail
from modelmedic.steps.records.documents import keep
from modelmedic.steps.records.ledger import Ledger

NOW = datetime.now(UTC)
WEEK = Window(NOW - timedelta(days=7), NOW)
DIGEST = "d1" * 32


class Records:
    """One model's records below `root`; `at` moves the time at which they are written."""

    def __init__(self, root: Path, model: str = "flights", at: datetime | None = None, **approval: Any) -> None:
        self.root = root
        self.store = FolderStore(root)
        self.model = model
        self.clock = Fixed(at) if at else SystemClock()
        self.ledger = Ledger(self.store, self.clock)
        self.policy = policy(model, **approval)
        self.trail = AuditTrail(self.store, model, self.clock, "step")
        keep(self.store, policy_key(self.policy.hash), self.policy)

    def opened(self, alert: str = "DriftDetected") -> Incident:
        incident, _ = self.ledger.open_incident(self.model, self.policy.hash, WEEK, alert, {"severity": "page"})
        self.trail.append("incident.opened", incident=incident.id)
        return incident

    def diagnosed(self, remedy: str = "retrain", approval: str = "needed") -> Incident:
        incident = self.opened()
        diagnosis = {
            "cause": "concept_drift" if remedy == "retrain" else "bad_release",
            "confidence": 0.93,
            "sentence": "labels behave differently over [bold]income[/bold]",
            "columns": ["income", "region"],
            "segment": {"column": "region", "value": "south"},
            "onset": "2026-01-03T04:05:00Z",
            "evidence": [{"sentence": "the loss rose by 0.2"}],
            "runners_up": [{"cause": "none", "confidence": 0.07, "sentence": "nothing else"}],
        }
        decision = {"remedy": remedy, "autonomy": "approve", "sentence": "rule proved-drift: concept_drift asks for retrain"}
        outputs = {"remedy": remedy, "approval": approval}
        self.ledger.record_stage(incident, "diagnose", {"diagnosis": diagnosis, "decision": decision, "outputs": outputs})
        return incident

    def validated(self, approval: str = "needed") -> Incident:
        incident = self.diagnosed(approval=approval)
        gates = [{"name": "non-inferior", "passed": True, "sentence": "auc 0.71 against 0.64"}]
        document = {"digest": DIGEST, "validation": {"gates": gates}, "outputs": {"passed": "yes", "version": "4", "digest": DIGEST}}
        self.ledger.record_stage(incident, "validate", document)
        return incident

    def asked(self, incident: Incident, stage: str = "approve", digest: str = DIGEST, ago: timedelta = timedelta(minutes=5)) -> None:
        self.ledger.record_stage(incident, f"{stage}-request", {"at": (NOW - ago).isoformat(), "digest": digest})

    def closed(self, incident: Incident, outcome: Outcome = Outcome.HEALED) -> None:
        self.ledger.close(incident, Closing(outcome, self.clock.now(), "version 4 serves", "3", "4"))
        self.trail.append("incident.closed", incident=incident.id)


class Fixed:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def sleep(self, span: timedelta) -> None:
        self.at += span


def policy(name: str, **approval: Any) -> Policy:
    return Policy.model_validate(
        {
            "apiVersion": "modelmedic.io/v1alpha1",
            "kind": "HealingPolicy",
            "metadata": {"name": name, "owner": "flight-ops"},
            "serving": {"inferenceService": name},
            "registry": {"name": name},
            "data": {"task": "binary", "target": "delayed", "time": "time_hour", "numeric": ["distance"]},
            "approval": approval,
        }
    )

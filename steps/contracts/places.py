"""The places that messages and pages link to: base addresses of what people look at, and the links
below them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import quote

PREFIX: Final = "MODELMEDIC_LINK_"  # the environment names each base address as this and its field

_ALERTS: Final = "Modelmedic"  # the names of our alerts begin so

# The alert whose runbook says what to do about a message.
RUNBOOKS: Final = {
    "alias.differs": "ModelmedicDisagreement",
    "approval.reminded": "ModelmedicApprovalWaiting",
    "approval.requested": "ModelmedicApprovalWaiting",
    "autonomy.fell": "ModelmedicHealFailed",
    "breaker.opened": "ModelmedicBreakerOpen",
    "data.quarantined": "ModelmedicDataBroken",
    "fleet.budget_spent": "ModelmedicBreakerOpen",
    "fleet.stopped": "ModelmedicBreakerOpen",
    "heal.ineffective": "ModelmedicHealFailed",
    "heal.undone": "ModelmedicDisagreement",
    "incident.closed": "ModelmedicHealFailed",
    "log.unreadable": "ModelmedicLogDamaged",
    "model.rolled_back": "ModelmedicReleaseBad",
    "monitor.blind": "ModelmedicMonitorBlind",
    "service.sick": "ModelmedicRequestsFail",
}


@dataclass(frozen=True, slots=True)
class Places:
    """Base addresses without a slash at the end; an empty one is not linked to."""

    reports: str = ""  # <this>/<key> is an object of the store
    argo: str = ""  # Argo's UI
    mlflow: str = ""  # MLflow's UI
    grafana: str = ""
    runbooks: str = ""  # <this>/<alert>.md is an alert's runbook
    namespace: str = "modelmedic"  # of the Workflows

    def stored(self, key: str) -> str:
        """The object of that key, such as a report."""
        return f"{self.reports}/{quote(key)}" if self.reports else ""

    def workflow(self, incident: str) -> str:
        """The Argo run that heals the incident."""
        return f"{self.argo}/workflows/{self.namespace}/{workflow_name(incident)}" if self.argo else ""

    def version(self, registered: str, version: str | None) -> str:
        """A version in MLflow; the model, when no version is meant."""
        below = f"/versions/{quote(version, safe='')}" if version else ""
        return f"{self.mlflow}/#/models/{quote(registered, safe='')}{below}" if self.mlflow else ""

    def dashboard(self, model: str) -> str:
        return f"{self.grafana}/d/modelmedic-model?var-model={quote(model, safe='')}" if self.grafana else ""

    def runbook(self, event: str) -> str:
        """The runbook for a message; empty for one that has none."""
        return self.runbook_of(RUNBOOKS.get(event, ""))

    def runbook_of(self, alert: str) -> str:
        """The runbook of one of our alerts; empty for what is none, such as a person's word."""
        return f"{self.runbooks}/{quote(alert, safe='')}.md" if self.runbooks and alert.startswith(_ALERTS) else ""


def workflow_name(incident: str) -> str:
    """The name of an incident's Workflow: at most 61 characters, because Argo puts it into
    labels.
    """
    return f"heal-{incident}"


def places_of(environment: Mapping[str, str], **defaults: str) -> Places:
    """The places that the environment names, else the defaults."""
    named = {each.name: environment.get(f"{PREFIX}{each.name.upper()}") or defaults.get(each.name, "") for each in fields(Places)}
    found = {name: address.rstrip("/") for name, address in named.items() if address}
    return Places(**{**found, "namespace": environment.get("MODELMEDIC_NAMESPACE") or "modelmedic"})

"""A message to people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from modelmedic.steps.contracts.redaction import redact_texts


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"  # pages somebody

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Notification:
    """Its texts are redacted when it is made, whoever it is handed to."""

    event: str  # data.quarantined, heal.refused, approval.requested, breaker.opened …
    model: str
    incident: str | None
    severity: Severity
    to: str  # who: the data owner or the team, as the policy names them
    summary: str
    description: str
    at: datetime
    links: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("to", "summary", "description", "links"):
            object.__setattr__(self, name, redact_texts(getattr(self, name)))

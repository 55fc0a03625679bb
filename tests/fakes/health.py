"""The health of a service, as a test says it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.serving import Traffic
from modelmedic.steps.contracts.window import Window


@dataclass(frozen=True)
class Asked:
    """Requests to a version by one moment, and how they were answered."""

    at: datetime
    version: str
    requests: int = 1
    code: int = 200
    p95_ms: float = 20.0  # of the requests until then


@dataclass
class FakeHealth:
    """Implements `ServiceHealth` by a list of what was asked."""

    asked: Sequence[Asked] = field(default_factory=list)
    away: bool = False

    def between(self, version: str, window: Window) -> Traffic | None:
        if self.away:
            raise Transient("the health of the service cannot be asked for; expected it to be there")
        seen = [each for each in self.asked if each.version == version and window.start < each.at <= window.end]
        if not seen:
            return None
        failures = sum(each.requests for each in seen if each.code >= 500)
        return Traffic(sum(each.requests for each in seen), failures, seen[-1].p95_ms)

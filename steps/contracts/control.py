"""The orders of people and heals beside the incidents: freezes, quarantined spans and their
release, and acknowledged shifts.
"""

from dataclasses import dataclass
from datetime import datetime

from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause


@dataclass(frozen=True, slots=True)
class FreezeOrder:
    """A freeze: while it holds, nothing advances for `model` (None: every model). Retreats are
    never frozen.
    """

    model: str | None
    by: str
    reason: str
    at: datetime
    until: datetime | None = None  # None: until somebody lifts it
    lifted: bool = False

    def holds(self, now: datetime) -> bool:
        return not self.lifted and (self.until is None or now < self.until)

    @property
    def sentence(self) -> str:
        scope = f"model {self.model}" if self.model is not None else "every model"
        until = f"until {self.until:%Y-%m-%dT%H:%MZ}" if self.until else "until it is lifted (modelmedic freeze --lift)"
        return f"{scope} is frozen by {self.by} {until}: {self.reason or 'no reason given'}"


@dataclass(frozen=True, slots=True)
class FleetStop:
    """An opening of the breaker over the fleet: from `at` on nothing advances for any model.
    `failures` are the incidents whose heals failed, `incident` the one that opened it.
    """

    at: datetime
    incident: str
    failures: tuple[str, ...]
    reason: str

    @property
    def order(self) -> FreezeOrder:
        """What it comes to: a freeze of every model, by the loop itself."""
        return FreezeOrder(None, "the breaker over the fleet", self.reason, self.at)


@dataclass(frozen=True, slots=True)
class FleetReset:
    """The word of a person that ended an opening of the breaker over the fleet."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class QuarantinedSpan:
    """Rows that are set aside: not trained on before a person releases them, and never deleted. No
    columns means all of them.
    """

    model: str
    window: Window
    columns: tuple[str, ...]
    reason: str
    incident: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class QuarantineRelease(QuarantinedSpan):
    """The word of people that the rows of a quarantined span count as good again. `reason` is
    theirs; `cause` is that for which `incident` had set the rows aside, `version` what served then.
    It has all fields of the span, so that a version of this program that knows no releases reads
    one more quarantined span.
    """

    by: tuple[str, ...]
    cause: Cause | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A shift that was looked at and needs no action while it lasts, for one model version's
    reference.
    """

    model: str
    model_version: str | None
    columns: tuple[str, ...]
    reason: str
    incident: str | None
    at: datetime
    until: datetime

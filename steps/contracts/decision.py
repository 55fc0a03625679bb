"""The decision about a diagnosis, and what allowed or forbade it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from modelmedic.steps.contracts.words import Autonomy, Outcome, Remedy


@dataclass(frozen=True, slots=True)
class Objection:
    """One limit that speaks against acting now: `budget`, `fleet`, `cooldown`, `settle`,
    `patience`, `breaker`, `freeze`, `price`, `cap` or, where the cap was waited for too long,
    `turn`. `since` is when the wait at the cap began.
    """

    limit: str
    sentence: str
    until: datetime | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """`remedy` is what will be done; `wanted` is what the rule asked for before limits and autonomy
    had their say. `fallen` has the remedies whose autonomy had fallen by then, and to what level.
    """

    remedy: Remedy
    wanted: Remedy
    rule: str
    autonomy: Autonomy
    needs_approval: bool = False
    promote_needs_labels: bool = False
    objections: tuple[Objection, ...] = ()
    sentence: str = ""
    fallen: Mapping[Remedy, Autonomy] = field(default_factory=dict)

    @property
    def observed(self) -> bool:
        """True where autonomy allows no more than to record the remedy."""
        return self.autonomy is Autonomy.OBSERVE and self.remedy not in (Remedy.NONE, Remedy.ESCALATE)

    @property
    def acted(self) -> Remedy:
        """The remedy that the loop carries out by itself: none where autonomy allows it only to
        observe or to suggest.
        """
        silent = self.autonomy.rank < Autonomy.APPROVE.rank and self.remedy not in (Remedy.NONE, Remedy.ESCALATE)
        return Remedy.NONE if silent else self.remedy


@dataclass(frozen=True, slots=True)
class PastHeal:
    """A closed incident of the model, as far as the limits on acting care. `at` is when it was
    closed.
    """

    incident: str
    outcome: Outcome
    at: datetime
    by_error: bool = False
    judged: bool = True

    @property
    def model(self) -> str:
        """The hash of the model's name."""
        return self.incident.rpartition("-")[0]

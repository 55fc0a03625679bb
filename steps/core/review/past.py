"""A past incident with everything that was recorded of its decision and of what came of it."""

from dataclasses import dataclass
from datetime import datetime

from modelmedic.steps.contracts.decision import PastHeal
from modelmedic.steps.contracts.incident import Answer, Assessment, Closing, Incident
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.results import ApprovalRequest, DeployResult, DiagnoseResult, RetrainResult, ValidateResult


@dataclass(frozen=True, slots=True)
class PastIncident:
    """`policy` is the one that it was decided under. A stage that was not reached is None, and so
    is an answer that nobody was asked for.
    """

    incident: Incident
    policy: Policy
    found: DiagnoseResult
    closing: Closing
    retrained: RetrainResult | None = None
    validated: ValidateResult | None = None
    asked: ApprovalRequest | None = None  # the question that was put to people, about the remedy or the challenger
    answers: tuple[Answer, ...] = ()
    deployed: DeployResult | None = None
    assessment: Assessment | None = None
    undone: bool = False

    @property
    def heal(self) -> PastHeal:
        """The incident as the limits on acting count it."""
        closed = self.closing
        return PastHeal(self.incident.id, closed.outcome, closed.at, closed.by_error, closed.judged)

    @property
    def at(self) -> datetime:
        """The time of the decision: that of the opening, because a diagnosis follows it."""
        return self.incident.opened_at

"""The results of a heal's stages: one frozen value per stage, written by that stage and read by the
stages behind it, the incident page and the sweep.

Ledger.record stores a result under its `name` and Ledger.result reads it back. The field names are
those of the stored JSON: a field that is added needs a default, so that older stores can be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from modelmedic.steps.contracts.comparison import Ablation
from modelmedic.steps.contracts.decision import Decision
from modelmedic.steps.contracts.detection import ColumnOpinion
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.training import ModelVersion, TrainingPlan, Validation
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Outcome


@dataclass(frozen=True, slots=True)
class Result:
    """Base of every result. `outputs` are exactly those that the stage table declares; a result of
    something beside the table has none.
    """

    name: ClassVar[str]

    @property
    def outputs(self) -> Mapping[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class LastingQuarantine:
    """Rows that were set aside for the same cause window after window, so that a person is asked
    about them. `spans` are all of them, the incident's own last; `columns` are those to blame.
    """

    cause: Cause
    since: datetime
    spans: tuple[Window, ...]
    columns: tuple[str, ...] = ()
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class DiagnoseResult(Result):
    """The cause and the decision about it. `reference` is the version whose reference rows were
    compared, `served` the champion with its files, `rows` those of the window. `lasting`: the
    heal puts a lasting quarantine before a person.
    """

    name: ClassVar[str] = "diagnose"
    diagnosis: Diagnosis
    decision: Decision
    champion: str | None = None
    served: ModelVersion | None = None
    reference: str | None = None
    rows: int = 0
    window: Window | None = None
    lasting: LastingQuarantine | None = None

    @property
    def outputs(self) -> Mapping[str, str]:
        return {"remedy": self.decision.acted.value, "approval": "needed" if self.decision.needs_approval else "not-needed"}


@dataclass(frozen=True, slots=True)
class QuarantineResult(Result):
    """The span that was set aside and its broken columns. `outcome` is quarantined or rejected."""

    name: ClassVar[str] = "quarantine"
    window: Window
    columns: tuple[str, ...] = ()
    sentence: str = ""
    outcome: str = "quarantined"

    @property
    def outputs(self) -> Mapping[str, str]:
        return {"outcome": self.outcome}


@dataclass(frozen=True, slots=True)
class RollbackResult(Result):
    """The version that served before and after. `outcome` is rolled_back, escalated or rejected."""

    name: ClassVar[str] = "rollback"
    outcome: str
    before: str | None = None
    after: str | None = None
    sentence: str = ""

    @property
    def outputs(self) -> Mapping[str, str]:
        return {"outcome": self.outcome}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One of the trainings that were compared. `gain` is the least gain on the newest labels, in
    the policy's metric; `fitted` tells whether a model came of it.
    """

    reason: str = ""
    rows: int = 0
    gain: float | None = None
    fitted: bool = False
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class TriedWay:
    """One way to weight the known rows, tried by stand-ins on `rows` of the newest of them: the
    loss there, and the gain over the first way with its bounds of one standard error. None where
    the rows were too few to try it.
    """

    reason: str
    halving: timedelta | None = None
    rows: int = 0
    loss: float | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class RetrainResult(Result):
    """The challenger's files, or why there are none. `candidate`, `snapshot` (rows trained on),
    `holdout` and `beside` (further rows of its reference) are digests of stored objects.

    `twin` are the files that are judged in the candidate's place: taught in the same way, without
    the holdout and the rows beside it, which the candidate has learnt. None: the candidate itself
    is judged. `ways` are the ways of weighting that were compared before, the chosen one is the
    plan's. `ablation` is there where the heal asks a person about rows that stay set aside.
    """

    name: ClassVar[str] = "retrain"
    plan: TrainingPlan
    trained: bool = False
    rows: int | None = None
    snapshot: str | None = None
    holdout: str | None = None
    beside: str | None = None
    tried: tuple[Attempt, ...] = ()
    candidate: str | None = None
    code: str | None = None
    seconds: float | None = None
    sentence: str = ""
    twin: str | None = None
    ways: tuple[TriedWay, ...] = ()
    ageing: float | None = None  # what a day of age costs a stand-in, as a share of its loss
    ageing_error: float | None = None  # one standard error
    ablation: Ablation | None = None

    @property
    def outputs(self) -> Mapping[str, str]:
        return {"trained": "yes" if self.trained else "no"}


@dataclass(frozen=True, slots=True)
class ValidateResult(Result):
    """The gates of the challenger. `champion` is the version that it was compared with, `reference`
    the version whose reference rows the old regime was judged on, `twin` the files that were judged
    in the version's place.

    `dark`: neither shown to be better nor to be worse, and no other gate failed; the version keeps
    the challenger alias and its reference, so that it can be judged on as labels arrive.
    """

    name: ClassVar[str] = "validate"
    validation: Validation
    version: str
    digest: str
    champion: str | None = None
    reference: str | None = None
    twin: str | None = None
    dark: bool = False

    @property
    def outputs(self) -> Mapping[str, str]:
        return {"passed": "yes" if self.validation.passed else "no", "version": self.version, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class ApprovalRequest(Result):
    """The time at which a person was asked, and the digest that an answer has to name."""

    at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class RemedyRequest(ApprovalRequest):
    """The request for approval of a quarantine or a rollback."""

    name: ClassVar[str] = "approve-remedy-request"


@dataclass(frozen=True, slots=True)
class ChallengerRequest(ApprovalRequest):
    """The request for approval of a challenger."""

    name: ClassVar[str] = "approve-request"


@dataclass(frozen=True, slots=True)
class ApprovalResult(Result):
    """The decision on a request: approved or rejected. `by` are the people whose answers decided;
    `verified` when each of them proved who they are.
    """

    decision: str
    by: tuple[str, ...] = ()
    sentence: str = ""
    verified: bool = False

    @property
    def outputs(self) -> Mapping[str, str]:
        return {"decision": self.decision}


@dataclass(frozen=True, slots=True)
class RemedyApproval(ApprovalResult):
    """The decision on a quarantine or a rollback."""

    name: ClassVar[str] = "approve-remedy"


@dataclass(frozen=True, slots=True)
class ChallengerApproval(ApprovalResult):
    """The decision on a challenger."""

    name: ClassVar[str] = "approve"


@dataclass(frozen=True, slots=True)
class CanaryStep:
    """One share of the traffic (percent) and its judgement. A latency is None where nothing was
    counted. The mean losses per row are of the same `labels` labelled requests, and the rank
    correlations of the answers to the same `compared` ones; None where there were none.
    """

    share: int
    requests: int = 0
    failures: int = 0
    canary_p95_ms: float | None = None
    champion_p95_ms: float | None = None
    verdict: str = ""
    sentence: str = ""
    at: datetime | None = None
    labels: int = 0
    canary_loss: float | None = None
    champion_loss: float | None = None
    compared: int = 0
    correlation: float | None = None
    distance: float | None = None
    judged: bool = True  # false where too little was known by the deadline


@dataclass(frozen=True, slots=True)
class DeployResult(Result):
    """The version that served before and after, and the judged shares in between. `outcome` is
    healed, withdrawn or rejected.
    """

    name: ClassVar[str] = "deploy"
    outcome: str
    before: str | None = None
    after: str | None = None
    sentence: str = ""
    steps: tuple[CanaryStep, ...] = ()

    @property
    def outputs(self) -> Mapping[str, str]:
        return {"outcome": self.outcome}


@dataclass(frozen=True, slots=True)
class ReleaseTime(Result):
    """The moment of a release, kept so that a repeated run records the same one."""

    at: datetime


@dataclass(frozen=True, slots=True)
class DeployTime(ReleaseTime):
    """The moment at which a challenger was promoted."""

    name: ClassVar[str] = "deploy-release"


@dataclass(frozen=True, slots=True)
class RollbackTime(ReleaseTime):
    """The moment at which the last good version was restored."""

    name: ClassVar[str] = "rollback-release"


@dataclass(frozen=True, slots=True)
class ReportResult(Result):
    """The store keys of Evidently's pages; none when they could not be drawn. `columns` are its
    verdicts, and `differs` says where ours is another one, a sentence a column.
    """

    name: ClassVar[str] = "report"
    pages: tuple[str, ...] = ()
    columns: tuple[ColumnOpinion, ...] = ()
    differs: tuple[str, ...] = ()

    @property
    def outputs(self) -> Mapping[str, str]:
        return {"written": "yes" if self.pages else "no"}


@dataclass(frozen=True, slots=True)
class CloseResult(Result):
    """The end of the incident. `report` is the store key of the incident page, None when it could
    not be drawn.
    """

    name: ClassVar[str] = "close"
    outcome: Outcome
    sentence: str = ""
    report: str | None = None

    @property
    def outputs(self) -> Mapping[str, str]:
        return {"outcome": self.outcome.value}


@dataclass(frozen=True, slots=True)
class UndoResult(Result):
    """The undo of a heal: who took its change back, when and why."""

    name: ClassVar[str] = "undone"
    at: datetime
    by: str
    reason: str = ""
    sentence: str = ""


REQUESTS: Final[Mapping[str, type[ApprovalRequest]]] = {"approve-remedy": RemedyRequest, "approve": ChallengerRequest}
APPROVALS: Final[Mapping[str, type[ApprovalResult]]] = {kind.name: kind for kind in (RemedyApproval, ChallengerApproval)}

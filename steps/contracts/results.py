"""What each stage of a heal leaves in the ledger for the stages and the report behind it."""

from dataclasses import dataclass
from datetime import datetime

from modelmedic.steps.contracts.window import Window


@dataclass(frozen=True, slots=True)
class SetAside:
    """What the quarantine stage recorded."""

    window: Window
    columns: tuple[str, ...] = ()
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Trained:
    """What the retrain stage recorded beside its plan; `snapshot` and `candidate` are digests."""

    trained: bool = False
    rows: int | None = None
    snapshot: str | None = None
    candidate: str | None = None
    seconds: float | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Ruled:
    """How an approval request was answered."""

    decision: str
    by: tuple[str, ...] = ()
    sentence: str = ""
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One share, how it was judged, and when. `share` is in percent."""

    share: int
    requests: int = 0
    failures: int = 0
    canary_p95_ms: float | None = None
    champion_p95_ms: float | None = None
    verdict: str = ""
    sentence: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What the deploy or the rollback stage recorded: which version served before and after, and
    the shares in between.
    """

    outcome: str
    before: str | None = None
    after: str | None = None
    sentence: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Undone:
    """That a person took the change back."""

    at: datetime
    by: str
    reason: str = ""
    sentence: str = ""

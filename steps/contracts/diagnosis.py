"""The diagnosis of a window: its cause, the evidence for it, and the other hypotheses."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from modelmedic.steps.contracts.detection import Problem, Segment
from modelmedic.steps.contracts.words import Cause

COUNTED: Final = "rows.counted"  # the evidence of windows with too few rows to be judged


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measured fact. `value` is in the unit that the sentence names."""

    name: str  # noun.participle or a statistic's name, stable across releases
    sentence: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A cause that was considered, and why it stands where it stands."""

    cause: Cause
    confidence: float  # 0..1, meant as the probability that this cause is the true one
    columns: tuple[str, ...] = ()
    segment: Segment | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The metric estimated without labels, with its own interval."""

    metric: str
    value: float
    low: float
    high: float
    reference: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The verdict on the cause. `columns` are worst first; `loss_shares` sum to the loss that was
    gained (0..1 of it).
    """

    cause: Cause
    confidence: float
    columns: tuple[str, ...] = ()
    segment: Segment | None = None
    onset: datetime | None = None
    harm: str = "unknown"  # "shown" by labels, "estimated" without them, "none", "unknown"
    loss_increase: float | None = None
    loss_shares: dict[str, float] | None = None
    estimate: Estimate | None = None
    ranking_holds: bool | None = None  # whether the model still orders rows as well as before (recalibration is enough)
    evidence: tuple[Evidence, ...] = ()
    runners_up: tuple[Hypothesis, ...] = ()
    also: tuple[Cause, ...] = ()  # further causes that are present as well
    version: str | None = None  # for bad_release: the version to blame
    instead: str | None = None  # and the version that was compared with it and is better, where that is known
    sentence: str = ""


def overruled(found: Diagnosis, cause: Cause, confidence: float, evidence: Evidence) -> Diagnosis:
    """The diagnosis of another cause, by evidence from beyond the window. What the window showed
    becomes the first runner-up, and all runners-up share the confidence that is left; what was
    measured of its cause (columns, segment, onset, shares of the loss) goes with it.
    """
    window = Hypothesis(found.cause, found.confidence, found.columns, found.segment, found.sentence)
    others = (window, *found.runners_up)
    left = (1 - confidence) / max(sum(each.confidence for each in others), 1e-9)
    return replace(
        found,
        cause=cause,
        confidence=confidence,
        columns=(),
        segment=None,
        onset=None,
        loss_shares=None,
        evidence=(evidence, *found.evidence),
        runners_up=tuple(replace(each, confidence=round(left * each.confidence, 3)) for each in others),
        sentence=evidence.sentence,
    )


@dataclass(frozen=True, slots=True)
class Release:
    """A recorded change of the model version that serves."""

    at: datetime
    version: str
    previous: str | None
    by: str = "unknown"


@dataclass(frozen=True, slots=True)
class Context:
    """The facts that are known beside the two windows."""

    problems: tuple[Problem, ...] = ()
    releases: tuple[Release, ...] = ()
    label_delay: timedelta = timedelta(0)
    season: timedelta | None = None  # the period after which the data is expected to repeat

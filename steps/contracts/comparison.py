"""The comparison of the version that serves with versions before it, on the same rows.

The monitor writes one at each look that brought new rows (detection/comparison.py). The diagnosis
of a release and the assessment of a heal read the newest one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelmedic.steps.contracts.detection import Segment

WON: Final = "challenger-won"  # the alert of an incident in which a challenger that was kept in the dark is to serve


@dataclass(frozen=True, slots=True)
class LossBlock:
    """Labelled rows of one stretch of time that both versions answered: their number, and the mean
    loss per row of the version that serves and of the other one. `start` is of its first moment.
    """

    start: datetime
    rows: int
    served: float
    other: float


@dataclass(frozen=True, slots=True)
class AblationBlock:
    """Labelled rows of one stretch of time that all models of an ablation were asked about: their
    number, and each model's mean loss per row; None for a model that could not be taught or asked.
    `start` is of its first moment.
    """

    start: datetime
    rows: int
    taught_with: float | None = None
    taught_without: float | None = None
    champion: float | None = None


@dataclass(frozen=True, slots=True)
class Ablation:
    """A model taught with rows in doubt, one taught without them and the champion, asked about the
    same newest labelled rows, which none of them was taught. The mean losses are per row;
    `doubtful` are the rows that one was taught and the other was not.
    """

    doubtful: int
    rows: int
    blocks: tuple[AblationBlock, ...]
    taught_with: float | None = None
    taught_without: float | None = None
    champion: float | None = None
    sentence: str = ""

    @property
    def with_them(self) -> bool:
        """True where the model that was taught with the rows loses less."""
        return self.taught_with is not None and (self.taught_without is None or self.taught_with < self.taught_without)


@dataclass(frozen=True, slots=True)
class SegmentLosses:
    """Sums over blocks of time of the labelled rows in one segment: the losses of the served
    version and of the other, and the blocks' shares (core/comparison/rise.py) with their squares.
    The newest block, begun at `open`, is not among them yet.
    """

    segment: Segment
    rows: int = 0
    blocks: int = 0
    served: float = 0.0
    other: float = 0.0
    shares: float = 0.0
    squares: float = 0.0
    open: datetime | None = None
    open_served: float = 0.0
    open_other: float = 0.0


@dataclass(frozen=True, slots=True)
class AnswerLikeness:
    """The likeness of two versions' answers to the same inputs, without a label.

    `correlation` is Spearman's. `distance` is the mean absolute difference over the other version's
    mean absolute deviation. `served_same` and `other_same` are the shares of each version's answers
    that are its most frequent one, 0..1.
    """

    rows: int
    correlation: float
    distance: float
    served_same: float
    other_same: float


@dataclass(frozen=True, slots=True)
class VersionPair:
    """The version that serves beside one other. `before` are rows from before the release, from
    which the version that serves may have learnt: they flatter it. `since` are rows since then, a
    block for each UTC day. `segments` are sums over both, kept beside the version whose place was
    taken.
    """

    other: str
    before: tuple[LossBlock, ...] = ()
    since: tuple[LossBlock, ...] = ()
    likeness: AnswerLikeness | None = None
    segments: tuple[SegmentLosses, ...] = ()


@dataclass(frozen=True, slots=True)
class Accusation:
    """The finding that the version that serves is worse than `instead`. `harm` is `shown` by losses
    or overwhelming, `estimated` where only the answers are strange. `value` is the rise of the loss
    as a share of the other's loss, where there are labels. `slow` marks one that rests on
    days since the release alone, which broken data may explain.
    """

    instead: str
    harm: str
    sentence: str
    value: float | None = None
    segment: Segment | None = None
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Win:
    """The finding that a challenger that was kept in the dark loses less than the version that
    serves, on rows that neither has learnt from. `value` is the fall of the loss, a share.
    """

    version: str
    sentence: str
    value: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One look at the version that serves. `released_at` is when it took its place, `previous` the
    version whose place it took; labelled rows are compared up to `judged_until`. A version that
    could not be asked stands in `silent`.
    """

    model: str
    version: str
    at: datetime
    released_at: datetime
    previous: str | None = None
    judged_until: datetime | None = None
    pairs: tuple[VersionPair, ...] = ()
    accusation: Accusation | None = None
    silent: tuple[str, ...] = ()
    dark: VersionPair | None = None  # the version that serves beside the challenger that is kept in the dark
    won: Win | None = None

    def pair(self, other: str | None) -> VersionPair | None:
        """The pair with that version."""
        return next((pair for pair in self.pairs if pair.other == other), None)

"""The finding of detection about one window, compared with the reference."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Task, VerdictState


@dataclass(frozen=True, slots=True)
class Roles:
    """The part that each column plays. `prediction` is the positive class's probability (binary) or
    the value (regression).

    `features` empty means: every column that plays no other part. `categorical` empty means: told
    from the type. `segments` are the columns in which a cause is localised; empty means: every
    column of low cardinality.
    """

    task: Task | None = None
    target: str | None = None
    prediction: str | None = None
    time: str | None = None
    version: str | None = None
    id: str | None = None
    features: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()

    @property
    def bookkeeping(self) -> frozenset[str]:
        """Columns that are no features: target, prediction, time, version and id."""
        return frozenset(c for c in (self.target, self.prediction, self.time, self.version, self.id) if c)


@dataclass(frozen=True, slots=True)
class Segment:
    """The rows in which `column` has `value`; a numeric region's value reads `[low, high)`."""

    column: str
    value: str


class ProblemKind(StrEnum):
    MISSING_COLUMN = "missing_column"
    TYPE_CHANGED = "type_changed"
    CONSTANT = "constant"  # stuck at one value
    DEFAULT_VALUE = "default_value"  # one value suddenly stands in a part of the rows
    CLIPPED = "clipped"  # everything beyond a bound stands at the bound
    ROUNDED = "rounded"  # lost its decimals
    SWAPPED = "swapped"  # each of two columns holds the other one's values
    REMAPPED = "remapped"  # the same codes or hours under other names
    RELATION_BROKEN = "relation_broken"  # no longer goes with the columns that it always went with
    NULL_JUMP = "null_jump"
    INFINITE = "infinite"
    UNSEEN_CATEGORIES = "unseen_categories"
    UNIT_CHANGE = "unit_change"  # scaled or shifted by a constant
    OUT_OF_RANGE = "out_of_range"
    DUPLICATED_ROWS = "duplicated_rows"
    STALE = "stale"  # timestamps older than the window
    TRUNCATED = "truncated"  # far fewer rows, or a part of the window without any
    FUTURE = "future"  # timestamps after the window


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the data itself. `share` is the share of rows that it touches,
    0..1.
    """

    kind: ProblemKind
    column: str | None
    detail: str
    share: float
    segment: Segment | None = None


@dataclass(frozen=True, slots=True)
class ColumnShift:
    """The shift of one column's distribution. `effect` is in `statistic`'s unit; `p_value` is
    adjusted over all columns.
    """

    column: str
    statistic: str  # "wasserstein/std" for numbers, "jensen_shannon" for codes
    effect: float
    p_value: float
    threshold: float
    shifted: bool
    acknowledged: bool = False  # a person has looked at the shift, and it raises no alarm while the acknowledgement lasts


@dataclass(frozen=True, slots=True)
class ColumnOpinion:
    """Evidently's verdict on one column: a distance by its `method`, and the one from which on it
    calls that drift.
    """

    column: str
    method: str
    value: float
    threshold: float

    @property
    def drifted(self) -> bool:
        return self.value >= self.threshold


HALF = 0.5  # of the answers' hold on the labels: what is below has let go of them


@dataclass(frozen=True, slots=True)
class Performance:
    """The realised loss on matured labels, current against reference, with its standard error and
    one-sided p-value.
    """

    loss: str  # "log_loss" or "squared_error"
    reference: float
    current: float
    standard_error: float
    p_value: float
    labels: int
    degraded: bool
    hold: float | None = None  # slope of the label on the answer, as a share of the reference's: 1 is as before, below 0 turned round

    @property
    def let_go(self) -> bool:
        """True once the answers have lost more than half of their hold on the labels."""
        return self.hold is not None and self.hold < HALF


@dataclass(frozen=True, slots=True)
class LossCurve:
    """The errors that the reference's labels show, by ranges of the answer between `edges`: the
    label's mean less the answer's (binary), or the mean squared error (regression).
    """

    edges: tuple[float, ...]
    errors: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ExpectedLoss:
    """The mean loss to expect of a window whose labels are not known yet, from its answers alone;
    labels that are known count as they are.

    `rise` is the logarithm of it over the same estimate for the reference, whose realised loss is
    `reference`. `usual` is the rise beyond which it alarms, learnt from `windows` before; None
    while they are too few.
    """

    value: float
    reference: float
    rise: float
    labelled: float  # share of the rows, 0..1
    windows: int = 0
    usual: float | None = None
    alarming: bool = False

    @property
    def highest(self) -> float | None:
        """The highest loss that is usual, as a loss."""
        return self.reference * math.exp(self.usual) if self.usual is not None else None

    @property
    def sentence(self) -> str:
        """It in words, for a person."""
        known = f", {self.labelled:.0%} of its labels known" if self.labelled else ""
        said = f"its answers let expect a mean loss of {self.value:.4g} (reference {self.reference:.4g}){known}"
        if self.highest is None:
            return f"{said}; how much is usual is not known before 24 windows, of which there are {self.windows}"
        return f"{said}; up to {self.highest:.4g} is usual"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The bounds past which a column counts as shifted; keyed by the model version whose
    reference was replayed.

    `effect` maps a column to the least effect; `alpha` is the level of the adjusted p-value.
    `replayed` says how many quiet windows the numbers rest on: 0 means that the stated defaults are
    used.
    """

    alpha: float = 0.005
    effect: Mapping[str, float] = field(default_factory=dict)
    default_effect: float = 0.05
    loss_effect: float = 0.03  # least rise of the loss, as a share of the reference loss
    replayed: int = 0
    model_version: str | None = None
    design: Mapping[str, float] = field(default_factory=dict)  # how many times as much a column varies as independent rows would
    loss_design: float = 1.0
    hold_design: float = 1.0  # the same of the slope of the label on the answer
    loss_usual: float = 0.0  # the most that the mean loss of a stretch of the reference exceeded the whole's by, as a share of it
    segments: tuple["Thresholds", ...] = ()  # of the layout's segments, in their order
    curve: LossCurve | None = None  # None where the reference has too few labels


@dataclass(frozen=True, slots=True)
class SuddenChange:
    """A quantity that left its own past, as sequential detection saw it hour by hour.

    `quantity` is `level:`, `nulls:`, `repeats:` or `unusual:` and a column, or answer, loss, slope
    (of the label's error on the answer), or the loss of a segment. It began about `onset` and was
    sure at `seen`; `columns` are those that moved, the surest first. `harms` when the loss has
    risen since the onset.
    """

    quantity: str
    columns: tuple[str, ...]
    onset: datetime
    seen: datetime
    rise: bool
    harms: bool = False


@dataclass(frozen=True, slots=True)
class SegmentFinding:
    """A segment in which columns shifted that did not shift over all rows, or in which the loss
    rose: then `performance` is its own. `rows` are the current window's.
    """

    segment: Segment
    rows: int
    shifts: tuple[ColumnShift, ...] = ()
    performance: Performance | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The monitor's finding about one current window, worst columns first."""

    state: VerdictState
    rows: int
    reference_rows: int
    shifts: tuple[ColumnShift, ...] = ()
    problems: tuple[Problem, ...] = ()
    performance: Performance | None = None
    window: Window | None = None
    model: str | None = None
    model_version: str | None = None
    measured_at: datetime | None = None
    sentence: str = ""
    changes: tuple[SuddenChange, ...] = ()  # that were seen since the last look; each alarms without another window
    unreadable: int = 0  # objects of the log and the labels that were left out, because they cannot be read
    segments: tuple[SegmentFinding, ...] = ()  # of `data.segments`, those in which something differs
    expected: ExpectedLoss | None = None  # it alarms beside the verdict, never by it

    @property
    def alarming(self) -> bool:
        """True when this window counts as a hit for the persistence rule."""
        return self.state in (VerdictState.BROKEN, VerdictState.DEGRADED, VerdictState.DRIFTED)

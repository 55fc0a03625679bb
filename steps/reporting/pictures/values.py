"""Values that the pictures draw: one column, or means over parts of the rows, in both windows."""

from dataclasses import dataclass

from modelmedic.steps.contracts.detection import ColumnShift, Problem


@dataclass(frozen=True, slots=True)
class Bins:
    """Shares of the rows (0..1) per bin; `beyond` is the share of each window that lies outside of
    the edges.
    """

    edges: tuple[float, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    beyond: tuple[float, float]


@dataclass(frozen=True, slots=True)
class CodeShare:
    """One value of a column of codes and its shares of the rows, 0..1."""

    label: str
    reference: float
    current: float


@dataclass(frozen=True, slots=True)
class ColumnComparison:
    """One column in both windows. `middles` are the medians, `nulls` the shares of rows without a
    value.
    """

    column: str
    shift: ColumnShift | None = None
    problems: tuple[Problem, ...] = ()
    nulls: tuple[float, float] = (0.0, 0.0)
    middles: tuple[float, float] | None = None
    bins: Bins | None = None
    codes: tuple[CodeShare, ...] = ()
    blamed: bool = False


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its 95 % interval over `rows` rows."""

    value: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True, slots=True)
class GroupMeans:
    """The mean over one part of the rows in both windows; None where there are too few labels."""

    label: str
    reference: Mean | None
    current: Mean | None


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The means over the parts into which a column divides the rows."""

    column: str
    parts: tuple[GroupMeans, ...]

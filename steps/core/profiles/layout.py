"""The layout by which a window's columns are counted: fixed by the reference, so that the counts of
any two windows merge and compare.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from modelmedic.steps.contracts.detection import Segment
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.arrays import LARGEST, Floats, distinct, quantiles

BINS = 1024
_SEGMENT_BINS = 256  # of a number within a segment, which has fewer rows
_OUTER = (0.0005, 0.9995)  # quantiles of the sample
_EXACT = 2.0**50  # up to it, halves are numbers of their own
_WIDE = 3.0  # a range of more than so many times the span between them is not covered by bins


@dataclass(frozen=True, slots=True)
class NumberAxis:
    """`bins` equal half-open bins over `[low, high)`. Values outside are counted by their leading
    bits, see `profile`.
    """

    low: float
    high: float
    bins: int

    @property
    def width(self) -> float:
        return (self.high - self.low) / self.bins

    @property
    def centres(self) -> Floats:
        return np.asarray(self.low + self.width * (np.arange(self.bins) + 0.5))


@dataclass(frozen=True, slots=True)
class SegmentColumn:
    """A column whose segments are counted each by itself: those of a code's `values`, of a number's
    `levels`, or of a number's ranges between `edges`.
    """

    column: str
    values: tuple[str, ...]
    levels: tuple[float, ...] = ()
    edges: tuple[float, ...] = ()

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(Segment(self.column, value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that count as numbers, those that count as codes, and the names of prediction,
    target and time.
    """

    numbers: Mapping[str, NumberAxis] = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    prediction: str | None = None  # among numbers as well
    target: str | None = None
    time: str | None = None
    task: Task | None = None
    words: tuple[str, str] | None = None  # a target or prediction in two words: the negative one, the positive one
    loss_unit: float = 1.0  # losses are summed as whole multiples of it / 2^20
    rich: tuple[str, ...] = ()  # numbers with so many values that two equal rows are no accident
    cuts: tuple[SegmentColumn, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.numbers, *self.codes)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Those of all columns that are cut, in their order."""
        return tuple(segment for cut in self.cuts for segment in cut.segments)

    @property
    def within(self) -> "Layout":
        """The layout by which the rows of one segment are counted: for shifts and losses alone."""
        numbers = {
            name: replace(axis, bins=min(axis.bins, _SEGMENT_BINS)) if axis.bins == BINS else axis for name, axis in self.numbers.items()
        }
        return replace(self, numbers=numbers, time=None, rich=(), cuts=())


def number_axis(sample: Floats, bounds: tuple[float, float] | None = None) -> NumberAxis:
    """The axis of a column of which `sample` is known and, if given, the least and largest value
    that the file states.
    """
    known = sample[np.abs(sample) < LARGEST]
    if not len(known):
        return NumberAxis(-1.0, 1.0, 2)
    least, most = (float(v) for v in (known.min(), known.max()))
    if bounds is not None and (np.abs(bounds) < LARGEST).all():
        least, most = min(least, bounds[0]), max(most, bounds[1])
    if np.all(known == np.rint(known)) and most - least < BINS // 2 and max(-least, most) < _EXACT:
        return _whole(least, most)
    low, high = (float(q) for q in quantiles(known, _OUTER))
    if high > low and most - least > _WIDE * (high - low):  # long tails would leave the bulk too few bins
        least, most = low, high
    pad = 0.25 * (most - least) or max(abs(least) * 1e-6, 1e-9)
    pad = max(pad, 1e-12 * max(-least, most))  # near 2^63 neighbours are a thousand apart
    return NumberAxis(least - pad, most + pad, BINS)


def _whole(least: float, most: float) -> NumberAxis:
    """One bin for each whole number, and some beside them."""
    pad = max(2, int(most - least) // 4)
    return NumberAxis(least - pad - 0.5, most + pad + 0.5, int(most - least) + 2 * pad + 1)


def is_rich(sample: Floats) -> bool:
    known = sample[np.isfinite(sample)][:5000]
    return len(known) >= 100 and len(distinct(known)[0]) > 0.9 * len(known)

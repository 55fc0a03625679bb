"""The parts of the rows in which the served version loses far more, though all rows together may
not show it: sums by segment, added to at each look.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.comparison import SegmentLosses
from modelmedic.steps.contracts.detection import Segment
from modelmedic.steps.core.comparison.rise import Rise, as_rise, least_share, shares
from modelmedic.steps.core.tables.arrays import Floats

_LEAST_ROWS = 60
_ALL_OF_IT, _MOST_OF_ROWS, _LEAST_NAMED = 0.9, 0.6, 20  # of the rise; a share of the rows, and rows, of a segment that explains it
_MOST_CODES = 30  # of a column: those with the most rows at the first look


@dataclass(frozen=True, slots=True)
class SegmentRise:
    segment: Segment
    rise: Rise


def with_rows(
    known: Sequence[SegmentLosses], columns: Mapping[str, npt.NDArray[np.object_]], starts: Floats, served: Floats, other: Floats
) -> tuple[SegmentLosses, ...]:
    """The sums with these rows added; `starts` says for each row when its block of time began, in
    seconds since 1970. Shapes (n,). Codes that are new after the first look are left out.
    """
    texts = {name: np.asarray(["null" if value is None else str(value) for value in values]) for name, values in columns.items()}
    return tuple(_added(each, texts.get(each.segment.column), starts, served, other) for each in known or _segments(texts))


def _segments(texts: Mapping[str, npt.NDArray[np.str_]]) -> Iterator[SegmentLosses]:
    for name, values in texts.items():
        codes, counts = np.unique(values, return_counts=True)
        for code in codes[np.argsort(-counts)][:_MOST_CODES]:
            yield SegmentLosses(Segment(name, str(code)))


def _added(sums: SegmentLosses, texts: npt.NDArray[np.str_] | None, starts: Floats, served: Floats, other: Floats) -> SegmentLosses:
    inside = np.flatnonzero(texts == sums.segment.value) if texts is not None else np.empty(0, dtype=np.int64)
    for start in np.unique(starts[inside]):
        rows = inside[starts[inside] == start]
        begun = datetime.fromtimestamp(start, UTC)
        sums = sums if sums.open == begun else replace(_closed(sums), open=begun)
        more, base = float(served[rows].sum()), float(other[rows].sum())
        sums = replace(sums, rows=sums.rows + len(rows), open_served=sums.open_served + more, open_other=sums.open_other + base)
    return sums


def _closed(sums: SegmentLosses) -> SegmentLosses:
    """The sums with their open block counted."""
    if sums.open is None:
        return sums
    share = float(shares(np.array([sums.open_served]), np.array([sums.open_other]))[0])
    return replace(
        sums,
        blocks=sums.blocks + 1,
        served=sums.served + sums.open_served,
        other=sums.other + sums.open_other,
        shares=sums.shares + share,
        squares=sums.squares + share**2,
        open=None,
        open_served=0.0,
        open_other=0.0,
    )


def worst_segment(segments: Iterable[SegmentLosses], *, error: float, far: float, margin: float) -> SegmentRise | None:
    """The segment whose loss rose by `far` (a share) or more, and by over `margin` on a typical
    block, with the highest bound. `error` holds for all segments together.
    """
    every = [_closed(each) for each in segments]
    rises = [(each.segment, _rise(each, error / len(every))) for each in every if each.rows >= _LEAST_ROWS]
    found = [SegmentRise(segment, rise) for segment, rise in rises if rise is not None and rise.value >= far and rise.least > margin]
    return max(found, key=lambda each: each.rise.least, default=None)


def sole_segment(segments: Iterable[SegmentLosses]) -> Segment | None:
    """The segment that holds (nearly) all of a rise of the loss that is proved already; None where
    others share it.
    """
    every = [_closed(each) for each in segments]
    rows = {name: sum(each.rows for each in every if each.segment.column == name) for name in {each.segment.column for each in every}}
    total = {name: sum(each.served - each.other for each in every if each.segment.column == name) for name in rows}
    found = [
        each
        for each in every
        if _LEAST_NAMED <= each.rows <= _MOST_OF_ROWS * rows[each.segment.column]
        and each.served - each.other >= _ALL_OF_IT * total[each.segment.column] > 0
    ]
    return min(found, key=lambda each: each.rows).segment if found else None


def _rise(sums: SegmentLosses, error: float) -> Rise | None:
    """As rise.rise_at_once, from sums."""
    least = least_share(sums.blocks, sums.shares, sums.squares, error) if sums.other > 0 else None
    return Rise(sums.served / sums.other - 1, as_rise(least)) if least is not None else None

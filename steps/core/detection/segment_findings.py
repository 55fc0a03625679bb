"""Segments in which a column shifted or the loss rose, though the window as a whole need not show
it: half a deviation in one row of twenty moves the whole column by a fortieth.

The segments together have their own share of the false alarms: their columns' p-values are adjusted
over all columns of all segments, and the level of the loss is divided by the number of segments. A
column that shifted as a whole is told once, for the whole.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np

from modelmedic.steps.contracts.detection import ColumnShift, Performance, SegmentFinding, Thresholds
from modelmedic.steps.core.detection.loss_rise import LEAST_LABELS, performance
from modelmedic.steps.core.detection.profile_shift import LEAST_EXPECTED, ShiftMeasure, measure_counts, side_by_side
from modelmedic.steps.core.profiles.profile import Codes, Numbers, Profile
from modelmedic.steps.core.tables.probability import benjamini_hochberg

SHARE = 0.5  # of the false alarms, where the layout has segments; the whole window has the rest
_LEAST_REFERENCE, _LEAST_CURRENT = 100, 50  # rows of a segment


def segment_findings(
    reference: Profile, current: Profile, labelled: Profile, thresholds: Thresholds, maturity: float, told: Collection[str]
) -> tuple[SegmentFinding, ...]:
    """The segments with a shift of a column that is not among `told` or with a risen loss, the one
    whose shift is largest over its threshold first.
    """
    shifts = _shifts(reference, current, thresholds, told)
    found = []
    for place, segment in enumerate(reference.layout.segments):
        realised = _risen(reference, labelled, thresholds, maturity, place)
        moved = tuple(sorted(shifts.get(place, ()), key=lambda s: (-s.effect / s.threshold, s.column)))
        if moved or realised:
            found.append(SegmentFinding(segment, current.segments[place].rows, moved, realised))
    return tuple(sorted(found, key=lambda f: (f.performance is None, -max((s.effect / s.threshold for s in f.shifts), default=0.0))))


def of_segment(thresholds: Thresholds, place: int) -> Thresholds:
    """A segment's own thresholds, or the stated ones where none were calibrated."""
    own = thresholds.segments[place] if place < len(thresholds.segments) else replace(thresholds, segments=())
    return replace(own, alpha=thresholds.alpha)


def _shifts(reference: Profile, current: Profile, thresholds: Thresholds, told: Collection[str]) -> dict[int, list[ColumnShift]]:
    measured = list(_measured(reference, current, thresholds, told))
    adjusted = benjamini_hochberg(np.array([one.p_value for *_, one in measured]))
    found: dict[int, list[ColumnShift]] = {}
    for (place, name, one), p_value in zip(measured, adjusted, strict=True):
        own = of_segment(thresholds, place)
        threshold = own.effect.get(name, own.default_effect)
        if p_value < thresholds.alpha and one.effect >= threshold:
            found.setdefault(place, []).append(ColumnShift(name, one.statistic, one.effect, float(p_value), threshold, True))
    return found


def _measured(
    reference: Profile, current: Profile, thresholds: Thresholds, told: Collection[str]
) -> Iterator[tuple[int, str, ShiftMeasure]]:
    for place, segment in enumerate(reference.layout.segments):
        before, after = reference.segments[place], current.segments[place]
        if before.rows < _LEAST_REFERENCE or after.rows < _LEAST_CURRENT:
            continue
        design = of_segment(thresholds, place).design
        for name in before.columns.keys() & after.columns.keys() - {segment.column, *told, *after.retyped}:
            was, now, alike = before.columns[name], after.columns[name], design.get(name, 1.0)
            if _enough(was, now, alike):
                yield place, name, measure_counts(was, now, alike)


def _enough(before: Numbers | Codes, after: Numbers | Codes, design: float) -> bool:
    """False of a number that one value nearly fills: the few others, such as the hours of rain in a
    north wind, may all be one event (Cochran's rule for the cell that they are together).
    """
    if not isinstance(before, Numbers) or not isinstance(after, Numbers):
        return True
    _, was, now = side_by_side(before, after)
    other = 1 - float((was + now).max(initial=0.0)) / max(float((was + now).sum()), 1.0)
    return other * float(now.sum()) / max(design, 1.0) >= LEAST_EXPECTED


def _risen(reference: Profile, labelled: Profile, thresholds: Thresholds, maturity: float, place: int) -> Performance | None:
    before, after = reference.segments[place], labelled.segments[place]
    if before.rows < _LEAST_REFERENCE:
        return None
    own = of_segment(thresholds, place)
    if after.losses.rows < LEAST_LABELS * own.loss_design:
        return None
    realised = performance(before, after, replace(own, alpha=own.alpha / len(reference.segments)), maturity)
    return realised if realised is not None and realised.degraded else None

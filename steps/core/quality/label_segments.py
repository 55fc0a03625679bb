"""The one segment in which the labels have let go of what the inputs let expect, while all other
rows err as ever: labels that were mixed among the rows of one source.

Learnt on six real streams as they are (births, demand, rain, bikes, seoul, air; 168 windows), where
it finds nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from modelmedic.steps.contracts.detection import Segment
from modelmedic.steps.core.quality.claims import Court
from modelmedic.steps.core.quality.given import Errors, as_numbers, within
from modelmedic.steps.core.quality.past import Past
from modelmedic.steps.core.tables.arrays import Floats, Mask

_LEAST_ROWS, _LEAST_BEFORE, _LEAST_OF_BLOCK = 25, 100, 15
_MOST_OF_ROWS = 0.6
_HELD = 8.0  # standard errors of the usual slope: elsewhere there is no hold to lose
_GONE, _GONE_Z = 0.3, 3.5  # of the usual slope, and standard errors below it
_GROWN, _ELSEWHERE = 1.3, 1.5  # of the mean squared error inside, and of its growth beside that outside
_FOLLOWS = 3.5  # standard errors of a rank correlation: the labels follow some input, so that a law has turned


@dataclass(frozen=True)
class TornSegment:
    """`lost`: the share of the inputs' usual hold on the labels that is gone there; `z`: by how
    many standard errors.
    """

    segment: Segment
    lost: float
    z: float


def torn_segment(court: Court, full: Errors) -> TornSegment | None:
    """The segment of which the labels follow nothing any more, the clearest if there are
    several.
    """
    found = [torn for name, value, inside in _segments(court, full) if (torn := _torn(court, full, name, value, inside)) is not None]
    return max(found, key=lambda torn: torn.z, default=None)


def _segments(court: Court, full: Errors) -> Iterator[tuple[str, str, tuple[Mask, Mask]]]:
    """Codes with enough rows in both windows, not of the clock: a day may be unlike others."""
    for cut in court.past.lore.segmenting:
        if cut.name in court.clock.phases:
            continue
        for number, value in enumerate(cut.cells.names[:-1]):
            inside = cut.cells.reference == number, cut.cells.current == number
            before, now = inside[0][full.places], inside[1][full.rows]
            if (
                _LEAST_ROWS <= now.sum() <= _MOST_OF_ROWS * len(now)
                and before.sum() >= _LEAST_BEFORE
                and np.count_nonzero(np.diff(now)) > 2
            ):
                yield cut.name, value, inside


def _torn(court: Court, full: Errors, name: str, value: str, inside: tuple[Mask, Mask]) -> TornSegment | None:
    part, rest = within(full, inside), within(full, (~inside[0], ~inside[1]))
    usual, its = _slope(part.truth[0], part.past)
    now, error = _slope(part.truth[1], part.current)
    grown, elsewhere = _growth(part), _growth(rest)
    if usual < _HELD * its or grown < _GROWN or grown < _ELSEWHERE * elsewhere:
        return None
    z = (usual - now) / max(error, 1e-9)
    if now > _GONE * usual or z < _GONE_Z or now + error > _least(court.past, part) or _follows(court, part):
        return None
    return TornSegment(Segment(name, value), 1 - now / usual, z)


def _slope(truth: Floats, left: Floats) -> tuple[float, float]:
    """The slope of the labels on their expectation, with its standard error."""
    expected = truth - left
    centred, apart = expected - expected.mean(), truth - truth.mean()
    length = max(float(centred @ centred), 1e-9)
    slope = float(centred @ apart) / length
    rest = apart - slope * centred
    return slope, float(np.sqrt(rest @ rest / max(len(truth) - 2, 1) / length))


def _growth(part: Errors) -> float:
    return float((part.current**2).mean()) / max(float((part.past**2).mean()), 1e-12)


def _least(past: Past, part: Errors) -> float:
    """The least slope of any block of the past that has rows enough of the segment."""
    blocks = [part.block == number for number in range(past.blocks)]
    slopes = [_slope(part.truth[0][rows], part.past[rows])[0] for rows in blocks if rows.sum() >= _LEAST_OF_BLOCK]
    return min(slopes, default=np.inf)


def _follows(court: Court, part: Errors) -> bool:
    """True when the labels of the segment go with any input."""
    labels = np.argsort(np.argsort(part.truth[1]))
    for column in court.features:
        values = as_numbers(column)[1][part.rows]
        if np.isfinite(values).all() and np.ptp(values) > 0:
            together = float(np.corrcoef(np.argsort(np.argsort(values)), labels)[0, 1])
            if abs(together) * np.sqrt(len(labels)) > _FOLLOWS:
                return True
    return False

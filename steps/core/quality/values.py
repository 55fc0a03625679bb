"""Problems of single values: stuck sensors, defaults, saturation, spikes, lost decimals, shifted
hours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modelmedic.steps.contracts.detection import Problem, ProblemKind
from modelmedic.steps.core.quality.conversions import FACTORS, find_conversion
from modelmedic.steps.core.tables.arrays import Floats, Integers, runs
from modelmedic.steps.core.tables.pairing import FEW

_LEAST_GAIN = 0.02  # share of the rows by which one value must have gained
_LEAST_ROWS = 40
_LEAST_DIFFERENT = 25  # values that a unit can be told from
_USUAL_SHARE = 0.7  # of the reference's rows: a value that most of them have may fill a quiet window
_UNUSUAL = 3.0  # times the reference's own largest pile


@dataclass(frozen=True)
class _Sample:
    """A window's finite values, ascending."""

    values: Floats

    @cached_property
    def lattice(self) -> tuple[Floats, Integers]:
        """The different values and the count of each."""
        return runs(self.values)


def number_problems(name: str, old: Floats, new: Floats) -> Iterator[Problem]:
    """At most one problem of one number's finite values, both ascending; earlier checks explain
    later ones.
    """
    if min(len(old), len(new)) < _LEAST_ROWS:
        return
    reference, current = _Sample(old), _Sample(new)
    for check in (_lost_decimals, _filled_value, _shifted_hours, _changed_unit, _out_of_range):
        found = check(name, reference, current)
        if found:
            yield found
            return


def _filled_value(name: str, reference: _Sample, current: _Sample) -> Problem | None:
    """One value that gained a share of the rows, where the other values are as they were or the
    column never had piles.
    """
    old, new = reference.values, current.values
    values, counts = current.lattice
    if counts.max() < _LEAST_GAIN * len(new):
        return None
    lattice, before = reference.lattice
    shares = np.zeros(len(values))
    where = np.minimum(np.searchsorted(lattice, values), len(lattice) - 1)
    known = lattice[where] == values
    shares[known] = before[where[known]] / len(old)
    gains = counts / len(new) - shares
    best = int(gains.argmax())
    value, gain, share = float(values[best]), float(gains[best]), float(shares[best])
    error = float(np.sqrt(max(share, 1 / len(old)) / len(old) + (share + gain) / len(new)))
    if len(lattice) < 2 or gain < max(_LEAST_GAIN, 6 * error) or share > 0.3 * (share + gain):
        if len(values) == 1 and share < _USUAL_SHARE and len(lattice) > 1:
            return Problem(ProblemKind.CONSTANT, name, f"column {name} is {value:.6g} in every row", 1.0 - share)
        return None
    if len(lattice) <= FEW and share > 0.005 and share + gain < 0.8:
        return None  # a few whole numbers may be codes, and one of them may become frequent
    if gain < 3 * np.sqrt(1 / len(old) + 1 / len(new)) and share > 0:
        return None
    if gain < _UNUSUAL * _usual_pile(before / len(old)) and not _impossible(lattice, value):
        return None
    smooth = len(lattice) > 0.2 * len(old) and before.max() / len(old) < 0.02
    outside = value < lattice[0] or value > lattice[-1]
    if not (smooth or outside or _rest_unmoved(old, new, value, gain)):
        return None
    return _pile(name, old, new, value, gain)


def _impossible(lattice: Floats, value: float) -> bool:
    """True for a value that is negative where none was, or further outside than the reference is
    wide: a code for "unknown", no reading.
    """
    width = float(lattice[-1] - lattice[0])
    return bool(value < 0 <= lattice[0]) or value < lattice[0] - width or value > lattice[-1] + width


def _usual_pile(shares: Floats) -> float:
    """The largest share that one value of the reference has, without an inflated one such as the
    zeros of a rare event.

    Rows that share a reading (an hour's weather, a day's rate) pile up on any value, and on new
    ones when the reading moves on.
    """
    ordered = np.sort(shares)[::-1]
    inflated = ordered[0] > 0.3 and len(ordered) > 1
    return float(ordered[1] if inflated else ordered[0])


def _rest_unmoved(old: Floats, new: Floats, value: float, gain: float) -> bool:
    old, new = old[old != value], new[new != value]
    if not len(new):
        return True
    if min(len(old), len(new)) < 20:
        return False
    grid = np.concatenate([old[:: max(len(old) // 100, 1)], new[:: max(len(new) // 100, 1)]])
    gap = np.abs(np.searchsorted(old, grid, side="right") / len(old) - np.searchsorted(new, grid, side="right") / len(new)).max()
    return float(gap) < max(1.5 * float(np.sqrt(1 / len(old) + 1 / len(new))), 0.1 * gain)


def _bulk_unmoved(old: Floats, new: Floats) -> bool:
    if not len(new):
        return True
    grid = old[:: max(len(old) // 100, 1)]
    gap = np.abs(np.searchsorted(old, grid, side="right") / len(old) - np.searchsorted(new, grid, side="right") / len(new)).max()
    return float(gap) < 0.02 + 1.7 * float(np.sqrt(1 / len(old) + 1 / len(new)))


def _pile(name: str, old: Floats, new: Floats, value: float, gain: float) -> Problem:
    at_end = value in (new[0], new[-1])
    cut = float((old > value).mean() if value == new[-1] else (old < value).mean()) if at_end else 0.0
    if at_end and 0.6 * gain < cut < 1.4 * gain + 0.01 and gain < 0.95:
        return Problem(ProblemKind.CLIPPED, name, f"column {name} is cut off at {value:.6g}, where {gain:.0%} of its rows now stand", gain)
    if gain > 0.3:
        return Problem(ProblemKind.CONSTANT, name, f"column {name} is stuck at {value:.6g} in {gain:.0%} of the rows", gain)
    return Problem(ProblemKind.DEFAULT_VALUE, name, f"column {name} is filled with {value:.6g} in {gain:.0%} of the rows", gain)


def _shifted_hours(name: str, reference: _Sample, current: _Sample) -> Problem | None:
    """Whole numbers of 0 to 23 that were moved round the clock: another time zone."""
    old, new = reference.values, current.values
    if min(len(old), len(new)) < 500 or old[0] < 0 or old[-1] > 23 or old[-1] < 13 or new[0] < 0 or new[-1] > 23:
        return None
    if len(reference.lattice[0]) < 8:
        return None
    if (old != np.floor(old)).any() or (new != np.floor(new)).any():
        return None
    before, after = (np.bincount(v.astype(np.int64), minlength=24) / len(v) for v in (old, new))
    gap = np.abs(before - after).sum() / 2
    turns = [np.abs(np.roll(before, k) - after).sum() / 2 for k in range(24)]
    best = int(np.argmin(turns))
    noise = 2 * np.sqrt(24 / min(len(old), len(new)) / 4)
    if best == 0 or gap < 0.08 or turns[best] > max(0.25 * gap, min(noise, 0.5 * gap)):
        return None
    ahead = best if best <= 12 else best - 24
    return Problem(ProblemKind.REMAPPED, name, f"column {name} is {ahead:+d} hours from where it was: another time zone", 1.0)


def _changed_unit(name: str, reference: _Sample, current: _Sample) -> Problem | None:
    words, share = _levels_converted(reference, current)
    if not words:
        words, share, _ = find_conversion(*(_without_pile(reference, sample) for sample in (reference, current)))
    if not words:
        return None
    whole = share > 0.9
    sentence = f"column {name} looks {words}{'' if whole else f' in {share:.0%} of the rows'}: a unit has changed"
    return Problem(ProblemKind.UNIT_CHANGE, name, sentence, 1.0 if whole else share)


def _levels_converted(reference: _Sample, current: _Sample) -> tuple[str, float]:
    """A few whole numbers that are whole no more until a factor is taken out."""
    lattice, new = reference.lattice[0], current.values
    if len(lattice) > FEW or len(lattice) < 3 or (lattice != np.floor(lattice)).any():
        return "", 0.0
    strange = new[~np.isin(new, lattice)]
    if len(strange) < max(20, 0.04 * len(new)) or len(np.unique(strange)) < 3:
        return "", 0.0
    for words, back in _undone(strange):
        if np.isin(np.round(back, 6), lattice).mean() > 0.97:
            return words, len(strange) / max(float((new != 0).sum()), 1.0)
    return "", 0.0


def _undone(values: Floats) -> Iterator[tuple[str, Floats]]:
    for factor in FACTORS:
        yield f"multiplied by {factor:.6g}", values / factor
        yield f"divided by {factor:.6g}", values * factor
    yield "negated", -values
    yield "converted from °C to °F", (values - 32) / 1.8
    yield "converted to kelvin", values - 273.15


def _without_pile(reference: _Sample, sample: _Sample) -> Floats:
    """The sample without the reference's own pile, such as the zeros of a column that is mostly
    zero, of which no quantile tells a factor.
    """
    lattice, counts = reference.lattice
    pile = counts.argmax()
    rest = _Sample(sample.values[sample.values != lattice[pile]]) if counts[pile] > 0.3 * len(reference.values) else sample
    return rest.values if len(rest.lattice[0]) >= _LEAST_DIFFERENT else rest.values[:0]


def _out_of_range(name: str, reference: _Sample, current: _Sample) -> Problem | None:
    """Values further outside of the reference's range than its bulk is wide."""
    old, new = reference.values, current.values
    low, high = np.quantile(old[:: max(len(old) // 20_000, 1)], [0.005, 0.995])
    width = 1.5 * float(high - low) + _tail(old)
    outside = (new < old[0] - width) | (new > old[-1] + width)
    share = float(outside.mean())
    if width <= 0 or share < 0.003 or outside.sum() < 8 or not _bulk_unmoved(old, new[~outside]):
        return None
    worst = float(new[0] if old[0] - new[0] > new[-1] - old[-1] else new[-1])
    sentence = f"column {name} has values up to {worst:.4g} in {share:.1%} of the rows, the reference had {old[0]:.4g} to {old[-1]:.4g}"
    return Problem(ProblemKind.OUT_OF_RANGE, name, sentence, share)


def _tail(old: Floats) -> float:
    """The distance beyond the reference that a column with heavy tails may reach: rain of a wet
    month is no fault.
    """
    low, middle, high = (float(old[int(q * (len(old) - 1))]) for q in (0.05, 0.5, 0.95))
    reach, bulk = max(float(old[-1]) - middle, middle - float(old[0])), high - low
    return 7.0 * reach if reach > 3.0 * bulk else 0.0


def _lost_decimals(name: str, reference: _Sample, current: _Sample) -> Problem | None:
    old, new = reference.values, current.values
    before, after = (float((v != np.round(v)).mean()) for v in (old, new))
    if before < 0.5 or after > 0.02 or min(len(old), len(new)) < 100 or old[-1] - old[0] < 3:
        return None
    return Problem(ProblemKind.ROUNDED, name, f"column {name} has lost its decimals", 1.0)

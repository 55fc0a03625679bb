"""Changes of unit, in all the rows or in some, by one mixture.

The current distribution function is fitted by F + w (G - F), where F is the reference's and G the
reference's after a known conversion; w, by least squares, is the share of the rows that were
converted. A conversion is believed when nothing else is left.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from modelmedic.steps.core.tables.arrays import Floats

FACTORS = (1e9, 1e6, 1e4, 1e3, 3600.0, 100.0, 60.0, 28.3495, 24.0, 12.0, 10.0, 7.0, 4.184, 3.78541, 3.28084, 2.54, 2.20462, 1.60934)
_LEAST_SHARE = 0.04


class Conversion(NamedTuple):
    """A conversion in words, the share of the rows that underwent it, and its size (1 changes
    nothing); without words where there is none.
    """

    words: str = ""
    share: float = 0.0
    size: float = 1.0


def find_conversion(old: Floats, new: Floats) -> Conversion:
    """The conversion that explains how the new sample differs from the old one. Both are sorted and
    finite.
    """
    if not len(old) or not len(new):
        return Conversion()
    noise = float(np.sqrt(1 / len(old) + 1 / len(new)))
    grid = np.unique(np.concatenate([_spread(old), _spread(new)]))
    before, after = _below(old, grid), _below(new, grid)
    gap = float(np.abs(after - before).max())
    if gap < max(1.95 * noise, _LEAST_SHARE) or old[0] == old[-1]:
        return Conversion()
    best, best_left = Conversion(), 1.0
    width = max(float(old[int(0.9 * (len(old) - 1))] - old[int(0.1 * (len(old) - 1))]), 1e-300)
    for words, size, function in _conversions(old, grid):
        direction = function - before
        length = float(direction @ direction)
        if length < 1e-9:
            continue
        share = min(float((after - before) @ direction) / length, 1.0)
        left = float(np.abs(after - before - share * direction).max())
        apart = abs(float(grid[min(int(np.searchsorted(function, 0.5)), len(grid) - 1)]) - float(old[len(old) // 2])) / width
        if share >= _LEAST_SHARE and left < best_left and _clean(left, gap, noise, size, share, apart):
            best, best_left = Conversion(words, share, size), left
    return best


def _clean(left: float, gap: float, noise: float, size: float, share: float, apart: float) -> bool:
    """True when the fit is close enough to believe: a large factor cannot be mistaken; a small one
    is also the size of a plain shift and must fit closely and entirely.

    `apart`: by how many times the column's spread the conversion moves its middle. In a part of the
    rows alone, a conversion that leaves the two parts overlapping may be any shift.
    """
    if size >= 5:
        return (
            left < 1.7 * noise + 0.01 and left < (0.35 if noise < 0.05 else 0.2) * gap and (share > 0.9 or apart > 0.7 or left < 0.1 * gap)
        )
    if share < (0.97 if noise < 0.03 else 0.93):
        return apart > 2 and left < 1.5 * noise + 0.005 and left < 0.15 * gap
    if gap < 0.4 and noise > 0.03:
        return False
    tight = 0.2 if gap > 0.8 else 0.12 if size >= 2 else 0.05
    return left < 1.5 * noise + 0.005 and left < tight * gap


def _conversions(old: Floats, grid: Floats) -> Iterator[tuple[str, float, Floats]]:
    """Every conversion: its words, its size (1 would change nothing), and the distribution function
    after it.
    """
    for factor in FACTORS:
        yield f"multiplied by {factor:.6g}", factor, _below(old, grid / factor)
        yield f"divided by {factor:.6g}", factor, _below(old, grid * factor)
    spread = float(old.std())
    off_centre = abs(float(old.mean())) / spread if spread else 0.0
    yield "negated", 5.0 if off_centre > 1.5 else 2.5, 1 - _below(old, -grid, left=True)
    for words, slope, offset in (("converted from °C to °F", 1.8, 32.0), ("converted to kelvin", 1.0, 273.15)):
        size = 5.0 if spread and offset > 3 * spread else 2.0
        yield words, size, _below(old, (grid - offset) / slope)
        yield f"{words}, the other way round", size, _below(old, grid * slope + offset)
    if old[0] >= 0 and spread:
        yield "replaced by its logarithm", 2.5, _below(np.log1p(old), grid)
        if old[0] > 0:
            yield "replaced by its natural logarithm", 2.5, _below(np.log(old), grid)
    if spread and (off_centre > 1 or not 0.5 < spread < 2):
        yield "standardised", 2.5, _below((old - old.mean()) / spread, grid)
    if old[0] < 0 < old[-1]:
        yield "stripped of its sign", 2.5, _below(np.sort(np.abs(old)), grid)


def _spread(values: Floats) -> Floats:
    """Up to 80 of the sorted values, evenly spread over their ranks."""
    return values[np.linspace(0, len(values) - 1, min(80, len(values))).astype(np.int64)]


def _below(values: Floats, grid: Floats, *, left: bool = False) -> Floats:
    return np.searchsorted(values, grid, side="left" if left else "right") / len(values)

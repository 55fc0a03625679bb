"""What the reference remembers: the value that some quantity had there, given the inputs.

Two forests, each grown on every other row, so that a reference row is always judged by the forest that has not seen it
(cross-fitting, Chernozhukov et al. 2018); a current row by the mean of both.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steps.core.pairing import Column, Floats
from steps.core.trees import binning, grow

Mask = npt.NDArray[np.bool_]
_LEAST_ROWS = 300


def thinned(rows: Mask, most: int) -> Mask:
    """At most so many of the chosen rows, evenly spread over them."""
    chosen = np.flatnonzero(rows)
    if len(chosen) <= most:
        return rows
    kept = np.zeros(len(rows), dtype=bool)
    kept[chosen[np.linspace(0, len(chosen) - 1, most).astype(np.int64)]] = True
    return kept


@dataclass(frozen=True)
class Memory:
    """The remembered value for the chosen rows of both windows, and the share of the reference's variance it explains, 0..1."""

    reference: Floats
    current: Floats
    explained: float


def remember(columns: tuple[Column, ...], values: Floats, rows: tuple[Mask, Mask], rounds: int = 60) -> Memory | None:
    """`values` belong to the reference rows that `rows[0]` selects. None where there is too little to learn from."""
    if len(values) < _LEAST_ROWS or not columns or values.var() == 0:
        return None
    cut = binning(columns, values, rows[0])
    before, after = cut.bins(0, rows[0]), cut.bins(1, rows[1])
    even = np.arange(len(values)) % 2 == 0
    first, second = grow(before[even], values[even], rounds), grow(before[~even], values[~even], rounds)
    known = np.empty(len(values))
    known[even], known[~even] = second.predict(before[even]), first.predict(before[~even])
    explained = 1 - float(((values - known) ** 2).mean() / values.var())
    current = (first.predict(after) + second.predict(after)) / 2
    return Memory(known, current, max(explained, 0.0))

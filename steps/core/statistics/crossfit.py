"""Memories of the reference: the value that some quantity had there, given the inputs.

Two forests, each grown on every other row, so that a reference row is always predicted by the
forest that has not seen it (cross-fitting, Chernozhukov et al. 2018); a current row by the mean of
both.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modelmedic.steps.core.statistics.trees import Binning, Forest, binning, grow
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.pairing import Column

_LEAST_ROWS = 300


def thin_mask(rows: Mask, most: int) -> Mask:
    """The mask thinned to at most `most` of its rows, evenly spread over them."""
    chosen = np.flatnonzero(rows)
    if len(chosen) <= most:
        return rows
    kept = np.zeros(len(rows), dtype=bool)
    kept[chosen[np.linspace(0, len(chosen) - 1, most).astype(np.int64)]] = True
    return kept


@dataclass(frozen=True)
class Memory:
    """The remembered value for the chosen rows of both windows, and the share of the reference's
    variance that it explains, 0..1.
    """

    reference: Floats
    explained: float
    forests: tuple[Forest, Forest]
    cut: Binning
    rows: Mask

    @cached_property
    def current(self) -> Floats:
        """The current rows' values, predicted on first use because many a memory explains too
        little to be used.
        """
        bins = self.cut.bins(1, self.rows)
        return (self.forests[0].predict(bins) + self.forests[1].predict(bins)) / 2


def remember(
    columns: tuple[Column, ...], values: Floats, rows: tuple[Mask, Mask], rounds: int = 60, least: int = _LEAST_ROWS
) -> Memory | None:
    """Fit the memory; `values` belong to the reference rows that `rows[0]` selects. None where
    there is too little to learn from.
    """
    if len(values) < least or not columns or values.var() == 0:
        return None
    cut = binning(columns, values, rows[0])
    bins = cut.bins(0, rows[0])
    even, odd = (np.ascontiguousarray(bins[:, start::2]) for start in (0, 1))
    first, second = grow(even, values[::2], rounds), grow(odd, values[1::2], rounds)
    known = np.empty(len(values))
    known[::2], known[1::2] = second.predict(even), first.predict(odd)
    explained = 1 - float(((values - known) ** 2).mean() / values.var())
    return Memory(known, max(explained, 0.0), (first, second), cut, rows[1])

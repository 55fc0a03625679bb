"""The sentence on a change of residuals: by how much labels lie above or below what was predicted,
and over which values of a column most of it.
"""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from modelmedic.steps.core.statistics.residuals import LabelledRows, masked_cells
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.pairing import Cells, Column

_MOST_NAMED: Final = 6  # cells of one sign
_NAMED_SHARE: Final = 0.6  # of that sign's sum, which the named cells hold
_LEAST_CELL: Final = 20  # labelled rows in both windows before a cell counts
_ONE_SIDED: Final = 0.5  # of all changes, on one side: then the sum says more than the two sides
_BIN: Final = re.compile(r"\[(?P<low>[^,]+), (?P<high>[^)]+)\)|(?P<level>-?[0-9.]+)")  # as a number's cells are named


def residual_sentence(column: Column, rows: LabelledRows) -> str:
    """`labels are 112 above predictions, most where hour is from 7 to 9 and from 17 to 19`. The
    predictions are those that the reference lets expect.
    """
    excess, names = _excess(column.cells, rows), column.cells.names
    total, moved, numeric = float(excess.sum()), float(np.abs(excess).sum()), column.numeric
    if abs(total) >= _ONE_SIDED * moved:
        way, most = "above" if total > 0 else "below", _where(names, excess * np.sign(total), numeric=numeric)
        return f"labels are {_number(total)} {way} predictions in sum, most where {column.name} is {most}"
    over, under = float(excess[excess > 0].sum()), float(excess[excess < 0].sum())
    first = f"labels are {_number(over)} above predictions in sum, most where {column.name} is {_where(names, excess, numeric=numeric)}"
    return f"{first}, and {_number(under)} below, most where it is {_where(names, -excess, numeric=numeric)}"


def _excess(cells: Cells, rows: LabelledRows) -> Floats:
    """The sum of the residuals in each cell of the current window, less what the reference's mean
    there would give; 0 where either window has too few rows.
    """
    many = len(cells.names)
    before, after = (masked_cells(w, mask) for w, mask in zip((cells.reference, cells.current), rows.masks, strict=True))
    sizes = np.bincount(before, minlength=many), np.bincount(after, minlength=many)
    sums = np.bincount(before, rows.residual[0], many), np.bincount(after, rows.residual[1], many)
    enough = (sizes[0] >= _LEAST_CELL) & (sizes[1] >= _LEAST_CELL)
    return np.where(enough, sums[1] - sizes[1] * sums[0] / np.maximum(sizes[0], 1), 0.0)


def _where(names: Sequence[str], excess: Floats, *, numeric: bool) -> str:
    """The cells that hold most of the positive part, those side by side as one span."""
    ranked = [int(each) for each in np.argsort(-excess) if excess[each] > 0]
    wanted, chosen = _NAMED_SHARE * float(excess[excess > 0].sum()), list[int]()
    for cell in ranked[:_MOST_NAMED]:
        if sum(excess[each] for each in chosen) < wanted:
            chosen.append(cell)
    spans = [_spelt(names[first], names[last]) for first, last in _runs(sorted(chosen), names, numeric=numeric)]
    return " and ".join(spans) if len(spans) < 3 else f"{', '.join(spans[:-1])} and {spans[-1]}"


def _runs(cells: Sequence[int], names: Sequence[str], *, numeric: bool) -> list[tuple[int, int]]:
    """First and last cell of each run of neighbouring bins; a code stands alone."""
    runs: list[tuple[int, int]] = []
    for cell in cells:
        if numeric and runs and runs[-1][1] == cell - 1 and _BIN.fullmatch(names[cell]):
            runs[-1] = (runs[-1][0], cell)
        else:
            runs.append((cell, cell))
    return runs


def _spelt(first: str, last: str) -> str:
    low, high = _BIN.fullmatch(first), _BIN.fullmatch(last)
    if low is None or high is None or (first == last and low["level"]):
        return "missing" if first == "null" else first
    begin, end = low["level"] or low["low"], high["level"] or high["high"]
    if begin == "-inf":
        return "any number" if end == "inf" else f"below {end}"
    return f"{begin} or more" if end == "inf" else f"from {begin} to {end}"


def _number(value: float) -> str:
    size = abs(value)
    return f"{size:,.0f}" if size >= 10 else f"{size:.2g}"

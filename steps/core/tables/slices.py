"""The slices of a column in which the slice gates compare a challenger: each code, or each quarter
of a number's range.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_PARTS = 4


@dataclass(frozen=True)
class Slice:
    """A named part of the rows; `rows` is a mask over all of them."""

    name: str
    rows: npt.NDArray[np.bool_]


def slices(column: str, values: npt.NDArray[np.generic]) -> Iterator[Slice]:
    """The slices of one column; nulls are a slice of their own."""
    if values.dtype == object:
        yield from _codes(column, values)
    else:
        yield from _quarters(column, np.asarray(values, dtype=np.float64))


def rows_inside(values: npt.NDArray[np.generic], value: str) -> npt.NDArray[np.bool_]:
    """The mask of a diagnosis's segment: a code, or a numeric region written `[low, high)`."""
    if values.dtype == object:
        return np.asarray([text is not None and str(text) == value for text in values], dtype=bool)
    numbers = np.asarray(values, dtype=np.float64)
    low, _, high = value.strip("[)( ]").partition(",")
    try:
        return np.asarray((numbers >= float(low)) & (numbers < float(high)))
    except ValueError:
        return np.zeros(len(numbers), dtype=bool)


def _codes(column: str, values: npt.NDArray[np.generic]) -> Iterator[Slice]:
    texts = np.asarray(["null" if value is None else str(value) for value in values], dtype=object)
    for name in sorted(set(texts)):
        yield Slice(f"{column} {name}", np.asarray(texts == name, dtype=bool))


def _quarters(column: str, values: npt.NDArray[np.float64]) -> Iterator[Slice]:
    known = np.isfinite(values)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, _PARTS + 1)[1:-1])) if known.any() else np.empty(0)
    part = np.searchsorted(edges, values, side="right")
    bounds = ["-inf", *(f"{edge:.4g}" for edge in edges), "inf"]
    for number in range(len(edges) + 1):
        yield Slice(f"{column} [{bounds[number]}, {bounds[number + 1]})", known & (part == number))
    yield Slice(f"{column} null", ~known)

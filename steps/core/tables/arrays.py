"""Array types and a few array functions that a verdict can afford to import.

A verdict is short enough for imports to count: pyarrow's own `to_numpy` imports pandas, its compute
functions take longer to import than a small file to judge, and numpy's `unique` and `quantile`
import numpy.ma.
"""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_FLOATS = {"halffloat": "float16", "float": "float32", "double": "float64"}  # Arrow's names of what numpy calls by its bits


LARGEST = 1e150  # no quantity is as large; what is larger, such as the 1.8e308 that some programs write for "none", counts as infinite
_INDEX = re.compile(r"|__index_level_\d+__|Unnamed: \d+")


def is_index(name: str) -> bool:
    """True for the names under which pandas writes and reads back a table's index, which is no
    feature.
    """
    return bool(_INDEX.fullmatch(name))


def quantities(values: Floats) -> Floats:
    """The values, with infinity for what is beyond LARGEST, so that nothing worked out from the
    others overflows.
    """
    far = np.abs(values) >= LARGEST
    return np.where(far, np.copysign(np.inf, values), values) if far.any() else values


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values behind a dictionary or an extension."""
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    return plain_type(kind.value_type) if pa.types.is_dictionary(kind) else kind


def plain(array: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The array without what only wraps its values: a dictionary's codes, an extension's name, a
    longer or shorter way to lay texts and decimals out.
    """
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        stored = [part.storage for part in array.chunks] if isinstance(array, pa.ChunkedArray) else array.storage
        return plain(pa.chunked_array(stored, kind.storage_type) if isinstance(array, pa.ChunkedArray) else stored)
    if pa.types.is_dictionary(kind):
        decoded = [part.dictionary_decode() for part in array.chunks] if isinstance(array, pa.ChunkedArray) else array.dictionary_decode()
        return plain(pa.chunked_array(decoded, kind.value_type) if isinstance(array, pa.ChunkedArray) else decoded)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return compute().cast(array, pa.string())
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return compute().cast(array, pa.float64(), safe=False)
    return array


def listed(array: pa.Array) -> list[Any]:
    """The values as Python's; all None where Python has no such value, as a year 300,000."""
    try:
        return list(array.to_pylist())
    except (OverflowError, ValueError):
        return [None] * len(array)


def as_numpy(array: pa.Array) -> npt.NDArray[Any]:
    """The values of an array of numbers that has no nulls, without a copy."""
    if not len(array):
        named = str(array.type)
        return np.empty(0, dtype=_FLOATS.get(named, named))
    return np.asarray(np.from_dlpack(array))


def compute() -> Any:
    """pyarrow.compute, imported when something has to be computed."""
    import pyarrow.compute

    return pyarrow.compute


def distinct(values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The different values, ascending, and the count of each; the values hold no NaN."""
    return runs(np.sort(values))


def runs(held: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """`distinct` of values that are sorted already."""
    first = np.ones(len(held), dtype=bool)
    np.not_equal(held[1:], held[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    return held[starts], np.diff(starts, append=len(held))


def quantiles(values: npt.NDArray[np.float64], shares: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Quantiles, linear between order statistics (Hyndman and Fan's seventh definition), as numpy
    computes them; `values` has at least one finite value.
    """
    held = np.sort(values)
    return np.asarray(np.interp(np.asarray(shares) * (len(held) - 1), np.arange(len(held)), held))

"""A column's values as numbers or as texts, whatever Arrow type holds them."""

import numpy as np
import pyarrow as pa

from modelmedic.steps.core.tables.arrays import Floats, as_numpy, compute, listed, plain, quantities


def numbers(array: pa.Array) -> Floats | None:
    """The values that are not null as float64 (NaN may be among them), or None when the array holds
    no numbers.
    """
    array = plain(array)
    kind = array.type
    if pa.types.is_null(kind):
        return np.empty(0)
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind)):
        return None
    if array.null_count:
        array = array.drop_null()
    if pa.types.is_boolean(kind):
        array = compute().cast(array, pa.uint8())
    if kind != pa.float64():
        array = compute().cast(array, pa.float64(), safe=False)
    return as_numpy(array)


def aligned_floats(array: pa.Array, words: tuple[str, str] | None = None) -> Floats:
    """One float64 per row, NaN for null and for a value that is no number; two words become 0 and
    1.
    """
    if words and numbers(array) is None:
        return words_as_numbers(array, words, aligned=True)
    array = plain(array)
    if numbers(array.slice(0, 0)) is None:
        return np.full(len(array), np.nan)
    if pa.types.is_boolean(array.type):
        array = compute().cast(array, pa.uint8())
    return quantities(as_numpy(compute().fill_null(compute().cast(array, pa.float64(), safe=False), np.nan)))


def words_as_numbers(array: pa.Array, words: tuple[str, str], *, aligned: bool = False) -> Floats:
    place = compute().cast(compute().index_in(pa.array(texts(array), pa.string()), value_set=pa.array(words)), pa.float64())
    return as_numpy(compute().fill_null(place, np.nan) if aligned else place.drop_null())


def texts(array: pa.Array) -> list[str | None]:
    array = plain(array)
    if pa.types.is_string(array.type):
        known: list[str | None] = array.to_pylist()
        return known
    try:
        found: list[str | None] = compute().cast(array, pa.string()).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        found = [None if value is None else str(value) for value in listed(array)]
    return found

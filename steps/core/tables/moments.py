"""Times in any spelling, read as moments in UTC."""

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.core.tables.arrays import compute, plain

MOMENT = pa.timestamp("us", tz="UTC")
_FIRST, _LAST = datetime(1678, 1, 1, tzinfo=UTC), datetime(2262, 1, 1, tzinfo=UTC)
_FARTHEST = 9.3e15  # µs from 1970, in which both lie
_UNITS = {"D": 86_400e6, "s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}  # µs
_EPOCH_UNITS = ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1))  # numbers below each bound count seconds, ms, µs; above, ns


def moments(array: pa.Array) -> pa.Array:
    """Times in UTC, µs, from any spelling: timestamps and ISO texts without a zone are UTC, numbers
    count since 1970 in s, ms, µs or ns.

    A value that is none of these is null, and so is one before 1678 or after 2261, which pandas
    cannot hold either: it is somebody's word for "never", or a fault.
    """
    array = plain(array)
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return _near(_since(array))
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        return _near(_since_1970(compute().cast(array, pa.float64(), safe=False)))
    if pa.types.is_string(array.type):
        return _near(_parse(array))
    return pa.nulls(len(array), MOMENT)


def _since(array: pa.Array) -> pa.Array:
    """Timestamps and dates, whose unit may reach farther than µs do."""
    to = pa.timestamp("us", tz=getattr(array.type, "tz", None))
    unit = _UNITS["D" if pa.types.is_date32(array.type) else "ms" if pa.types.is_date64(array.type) else array.type.unit]
    if unit > 1:
        counts = compute().cast(array, pa.int32() if pa.types.is_date32(array.type) else pa.int64())
        far = compute().greater(compute().abs_checked(compute().cast(counts, pa.float64(), safe=False)), _FARTHEST / unit)
        array = compute().if_else(far, pa.scalar(None, array.type), array)
    return compute().cast(compute().cast(array, to, safe=False), MOMENT)


def _near(found: pa.Array) -> pa.Array:
    low, high = (pa.scalar(bound, MOMENT) for bound in (_FIRST, _LAST))
    inside = compute().and_(compute().greater_equal(found, low), compute().less(found, high))
    return found if compute().all(inside).as_py() is not False else compute().if_else(inside, found, pa.scalar(None, MOMENT))


def microseconds(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """A column of times without nulls as µs since 1970, shape (n,)."""
    return np.asarray(compute().cast(column, pa.int64()).to_numpy(), dtype=np.int64)


def seconds_of(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """The same in seconds."""
    return np.asarray(microseconds(column) / 1e6)


def _since_1970(numbers: pa.Array) -> pa.Array:
    largest = compute().max(compute().abs(numbers)).as_py() or 0.0
    factor = next((factor for bound, factor in _EPOCH_UNITS if largest < bound), 1e-3)
    finite = compute().if_else(compute().less(compute().abs(numbers), 1e19), numbers, None)
    try:
        return compute().cast(compute().cast(compute().multiply(finite, float(factor)), pa.int64(), safe=False), MOMENT)
    except pa.ArrowInvalid:
        return pa.nulls(len(numbers), MOMENT)


def _parse(texts: pa.Array) -> pa.Array:
    for kind in (MOMENT, pa.timestamp("us")):
        try:
            return compute().cast(compute().cast(texts, kind), MOMENT)
        except pa.ArrowInvalid:
            continue
    return pa.array([_moment(text) for text in texts.to_pylist()], MOMENT)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None

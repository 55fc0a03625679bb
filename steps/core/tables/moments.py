"""Times in any spelling, read as moments in UTC."""

from datetime import UTC, datetime

import pyarrow as pa

from modelmedic.steps.core.tables.arrays import compute

MOMENT = pa.timestamp("us", tz="UTC")
_EPOCH_UNITS = ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1))  # numbers below each bound count seconds, ms, µs; above, ns


def moments(array: pa.Array) -> pa.Array:
    """Times in UTC, µs, from any spelling: timestamps and ISO texts without a zone are UTC, numbers
    count since 1970 in s, ms, µs or ns.

    A value that is none of these is null.
    """
    array = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return compute().cast(compute().cast(array, pa.timestamp("us", tz=getattr(array.type, "tz", None)), safe=False), MOMENT)
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        return _since_1970(compute().cast(array, pa.float64(), safe=False))
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return _parse(array)
    return pa.nulls(len(array), MOMENT)


def _since_1970(numbers: pa.Array) -> pa.Array:
    largest = compute().max(compute().abs(numbers)).as_py() or 0.0
    factor = next((factor for bound, factor in _EPOCH_UNITS if largest < bound), 1e-3)
    finite = compute().if_else(compute().is_finite(numbers), numbers, None)
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
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

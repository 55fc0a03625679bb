"""The faults that the demo plants in the year, beside the drift that really happened in 2013."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.window import Window

BROKEN = Window(datetime(2013, 9, 2, tzinfo=UTC), datetime(2013, 9, 30, tzinfo=UTC))
BAD_RELEASE = datetime(2013, 5, 5, tzinfo=UTC)
_KILOMETRES = 1.609344  # in a mile


def as_asked(flights: pa.Table) -> pa.Table:
    """The flights as the requests carry them: in September the weather feed loses half of `temp`,
    and `distance` is in km.
    """
    broken = pc.and_(pc.greater_equal(flights["time_hour"], BROKEN.start), pc.less(flights["time_hour"], BROKEN.end))
    if not pc.any(broken).as_py():
        return flights
    return with_a_broken_feed(flights, broken)


def with_a_broken_feed(flights: pa.Table, broken: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The flights with half of `temp` lost, and `distance` in km, where `broken` is true."""
    lost = pa.array(np.random.default_rng(9).random(flights.num_rows) < 0.5)
    miles = pc.cast(flights["distance"], pa.float64())
    flights = _put(flights, "distance", pc.if_else(broken, pc.multiply(miles, _KILOMETRES), miles))
    return _put(flights, "temp", pc.if_else(pc.and_(broken, lost), pa.scalar(None, pa.float64()), flights["temp"]))


def with_a_sign_error(flights: pa.Table) -> pa.Table:
    """The training data of the bad release, in which an early arrival counts as late."""
    return _put(flights, "delayed", pc.cast(pc.less(flights["arr_delay"], -15), pa.int8()))


def _put(table: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)

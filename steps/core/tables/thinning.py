"""Every k-th row: the one way in which rows are left out where fewer say the same."""

import numpy as np
import pyarrow as pa

from modelmedic.steps.core.tables.arrays import Integers


def evenly(rows: int, most: int) -> Integers:
    """The numbers of `most` rows evenly spread over so many, or of all where there are no more."""
    return np.arange(rows, dtype=np.int64) if rows <= most else np.arange(most, dtype=np.int64) * rows // most


def thin(table: pa.Table, most: int) -> pa.Table:
    """`most` rows evenly spread over the table, or all where it has no more: deterministic, and no
    part of a window is left out.
    """
    if table.num_rows <= most:
        return table
    return table.take(pa.array(evenly(table.num_rows, most)))


def every_kth(table: pa.Table, least: int) -> pa.Table:
    """Every k-th row by the largest whole k that leaves `least` rows or more.

    Not `thin`: kept profiles have the bounds of the rows that this picks.
    """
    step = max(1, table.num_rows // least)
    return table.take(pa.array(np.arange(0, table.num_rows, step))) if step > 1 else table

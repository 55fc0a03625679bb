"""Every k-th row of a table: the one way in which rows are left out where fewer say the same."""

import numpy as np
import pyarrow as pa


def thin(table: pa.Table, most: int) -> pa.Table:
    """`most` rows evenly spread over the table, or all where it has no more: deterministic, and no
    part of a window is left out.
    """
    if table.num_rows <= most:
        return table
    return table.take(pa.array(np.arange(most) * table.num_rows // most))


def every_kth(table: pa.Table, least: int) -> pa.Table:
    """Every k-th row by the largest whole k that leaves `least` rows or more.

    Not `thin`: kept profiles have the bounds of the rows that this picks.
    """
    step = max(1, table.num_rows // least)
    return table.take(pa.array(np.arange(0, table.num_rows, step))) if step > 1 else table

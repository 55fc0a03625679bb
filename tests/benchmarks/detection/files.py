"""Pairs of Parquet files of any size: sixteen numbers (normal, skewed, whole) and four codes, or
numbers alone.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = 20
_GROUP = 1_000_000  # rows of a row group, as pandas and pyarrow write them


def write(path: Path, rows: int, seed: int, *, codes: int = 4, shift: float = 0.0) -> Path:
    """Written piece by piece; `shift` moves the first column by so many standard deviations."""
    random = np.random.default_rng(seed)
    writer: pq.ParquetWriter | None = None
    for start in range(0, rows, _GROUP):
        table = _rows(random, min(_GROUP, rows - start), codes, shift)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return path


def _rows(random: np.random.Generator, rows: int, codes: int, shift: float) -> pa.Table:
    columns = {f"x{i}": _numbers(random, rows, i) for i in range(COLUMNS - codes)}
    columns["x0"] = columns["x0"] + shift
    words = {f"c{i}": random.integers(0, 10 * (i + 1), rows).astype("U3") for i in range(codes)}
    return pa.table({**columns, **words})


def _numbers(random: np.random.Generator, rows: int, number: int) -> np.ndarray:
    if number % 4 == 2:
        return random.lognormal(0, 1.2, rows)
    return random.integers(0, 500, rows).astype(float) if number % 4 == 3 else random.normal(size=rows)

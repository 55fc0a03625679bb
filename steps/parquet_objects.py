"""Parquet objects in the store: opened for streaming, written in one piece."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from steps.contracts.errors import BadInput
from steps.contracts.ports import ObjectStore


@contextmanager
def opened(store: ObjectStore, key: str) -> Iterator[pq.ParquetFile]:
    """Raises NotFound, or BadInput when the object is no Parquet."""
    with store.open(key) as source:
        try:
            with pq.ParquetFile(source) as file:
                yield file
        except pa.ArrowInvalid as error:
            said = str(error).splitlines()[0][:200]
            raise BadInput(f"object {key} cannot be read as Parquet ({said}); expected what the predictor writes") from error


def encoded(table: pa.Table) -> bytes:
    """The table as one Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())

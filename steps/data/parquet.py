"""Parquet objects in the store: opened for streaming, fetched whole, written in one piece."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.ports import Blob, ObjectStore

_AHEAD = 32 << 20  # bytes that may be fetched before they are asked for


@contextmanager
def opened(store: ObjectStore, key: str) -> Iterator[pq.ParquetFile]:
    """Raises NotFound, or BadInput when the object is no Parquet."""
    with store.open(key) as source:
        try:
            with pq.ParquetFile(source) as file:
                yield file
        except pa.ArrowException as error:
            raise _no_parquet(key, error) from error


@contextmanager
def parsed(key: str, data: bytes) -> Iterator[pq.ParquetFile]:
    """A fetched object. Raises BadInput when it is no Parquet or its pages are damaged."""
    try:
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            yield file
    except (pa.ArrowException, OSError) as error:  # of bytes in memory an OSError too speaks of the bytes
        raise _no_parquet(key, error) from error


def fetched(store: ObjectStore, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Each object by one request, in the order of the keys. Raises NotFound at the object's turn.

    From a store far away (one that says how many requests it takes `at_once`) the next few are
    under way meanwhile: fewer where they are large, so that they are about 32 MB, or one object
    that is larger.
    """
    at_once = int(getattr(store, "at_once", 1))
    if at_once > 1:
        yield from _ahead(store, iter(keys), at_once)
    else:
        yield from ((key, store.get(key).data) for key in keys)


def _ahead(store: ObjectStore, keys: Iterator[str], at_once: int) -> Iterator[tuple[str, bytes]]:
    waiting = deque[tuple[str, Future[Blob]]]()
    most, largest = 1, 1  # the first one tells how large they are
    with ThreadPoolExecutor(at_once, "fetch") as pool:
        try:
            while True:
                waiting.extend((key, pool.submit(store.get, key)) for key in islice(keys, max(0, most - len(waiting))))
                if not waiting:
                    return
                key, answer = waiting.popleft()
                data = answer.result().data
                largest = max(largest, len(data))
                most = max(1, min(at_once, _AHEAD // largest))
                yield key, data
        finally:
            pool.shutdown(cancel_futures=True)


def encoded(table: pa.Table) -> bytes:
    """The table as one Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def _no_parquet(key: str, error: Exception) -> BadInput:
    said = str(error).splitlines()[0][:200]
    return BadInput(f"object {key} cannot be read as Parquet ({said}); expected what the predictor writes")

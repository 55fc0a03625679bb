"""A seekable reader of one S3 object that fetches ranges as they are read, so that Parquet is
streamed.
"""

import io
import os
from collections.abc import Callable

READ_AHEAD = 1 << 20  # bytes


class RangeReader(io.RawIOBase):
    """`fetch(start, end)` answers the bytes `[start, end)` of an object of `size` bytes."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._size = size
        self._fetch = fetch
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"seek to {base + offset}; expected a position of at least 0")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer cannot be sliced before 3.12
        end = min(self._at + len(buffer), self._size)
        if self._at >= end:
            return 0
        data = self._fetch(self._at, end)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def buffered(size: int, fetch: Callable[[int, int], bytes]) -> io.BufferedReader:
    """A reader that serves small reads from one fetch ahead; large ones are fetched as they are
    asked for.
    """
    return io.BufferedReader(RangeReader(size, fetch), READ_AHEAD)

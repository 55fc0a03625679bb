"""An object store in this process's memory: for a dry run, and for a test of what happens when the
store is away.
"""

import io
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from modelmedic.steps.contracts.codec import sha256
from modelmedic.steps.contracts.errors import Conflict, NotFound, StoreError
from modelmedic.steps.contracts.keys import check_key
from modelmedic.steps.contracts.ports import Blob

_LAST = "\U0010ffff"  # sorts behind every character of a key


class MemoryStore:
    """An ObjectStore whose objects end with the process; while `unreachable` is set, every call
    raises StoreError.
    """

    def __init__(self) -> None:
        self.unreachable = False
        self._objects: dict[str, bytes] = {}
        self._keys: list[str] = []  # sorted
        self._lock = Lock()

    def __str__(self) -> str:
        return "memory"

    def get(self, key: str) -> Blob:
        self._reach(key)
        with self._lock:
            data = self._objects.get(key)
        if data is None:
            raise NotFound(f"object {key} is not in memory")
        return Blob(data, sha256(data))

    def create(self, key: str, data: bytes) -> str:
        self._reach(key)
        with self._lock:
            if key in self._objects:
                raise Conflict(f"object {key} exists in memory already; expected none")
            self._objects[key] = bytes(data)
            insort(self._keys, key)
        return sha256(data)

    def swap(self, key: str, data: bytes, expected: str) -> str:
        self._reach(key)
        with self._lock:
            if key not in self._objects:
                raise NotFound(f"object {key} is not in memory")
            found = sha256(self._objects[key])
            if found != expected:
                raise Conflict(f"object {key} in memory has the tag {found[:12]}; expected {expected[:12]}")
            self._objects[key] = bytes(data)
        return sha256(data)

    def list(self, prefix: str, *, after: str = "") -> Iterator[str]:
        self._reach()
        with self._lock:
            first = max(bisect_left(self._keys, prefix), bisect_right(self._keys, after))
            end = bisect_left(self._keys, prefix + _LAST, first)
            found = self._keys[first:end]
        yield from found

    def open(self, key: str) -> BinaryIO:
        return io.BytesIO(self.get(key).data)

    def upload(self, key: str, source: Path) -> str:
        return self.create(key, source.read_bytes())

    def _reach(self, key: str | None = None) -> None:
        if key is not None:
            check_key(key)
        if self.unreachable:
            raise StoreError("the store in memory is set to be unreachable")

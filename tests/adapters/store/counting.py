"""A store in memory that says what was asked of it."""

from collections import defaultdict
from collections.abc import Iterator
from typing import BinaryIO

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.ports import Blob


class CountingStore(MemoryStore):
    """`asked`: per verb the keys, as they came. `at_once`: how many requests it takes together;
    objects `gone` are listed still.
    """

    def __init__(self, *, at_once: int = 1) -> None:
        super().__init__()
        self.at_once = at_once
        self.asked: defaultdict[str, list[str]] = defaultdict(list)
        self.gone: set[str] = set()

    def get(self, key: str) -> Blob:
        self.asked["get"].append(key)
        if key in self.gone:
            raise NotFound(f"object {key} is gone")
        return super().get(key)

    def open(self, key: str) -> BinaryIO:
        self.asked["open"].append(key)
        return super().open(key)

    def list(self, prefix: str, *, after: str = "") -> Iterator[str]:
        self.asked["list"].append(prefix)
        return super().list(prefix, after=after)

"""An object store that does for each step class what the rendered S3 policy of that class allows,
and nothing else.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO

from modelmedic.steps.contracts.errors import StoreError
from modelmedic.steps.contracts.ports import Blob, ObjectStore

BUCKET = "s3://ml-prod/healing"
_ROOT = f"arn:aws:s3:::{BUCKET.removeprefix('s3://')}/"


class Guarded:
    """`refused` has whoever was turned away; `used` the grants that somebody needed, by class and
    action.

    While nobody is named, it is a person with credentials of their own, who may do everything.
    """

    def __init__(self, inner: ObjectStore, policies: dict[str, Any]) -> None:
        self.inner = inner
        self.refused: list[str] = []
        self.used: dict[tuple[str, str], set[str]] = {}
        self._policies = policies
        self._who: str | None = None

    @contextmanager
    def by(self, who: str | None) -> Iterator[None]:
        before, self._who = self._who, who
        try:
            yield
        finally:
            self._who = before

    def granted(self, who: str, action: str) -> set[str]:
        """Prefixes below the root; the empty one is everything."""
        found = (s["Resource"] for s in self._policies[who]["Statement"] if action in s["Action"])
        return {resource.removeprefix(_ROOT).removesuffix("*") for resources in found for resource in resources}

    def get(self, key: str) -> Blob:
        self._expect("s3:GetObject", key)
        return self.inner.get(key)

    def open(self, key: str) -> BinaryIO:
        self._expect("s3:GetObject", key)
        return self.inner.open(key)

    def list(self, prefix: str, *, after: str = "") -> Iterator[str]:
        return self.inner.list(prefix, after=after)

    def create(self, key: str, data: bytes) -> str:
        self._expect("s3:PutObject", key)
        return self.inner.create(key, data)

    def swap(self, key: str, data: bytes, expected: str) -> str:
        self._expect("s3:PutObject", key)
        return self.inner.swap(key, data, expected)

    def upload(self, key: str, source: Path) -> str:
        self._expect("s3:PutObject", key)
        return self.inner.upload(key, source)

    def _expect(self, action: str, key: str) -> None:
        if self._who is None:
            return
        granted = _matching(self.granted(self._who, action), key)
        self.used.setdefault((self._who, action), set()).update(granted)
        if not granted:
            self.refused.append(f"{self._who} {action} {key}")
            raise StoreError(f"{self._who} may not {action} {key}")


def _matching(granted: Iterable[str], key: str) -> set[str]:
    return {each for each in granted if fnmatchcase(key, each if each.endswith(".json") else f"{each}*")}

"""Frozen values on the object store: each one JSON document that says its format, most of them
written once; contracts/formats lists them all.
"""

from collections.abc import Callable
from typing import TypeVar

from modelmedic.steps.contracts.errors import Conflict, NotFound
from modelmedic.steps.contracts.formats import encoded, parse
from modelmedic.steps.contracts.ports import ObjectStore

T = TypeVar("T")


def read(store: ObjectStore, kind: type[T], key: str) -> T | None:
    """The document, or None when there is none."""
    try:
        return parse(kind, store.get(key).data, key)
    except NotFound:
        return None


def exists(store: ObjectStore, key: str) -> bool:
    try:
        store.get(key)
    except NotFound:
        return False
    return True


def keep(store: ObjectStore, key: str, value: T) -> tuple[T, bool]:
    """Write the value unless one is there; return what the store holds now, and whether this call
    wrote it.
    """
    try:
        store.create(key, encoded(value, key))
    except Conflict:
        return parse(type(value), store.get(key).data, key), False
    return value, True


def put(store: ObjectStore, key: str, value: object) -> None:
    """Write the value over whatever is there. A writer that loses a race reads again and writes
    after the winner.
    """
    replace(store, key, encoded(value, key))


def replace(store: ObjectStore, key: str, data: bytes) -> None:
    """Write bytes that are no document, such as an HTML page, as `put` writes a document."""
    for _ in range(20):
        try:
            store.swap(key, data, store.get(key).tag)
            return
        except NotFound:
            try:
                store.create(key, data)
                return
            except Conflict:
                continue
        except Conflict:
            continue
    raise Conflict(f"object {key} was changed by others 20 times in a row; expected to replace it once")


def last(exists: Callable[[int], bool], start: int = 0) -> int:
    """The highest number that exists, at least `start` (0: none), in a logarithmic number of calls
    of `exists`.
    """
    step, low = 1, start
    while exists(low + step):
        low, step = low + step, step * 2
    high = low + step  # does not exist
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if exists(middle) else (low, middle)
    return low

"""Frozen values on the object store: each one canonical JSON document, most of them written once."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from modelmedic.steps.contracts.codec import decode, encode
from modelmedic.steps.contracts.errors import BadInput, Conflict, NotFound
from modelmedic.steps.contracts.ports import ObjectStore

T = TypeVar("T")


def parse(kind: type[T], data: bytes, key: str) -> T:
    """Raises BadInput when the object holds something else."""
    try:
        return decode(kind, data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise BadInput(
            f"object {key} is no {getattr(kind, '__name__', 'document')} ({place}: {first['msg']}); "
            "expected what this version of modelmedic writes"
        ) from error


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
    """Write the value unless one is there: what the store holds now, and whether this call wrote
    it.
    """
    try:
        store.create(key, encode(value))
    except Conflict:
        return parse(type(value), store.get(key).data, key), False
    return value, True


def put(store: ObjectStore, key: str, value: object) -> None:
    """Write the value over whatever is there, losing no race silently: the last writer to read the
    object wins.
    """
    replace(store, key, encode(value))


def replace(store: ObjectStore, key: str, data: bytes) -> None:
    """`put` for bytes that are no document of ours, such as a page."""
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
    """The highest number that exists, at least `start` (0: none), in a logarithmic number of
    questions.
    """
    step, low = 1, start
    while exists(low + step):
        low, step = low + step, step * 2
    high = low + step  # does not exist
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if exists(middle) else (low, middle)
    return low

"""Frozen values to canonical JSON and back: what is stored, hashed and shown is the same text."""

import hashlib
import json
from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_plain(value: Any) -> Any:
    """Dataclasses, enums, datetimes and timedeltas as JSON types."""
    return _adapter(cast(Hashable, type(value))).dump_python(value, mode="json")


def canonical(plain: Any) -> bytes:
    """One text for one value: sorted keys, no spaces, UTF-8. Raises ValueError on NaN."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def encode(value: Any) -> bytes:
    return canonical(to_plain(value))


def decode(kind: type[T], data: bytes) -> T:
    """The value that `encode` wrote. Raises pydantic.ValidationError when the text is of another
    shape.
    """
    return cast(T, _adapter(cast(Hashable, kind)).validate_json(data))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

"""Frozen values to canonical JSON (RFC 8785) and back: what is stored, hashed and shown is the same
text, and any other implementation of the RFC writes it too.
"""

import hashlib
import json
from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

import rfc8785
from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_plain(value: Any) -> Any:
    """Dataclasses, enums, datetimes and timedeltas as JSON types."""
    return _adapter(cast(Hashable, type(value))).dump_python(value, mode="json")


def canonical(plain: Any) -> bytes:
    """One text for one value, as RFC 8785 defines it.

    Raises ValueError on NaN, infinities and integers beyond 2**53, which JSON's numbers cannot
    hold.
    """
    return rfc8785.dumps(plain)


def compact(plain: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8, integers of any size: for documents that nobody hashes.

    Some six times as fast as `canonical`. Raises ValueError on NaN and infinities.
    """
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

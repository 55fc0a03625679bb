"""A policy as YAML that reads back as the same policy, with a comment after each value where one is
given.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from modelmedic.steps.adapters.policy.yaml_scalars import Ambiguous, plain_scalar
from modelmedic.steps.contracts.policy import Policy

_BARE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./\-]*( [A-Za-z0-9_./\-]+)*")
_LONGEST_FLOW = 90  # columns; a longer list gets a line per item


def policy_yaml(policy: Policy, comments: Mapping[str, str] | None = None) -> str:
    """Every value, defaults included. `comments` go by dotted path, as `origins` has them."""
    return yaml_text(policy.model_dump(mode="json", by_alias=True), comments)


def yaml_text(values: Mapping[str, Any], comments: Mapping[str, str] | None = None) -> str:
    """A mapping of JSON types as block YAML; short lists of plain values stay on their line."""
    rows = list(_mapping(values, "", 0))
    width = max((len(text) for text, path in rows if path in (comments or {})), default=0)
    lines = [f"{text:<{width}}  # {comments[path]}" if comments and path in comments else text for text, path in rows]
    return "\n".join([*lines, ""])


def scalar(value: Any) -> str:
    """One value as YAML 1.1 and 1.2 both read it; text is quoted where it could be taken for
    something else.
    """
    if isinstance(value, list):
        return f"[{', '.join(map(scalar, value))}]"
    if isinstance(value, str) and _stands_bare(value):
        return value
    return json.dumps(value, ensure_ascii=False)


@lru_cache(4096)  # keys and most values are the same in a thousand policies
def _stands_bare(value: str) -> bool:
    return bool(_BARE.fullmatch(value)) and _reads_as_text(value)


def _reads_as_text(value: str) -> bool:
    try:
        return plain_scalar(value) == value and value.lower() not in ("y", "n")
    except Ambiguous:
        return False


def _mapping(values: Mapping[str, Any], path: str, depth: int) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        place = f"{path}.{key}" if path else key
        head = f"{'  ' * depth}{scalar(key)}:"
        if isinstance(value, dict) and value:
            yield head, ""
            yield from _mapping(value, place, depth + 1)
        elif isinstance(value, list) and (_has_mappings(value) or len(scalar(value)) > _LONGEST_FLOW):
            yield head, "" if _has_mappings(value) else place
            yield from _items(value, place, depth + 1)
        else:
            yield f"{head} {scalar(value)}", place


def _items(values: list[Any], path: str, depth: int) -> Iterator[tuple[str, str]]:
    for number, value in enumerate(values):
        if isinstance(value, dict):
            (first, place), *rest = _mapping(value, f"{path}[{number}]", depth + 1)
            yield f"{'  ' * depth}- {first.lstrip()}", place
            yield from rest
        else:
            yield f"{'  ' * depth}- {scalar(value)}", ""


def _has_mappings(values: list[Any]) -> bool:
    return any(isinstance(value, dict) for value in values)

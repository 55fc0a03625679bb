"""Org-wide defaults below a policy and environment overlays above it, merged key by key; lists are
replaced whole.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from modelmedic.steps.adapters.policy.yaml_tree import Fault, Node
from modelmedic.steps.contracts.policy import API_VERSION, FORMER_API_VERSION
from modelmedic.steps.contracts.policy_schema import Kind

_LOG = logging.getLogger(__name__)
POLICY: Kind = "HealingPolicy"
DEFAULTS: Kind = "HealingPolicyDefaults"
OVERLAY: Kind = "HealingPolicyOverlay"


def merged(policy: Node, defaults: Sequence[Node] = (), overlays: Sequence[Node] = ()) -> Node:
    """One tree whose nodes still know the file and line that they come from. Of two defaults, or
    two overlays, the later wins.
    """
    tree = policy
    for layer in reversed(defaults):
        tree = _over(_body(layer), tree)
    for layer in overlays:
        tree = _over(tree, _body(layer))
    return tree


def _body(layer: Node) -> Node:
    """A layer without what it says of itself."""
    kept = {key: child for key, child in layer.value.items() if key not in ("apiVersion", "kind")}
    return Node(kept, layer.file, layer.line)


def _over(lower: Node, upper: Node) -> Node:
    if not isinstance(lower.value, dict) or not isinstance(upper.value, dict):
        return upper
    both = {key: _over(child, upper.value[key]) if key in upper.value else child for key, child in lower.value.items()}
    return Node({**both, **{key: child for key, child in upper.value.items() if key not in both}}, upper.file, upper.line)


_GIVEN = {POLICY: "as a policy", DEFAULTS: "with --defaults", OVERLAY: "with --overlay"}


def kind_of(tree: Node) -> Kind | None:
    """The kind that the file states; None when it states none that is known."""
    stated = tree.value.get("kind") if isinstance(tree.value, dict) else None
    return next((kind for kind in _GIVEN if stated and stated.value == kind), None)


def wrong_kind(tree: Node, kind: Kind) -> Fault | None:
    """Said before anything else, since a file of another kind is full of faults."""
    stated = kind_of(tree)
    if stated is None or stated == kind:
        return None
    sentence = f"kind is {stated}; expected {kind} here; give this file {_GIVEN[stated]}"
    return Fault(tree.file, tree.value["kind"].line, sentence)


def warn_of_former_spelling(tree: Node) -> bool:
    """Log one sentence for a file that spells apiVersion as it was spelt first, and say whether it
    does. Such a file is read all the same.
    """
    stated = tree.value.get("apiVersion") if isinstance(tree.value, dict) else None
    if stated is None or stated.value != FORMER_API_VERSION:
        return False
    _LOG.warning("%s:%d: apiVersion is %s, as it was spelt formerly; write %s", tree.file, stated.line, FORMER_API_VERSION, API_VERSION)
    return True


@dataclass(frozen=True, slots=True)
class Stated:
    """A value and where it comes from: `file:line`, or `default`."""

    value: Any
    origin: str


def origins(tree: Node, values: dict[str, Any]) -> dict[str, Stated]:
    """Every value of a dumped policy by its dotted path, such as `detect.window` or `rules[0].id`.

    A list of plain values counts as one value, a list of mappings by its items.
    """
    return dict(_origins(tree, values, ""))


def _origins(tree: Node | None, value: Any, path: str) -> Iterator[tuple[str, Stated]]:
    if isinstance(value, dict) and value:
        children = tree.value if tree and isinstance(tree.value, dict) else {}
        for key, child in value.items():
            yield from _origins(children.get(key), child, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        items = tree.value if tree and isinstance(tree.value, list) else []
        for number, child in enumerate(value):
            yield from _origins(items[number] if items else None, child, f"{path}[{number}]")
    else:
        yield path, Stated(value, f"{tree.file}:{tree.line}" if tree else "default")

"""Org-wide defaults below a policy and environment overlays above it, merged key by key; lists are replaced whole."""

from collections.abc import Iterator, Sequence
from typing import Any

from steps.adapters.yaml_tree import Fault, Node
from steps.contracts.policy_schema import Kind

DEFAULTS: Kind = "HealingPolicyDefaults"
OVERLAY: Kind = "HealingPolicyOverlay"


def merged(policy: Node, defaults: Sequence[Node] = (), overlays: Sequence[Node] = ()) -> Node:
    """One tree whose nodes still know the file and line that they come from. Of two defaults, or two overlays, the later wins."""
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


def wrong_kind(tree: Node, kind: Kind) -> Fault | None:
    """Said before anything else, since a file of another kind is full of faults."""
    stated = tree.value.get("kind")
    if stated is None or stated.value == kind or stated.value not in ("HealingPolicy", DEFAULTS, OVERLAY):
        return None
    where = {"HealingPolicy": "as a policy", DEFAULTS: "with --defaults", OVERLAY: "with --overlay"}[stated.value]
    return Fault(stated.file, stated.line, f"kind is {stated.value}; expected {kind} here; give this file {where}")


def origins(tree: Node, values: dict[str, Any]) -> dict[str, str]:
    """Where each value of a policy comes from: `file:line`, or `default`. The keys are dotted, such as `detect.window`.

    `values` is the dumped policy. A list of plain values counts as one value, a list of mappings by its items.
    """
    return dict(_origins(tree, values, ""))


def _origins(tree: Node | None, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and (value or not path):
        children = tree.value if tree and isinstance(tree.value, dict) else {}
        for key, child in value.items():
            yield from _origins(children.get(key), child, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        items = tree.value if tree and isinstance(tree.value, list) else []
        for number, child in enumerate(value):
            yield from _origins(items[number] if number < len(items) else None, child, f"{path}[{number}]")
    else:
        yield path, f"{tree.file}:{tree.line}" if tree else "default"

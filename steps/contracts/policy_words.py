"""The words for what is allowed at a place in a policy: the same in error sentences and in the
reference.
"""

from modelmedic.steps.contracts.policy_schema import Schema, choices

_FORMATS = {"date": "a date such as 2026-01-31", "date-time": "a date and time such as 2026-01-31T18:00:00Z"}


def allowed(node: Schema, root: Schema) -> str:
    """`one of a, b`, `a whole number from 1 to 20`, `1h to 90d: a number and a unit …`;
    alternatives are joined by `or`.
    """
    said = dict.fromkeys(_one(choice, root) for choice in choices(node, root) if choice.get("type") != "null")
    return " or ".join(said)


def _one(node: Schema, root: Schema) -> str:
    if "const" in node:
        return str(node["const"])
    if "enum" in node:
        return f"one of {', '.join(map(str, node['enum']))}"
    kind = node.get("type")
    if kind == "string":
        return _text(node)
    if kind in ("integer", "number"):
        return _number("a whole number" if kind == "integer" else "a number", node)
    if kind == "array":
        return f"a list, each item {allowed(node['items'], root)}"
    return _mapping(node, root) if kind == "object" else "true or false"


def _text(node: Schema) -> str:
    if "format" in node:
        return _FORMATS[node["format"]]
    words = str(node.get("patternErrorMessage", "text")).removeprefix("expected ")
    return f"{words}, at most {node['maxLength']} characters" if "maxLength" in node else words


def _number(noun: str, node: Schema) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{noun} from {low:g} to {high:g}"
    bounds = ((low, "at least"), (above, "more than"), (high, "at most"), (below, "less than"))
    said = [f"{words} {bound:g}" for bound, words in bounds if bound is not None]
    return f"{noun}, {' and '.join(said)}" if said else noun


def _mapping(node: Schema, root: Schema) -> str:
    if "properties" in node:
        return f"a mapping with the keys {', '.join(node['properties'])}"
    return f"a mapping from column to {allowed(node['additionalProperties'], root)}"

"""Small edits of a policy's text that leave every other line, its comments and its order as they
are. Called by the commands that propose a change.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from modelmedic.steps.adapters.policy.yaml_tree import Node, parse_tree
from modelmedic.steps.contracts.errors import BadInput, BadPolicy

Value = str | float


def with_rule_fields(text: str, file: Path, rule: str, fields: Mapping[str, Value]) -> str:
    """The text with these fields of the rule of that id set, each in its line or behind the id's.

    Raises BadInput for a rule that the text does not have, or writes in one line.
    """
    for name, value in fields.items():
        item = _rule(_tree(text, file), file, rule)
        lines = text.splitlines(keepends=True)
        if name in item.value:
            lines[item.value[name].line - 1] = _replaced(lines[item.value[name].line - 1], name, value, file)
        else:
            at = item.value["id"].line
            lines.insert(at, f"{' ' * _column(lines[at - 1], 'id', file)}{name}: {_written(value)}\n")
        text = "".join(lines)
    return text


def with_rule(text: str, file: Path, fields: Mapping[str, Value]) -> str:
    """The text with one more rule, before the others, because the first that matches decides."""
    tree, lines = _tree(text, file), text.splitlines(keepends=True)
    rules = tree.value.get("rules")
    if rules is None:
        return f"{text.rstrip()}\n\nrules:\n{_item(fields, 0)}"
    if not rules.value:
        lines[rules.line - 1] = re.sub(r"^rules:( *(\[ *\]|null|~))?", "rules:", lines[rules.line - 1])
        lines.insert(rules.line, _item(fields, 0))
        return "".join(lines)
    at = min(child.line for child in rules.value[0].value.values())
    dash = lines[at - 1].find("- ")
    if dash < 0 or lines[at - 1][:dash].strip():
        raise BadInput(f"{file}:{at}: the rules are not written one field a line; add the rule by hand")
    lines.insert(at - 1, _item(fields, dash))
    return "".join(lines)


def _tree(text: str, file: Path) -> Node:
    tree, faults = parse_tree(text.encode(), str(file))
    if tree is None or faults:
        raise BadPolicy("\n".join(map(str, faults)))
    return tree


def _rule(tree: Node, file: Path, rule: str) -> Node:
    rules = tree.value.get("rules")
    for item in rules.value if rules is not None else ():
        if isinstance(item, Node) and item.value["id"].value == rule:
            return item
    raise BadInput(f"{file} has no rule {rule}; it may come from defaults or an overlay, and is changed there")


def _replaced(line: str, name: str, value: Value, file: Path) -> str:
    pattern = re.compile(rf"^(\s*(?:- +)?{re.escape(name)}: *)([^#\n]*?)(\s*(?:#.*)?\n?)$")
    if not pattern.match(line):
        raise BadInput(f"{file}: {name} shares its line with others; set it to {value} by hand")
    return pattern.sub(lambda found: f"{found[1]}{_written(value)}{found[3]}", line)


def _column(line: str, name: str, file: Path) -> int:
    found = re.match(rf"^(\s*(?:- +)?){re.escape(name)}: *[^{{}}]*$", line)
    if not found:
        raise BadInput(f"{file}: a rule shares its line with others; change it by hand")
    return len(found[1])


def _item(fields: Mapping[str, Value], indent: int) -> str:
    first, *rest = (f"{name}: {_written(value)}\n" for name, value in fields.items())
    return f"{' ' * indent}- {first}" + "".join(f"{' ' * (indent + 2)}{line}" for line in rest)


def _written(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else value

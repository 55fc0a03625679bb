"""The references, made of the program: every key of a policy, every command.

python -m tests.docs.reference policy|cli      writes one to stdout
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from modelmedic.steps.contracts.policy import Policy
from modelmedic.workflows.cli import SECTIONS, main

_POLICY = """# Policy reference

Every key that a policy may have, as `modelmedic schema` publishes them. Durations are a number and a
unit (`30m`, `7d`), shares are between 0 and 1. `modelmedic defaults` shows what holds for a policy of yours.
"""


def policy() -> str:
    """Every key of a policy, from the JSON Schema."""
    schema = Policy.model_json_schema(by_alias=True)
    return "\n".join([_POLICY, *_section("The policy", schema, schema["$defs"], set()), ""])


def cli() -> str:
    """Every command with its help."""
    lines = ["# Commands", "", "As `modelmedic COMMAND --help` says it.", ""]
    context = click.Context(main, info_name="modelmedic")
    for title, commands in SECTIONS.items():
        lines += [f"## {title}", ""]
        for name in commands:
            command = main.get_command(context, name)
            assert command is not None
            lines += list(_command(command, context, name, "###"))
    return "\n".join(lines)


def _command(command: click.Command, parent: click.Context, name: str, level: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, max_content_width=100, terminal_width=100)
    yield from (f"{level} {context.command_path.removeprefix('modelmedic ')}", "", "```text", command.get_help(context), "```", "")
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            assert found is not None
            yield from _command(found, context, each, f"{level}#")


def _section(title: str, schema: Mapping[str, Any], known: Mapping[str, Any], seen: set[str]) -> Iterator[str]:
    yield from (f"## {title}", "")
    if schema.get("description"):
        yield from (schema["description"].split("\n\n")[0].replace("\n", " "), "")
    if schema.get("enum"):
        yield from (f"One of {', '.join(f'`{each}`' for each in schema['enum'])}.", "")
    if schema.get("properties"):
        yield from ("| key | type | default | meaning |", "|---|---|---|---|")
        needed = schema.get("required", ())
        for name, value in schema["properties"].items():
            default = "required" if name in needed else f"`{json.dumps(value['default'])}`" if "default" in value else ""
            meaning = value.get("description", "") or _described(value, known)
            yield f"| `{name}` | {_type(value)} | {_cell(default)} | {_cell(meaning)} |"
        yield ""
    for name in _names(schema):
        if name not in seen:
            seen.add(name)
            yield from _section(name, known[name], known, seen)


def _described(value: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    found = next(iter(_names(value)), None)
    return str(known[found].get("description", "")).split("\n")[0] if found else ""


def _names(value: Any) -> Iterator[str]:
    """The definitions that are referred to, in order."""
    if isinstance(value, Mapping):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for name, each in value.items():
            if name not in ("$defs", "default"):
                yield from _names(each)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each)


def _type(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in value or "const" in value:
        return " or ".join(f"`{json.dumps(each)}`" for each in value.get("enum", [value.get("const")]))
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_type(each) for each in value["anyOf"]))
    if value.get("type") == "array":
        return f"list of {_type(value.get('items', {}))}"
    if value.get("type") == "object" and isinstance(value.get("additionalProperties"), Mapping):
        return f"map of {_type(value['additionalProperties'])}"
    return str(value.get("type", "any"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;").replace("{{", "{ {")


if __name__ == "__main__":
    sys.stdout.write({"policy": policy, "cli": cli}[sys.argv[1]]())

"""Manifests as YAML: deterministic, quick, and read alike by YAML 1.1 and 1.2.

PyYAML's C emitter does the work. A text is written plain only where no reader can take it for
anything else; all other texts are quoted as JSON quotes them, and texts of several lines are
blocks.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

import yaml

_FIRST: Final = (
    *("apiVersion", "kind", "alert", "expr", "for", "name", "generateName", "namespace", "metadata"),
    *("labels", "annotations", "image", "command", "args"),
)
_PLAIN: Final = re.compile(r"(?:-{0,2}[A-Za-z]|/)[A-Za-z0-9_./=\-]*(?: [A-Za-z0-9_./()\-]+)*|[0-9]{1,9}(?:m|s|h|d|Ki|Mi|Gi)")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_BLOCK: Final = re.compile(r"(?:[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]*)\n")
_WIDE: Final = 1_000_000
_SHORT: Final = 72  # columns of a list or mapping that stays on one line
_FEW: Final = 4  # entries of such a mapping


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - an anchor would hide a value from a reviewer
        return True


def _text(_: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", value, style=style(value))


@lru_cache(4096)
def style(value: str) -> str | None:
    """The style of a text: None for plain, `|` for a block, `"` for quoted."""
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return None
    return "|" if "\n" in value and _BLOCK.fullmatch(value) and not re.search(r"[ \t]\n|\n\n\Z", value) else '"'


def _mapping(dumper: yaml.CSafeDumper, value: dict[str, Any]) -> yaml.MappingNode:
    few = 0 < len(value) <= _FEW and _short([*value, *value.values()])
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=few or not value)


def _list(dumper: yaml.CSafeDumper, value: list[Any]) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=_short(value))


def _short(items: list[Any]) -> bool:
    if any(isinstance(item, dict | list) or (isinstance(item, str) and "\n" in item) for item in items):
        return False
    return sum(len(str(item)) + 2 for item in items) <= _SHORT


_Dumper.add_representer(str, _text)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _list)


def dump(document: Any) -> str:
    """One document as block YAML, ended by a line break."""
    return str(yaml.dump(arranged(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDE, default_flow_style=False))


def dump_all(documents: Iterable[Any]) -> str:
    return "---\n".join(dump(document) for document in documents)


def scalar(value: str, indent: int = 0) -> str:
    """A text as `dump` writes it; `indent` is how far the lines of a block are pushed in."""
    chosen = style(value)
    if chosen is None:
        return value
    if chosen == "|":
        return "|\n" + "\n".join(" " * indent + line if line else "" for line in value.removesuffix("\n").split("\n"))
    if value.isascii():
        return json.dumps(value)
    return str(yaml.dump(value, Dumper=_Dumper, allow_unicode=True, width=_WIDE)).removesuffix("\n")


def arranged(value: Any) -> Any:
    """The same with what identifies an object first; everything else keeps its order."""
    if isinstance(value, dict):
        return {key: arranged(value[key]) for key in _ordered(value)}
    if isinstance(value, list | tuple):
        return [arranged(item) for item in value]
    return value


def _ordered(value: dict[str, Any]) -> Iterator[str]:
    yield from (key for key in _FIRST if key in value)
    yield from (key for key in value if key not in _FIRST)

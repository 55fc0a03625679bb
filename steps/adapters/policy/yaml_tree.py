"""Strict YAML: text to a tree whose nodes know their file and line, or all the faults of the text
at once. Called by the readers of policies and of the platform.

Accepted is the part that every YAML reader understands alike. Refused, with the line: tags, anchors
and aliases (so no bomb can grow), merge keys, several documents, duplicate keys, keys that are no
text, tabs that indent, invisible characters, and plain scalars that YAML 1.1 and 1.2 read
differently (`no`, `012`, `1_000`, `12:30`). PyYAML's libyaml events cost 0.2 ms for a policy of 40
lines; ruamel.yaml's pure-Python reader, which also knows lines, costs 7 to 13 ms.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import yaml

from modelmedic.steps.adapters.policy.yaml_scalars import Ambiguous, plain_scalar

LARGEST = 1 << 20  # bytes
DEEPEST = 20
MOST_NODES = 20_000
REFUSED: Final = object()  # stands for a value that was refused already: nothing more is said about it

_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
_TAB_INDENT = re.compile(r"^ *\t[ \t]*(?=[^\s#])", re.MULTILINE)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a PyYAML built without libyaml is slower, not different

Scalar = str | int | float | bool | date | datetime | None


@dataclass(slots=True)
class Node:
    """`value` is a scalar, a list of nodes or a dict of nodes; `line` counts from 1 and is the
    key's where there is one.
    """

    value: Any
    file: str
    line: int
    source: str = ""  # a scalar as it is written
    quoted: bool = False

    def plain(self) -> Any:
        """The value without lines."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        return [child.plain() for child in self.value] if isinstance(self.value, list) else self.value


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong with a file. `line` 0: with the file as a whole."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}" if self.line else f"{self.file}: {self.sentence}"


def read_tree(path: Path) -> tuple[Node | None, list[Fault]]:
    """The file's tree and its faults; no tree when the text cannot be read at all."""
    file = str(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        return None, [Fault(file, 0, f"cannot be read ({(error.strerror or str(error)).lower()}); expected a YAML file")]
    return parse_tree(data, file)


def parse_tree(data: bytes, file: str) -> tuple[Node | None, list[Fault]]:
    """The tree and the faults of bytes, as `read_tree`."""
    if len(data) > LARGEST:
        return None, [Fault(file, 0, f"is larger than {LARGEST} bytes; expected a file of a few hundred lines")]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return None, [Fault(file, line, f"holds the byte 0x{data[error.start]:02x}, which is no UTF-8; save the file as UTF-8")]
    faults = list(islice(_text_faults(text, file), 20))
    return (None, faults) if faults else _Reader(text, file).document()


def _text_faults(text: str, file: str) -> Iterator[Fault]:
    for match in _INVISIBLE.finditer(text):
        sentence = f"holds the invisible character U+{ord(match[0]):04X}; expected printable text; remove it"
        yield Fault(file, text.count("\n", 0, match.start()) + 1, sentence)
    for match in _TAB_INDENT.finditer(text):
        yield Fault(file, text.count("\n", 0, match.start()) + 1, "is indented by a tab; expected spaces")


class _Stop(Exception):
    """Nothing that follows can be read."""


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self.nodes = 0
        self.events = _LOADER(text)

    def document(self) -> tuple[Node | None, list[Fault]]:
        try:
            root = self._root()
        except _Stop:
            root = None
        except yaml.YAMLError as error:
            self._vendor_fault(error)
            root = None
        finally:
            self.events.dispose()
        return root, self.faults

    def _vendor_fault(self, error: yaml.YAMLError) -> None:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        context = getattr(error, "context", None)
        told = f"{context}, {problem}" if context else problem
        hint = "check the indentation, brackets and quotes of this line and of the one before"
        self._fault((mark.line if mark else 0) + 1, f"is no YAML ({told}); {hint}")

    def _root(self) -> Node | None:
        self.events.get_event()  # the stream's start
        start: Any = self.events.get_event()
        if isinstance(start, yaml.StreamEndEvent):
            raise self._stop(1, "is empty; expected a mapping that begins with apiVersion and kind")
        if start.version or start.tags:
            self._fault(start.start_mark.line + 1, "has a YAML directive (%); expected none")
        root = self._node(self.events.get_event(), 0, "the document")
        self.events.get_event()  # the document's end
        after: Any = self.events.get_event()
        if not isinstance(after, yaml.StreamEndEvent):
            self._fault(after.start_mark.line + 1, "begins a second document; expected one document in a file")
        if not isinstance(root.value, dict) and root.value is not REFUSED:
            what = "is empty" if root.value is None else "is no mapping"
            raise self._stop(root.line, f"{what}; expected a mapping that begins with apiVersion and kind")
        return root

    def _node(self, event: Any, depth: int, name: str, key_line: int = 0) -> Node:
        line = key_line or event.start_mark.line + 1
        self.nodes += 1
        if depth > DEEPEST or self.nodes > MOST_NODES:
            limit = f"{DEEPEST} levels" if depth > DEEPEST else f"{MOST_NODES} values"
            raise self._stop(event.start_mark.line + 1, f"is nested too deep or too long; expected at most {limit}")
        refused = self._refused(event, name)
        if isinstance(event, yaml.MappingStartEvent):
            node = Node(self._mapping(depth), self.file, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Node(self._sequence(depth, name), self.file, line)
        else:
            node = self._scalar(event, line, name) if not refused else Node(REFUSED, self.file, line)
        if refused:
            node.value = REFUSED
        return node

    def _refused(self, event: Any, name: str) -> bool:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            self._fault(line, f"{name} uses the alias *{event.anchor}; expected the value itself, written out")
            return True
        if event.anchor is not None:
            self._fault(line, f"{name} sets the anchor &{event.anchor}; expected none, each value is written out")
        if event.tag is not None:
            self._fault(line, f"{name} has the tag {event.tag[:80]}; expected none, the type follows from the value")
        return event.tag is not None

    def _sequence(self, depth: int, name: str) -> list[Node]:
        items = []
        while not isinstance(event := self.events.get_event(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1, f"an item of {name}"))
        return items

    def _mapping(self, depth: int) -> dict[str, Node]:
        children: dict[str, Node] = {}
        while not isinstance(event := self.events.get_event(), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            key = self._key(event, depth)
            child = self._node(self.events.get_event(), depth + 1, key or "a value", line)
            if key in children:
                self._fault(line, f"has the key {key} again (first in line {children[key].line}); expected each key once")
            elif key is not None:
                children[key] = child
        return children

    def _key(self, event: Any, depth: int) -> str | None:
        node = self._node(event, depth + 1, "a key")
        if node.value is REFUSED:
            return None
        if not isinstance(node.value, str) or node.value == "<<":
            what = "a merge key" if node.value == "<<" else "no text"
            shown = node.source if isinstance(node.value, Scalar) else "of several parts"
            self._fault(node.line, f"has a key {shown}, which is {what}; expected text, put quotes round it if it is meant")
            return None
        return node.value

    def _scalar(self, event: Any, line: int, name: str) -> Node:
        if not event.implicit[0]:
            return Node(event.value, self.file, line, event.value, quoted=True)
        try:
            return Node(plain_scalar(event.value), self.file, line, event.value)
        except Ambiguous as error:
            self._fault(event.start_mark.line + 1, f"{name} {error}")
            return Node(REFUSED, self.file, line, event.value)

    def _fault(self, line: int, sentence: str) -> None:
        self.faults.append(Fault(self.file, line, sentence))

    def _stop(self, line: int, sentence: str) -> _Stop:
        self._fault(line, sentence)
        return _Stop()

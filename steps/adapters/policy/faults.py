"""Everything that is wrong with a policy document, as sentences with their lines: what pydantic
found, in our words.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from modelmedic.steps.adapters.policy.yaml_tree import REFUSED, Fault, Node
from modelmedic.steps.contracts.policy import Data, Detect, Disagreement, Policy, Rule, Validate, disagreements
from modelmedic.steps.contracts.policy_schema import Kind, at, choices, keys, policy_schema
from modelmedic.steps.contracts.policy_types import DURATION
from modelmedic.steps.contracts.policy_words import allowed

Path = tuple[str | int, ...]


def validated(tree: Node, kind: Kind = "HealingPolicy") -> tuple[Policy | None, list[Fault]]:
    """The policy that the tree states, or its faults in the order of the file. Of a layer, there
    are only faults.
    """
    document = tree.plain()
    if kind != "HealingPolicy" and document.get("kind") == kind:
        document["kind"] = "HealingPolicy"
    try:
        return Policy.model_validate(document, by_alias=True, by_name=False), []
    except ValidationError as error:
        return None, sorted(set(_Faults(tree, kind).of(error)))


def placed(tree: Node, found: Iterable[tuple[str, str]]) -> list[Fault]:
    """Faults of a policy that other checks found, each a dotted place and a sentence, with the line
    of the nearest key that is written.
    """
    return list(_Faults(tree, "HealingPolicy").placed(tuple(found)))


class _Faults:
    def __init__(self, tree: Node, kind: Kind) -> None:
        self.tree = tree
        self.kind = kind
        self.schema = policy_schema(kind)

    def of(self, error: ValidationError) -> Iterator[Fault]:
        grouped: dict[Path, list[ErrorDetails]] = {}
        for detail in error.errors(include_url=False):
            grouped.setdefault(self._place(detail), []).append(detail)
        for path, details in grouped.items():
            yield from self._faults(path, details)
        if self.kind != "HealingPolicy":
            yield from self._names()
        elif () not in grouped:
            yield from self._between_sections({path[0] for path in grouped})

    def placed(self, found: tuple[tuple[str, str], ...]) -> Iterator[Fault]:
        yield from self._expanded((), found)

    def _names(self) -> Iterator[Fault]:
        named = _child(_child(self.tree, "metadata"), "name")
        if named:
            yield self._fault(named, f"metadata.name is {_described(named)}; expected none in {self.kind}, which many models share")

    def _place(self, detail: ErrorDetails) -> Path:
        """The path of the fault in the document: pydantic's location without the names of
        alternatives at its end.
        """
        location = detail["loc"]
        node: Node | None = self.tree
        for depth, part in enumerate(location):
            node = _child(node, part)
            if node is None:
                return location if detail["type"] == "missing" else location[:depth]
        return location

    def _faults(self, path: Path, details: list[ErrorDetails]) -> Iterator[Fault]:
        node = self._nearest(path)
        first = details[0]
        if node.value is REFUSED:
            return
        if first["type"] == "missing":
            if self.kind == "HealingPolicy" or _in_list(path):
                yield self._fault(node, f"{dotted(path)} is missing; expected {self._allowed(path)}{self._meaning(path)}")
        elif first["type"] == "extra_forbidden":
            yield self._fault(node, self._unknown(path))
        elif isinstance(reason := first.get("ctx", {}).get("error"), Disagreement):
            if self.kind == "HealingPolicy":  # a layer may be right together with a policy
                yield from self._expanded(path, reason.faults)
        else:
            yield self._fault(node, self._wrong(path, node, details))

    def _expanded(self, path: Path, faults: tuple[tuple[str, str], ...]) -> Iterator[Fault]:
        for place, sentence in faults:
            yield self._fault(self._nearest((*path, *_parts(place))), sentence)

    def _unknown(self, path: Path) -> str:
        parent, key = path[:-1], str(path[-1])
        known = keys(at(parent, self.schema) or {}, self.schema)
        whole = f"a {self.kind}" if not parent else dotted(parent)
        homes = [section for section in self.schema["properties"] if key in keys(at((section,), self.schema) or {}, self.schema)]
        near = [f"{home}.{key}" for home in homes] or list(filter(None, [closest(key, known)]))
        options = ", ".join(known)
        said = f"did you mean {' or '.join(near)}? (allowed: {options})" if near else f"expected one of {options}"
        return f"{dotted(path)} is no key of {whole}; {said}"

    def _wrong(self, path: Path, node: Node, details: list[ErrorDetails]) -> str:
        reason = details[0].get("ctx", {}).get("error")
        if details[-1]["loc"][-1:] == ("[key]",):
            return f"{dotted(path[:-1])} has the key {shown(path[-1])}; expected {self._allowed_key(path)}"
        words = f"expected {self._allowed(path)}"
        if len(details) == 1 and isinstance(reason, ValueError) and str(reason).startswith("expected "):
            words = str(reason)
        return f"{dotted(path)} is {_described(node)}; {words}{self._hint(path, node)}"

    def _hint(self, path: Path, node: Node) -> str:
        """A hint how to mend the value, where the value itself tells."""
        if node.value is None:
            parent = choices(at(path[:-1], self.schema) or {}, self.schema)[0]
            return "" if path[-1] in parent.get("required", ()) else "; leave the line out for the default"
        options = choices(at(path, self.schema) or {}, self.schema)
        words = [word for option in options for word in option.get("enum", [])]
        near = closest(node.source, words)
        if near:
            return f"; did you mean {near}?"
        kinds = {option.get("type") for option in options}
        if node.quoted:
            return "; write it without quotes" if kinds & {"integer", "number", "boolean"} else ""
        if any(option.get("pattern") == DURATION for option in options):
            return f"; add a unit, such as {node.value}d" if type(node.value) is int else ""
        is_text = any(option.get("type") == "string" and not {"enum", "const", "format"} & set(option) for option in options)
        quotable = is_text and isinstance(node.value, int | float | date)
        return f'; put quotes round it if it is text: "{node.source}"' if quotable else ""

    def _between_sections(self, wrong: set[str | int]) -> Iterator[Fault]:
        """pydantic compares sections only once all of them are right; here those are compared that
        are.
        """
        document = self.tree.plain()

        def part(name: str, kind: type[Any]) -> Any:
            return kind.model_validate(document.get(name, {})) if name not in wrong else None

        rules = None if "rules" in wrong else tuple(Rule.model_validate(rule) for rule in document.get("rules", ()))
        found = disagreements(part("data", Data), part("detect", Detect), rules, part("validate", Validate))
        yield from self._expanded((), tuple(found))

    def _nearest(self, path: Path) -> Node:
        node = self.tree
        for part in path:
            child = _child(node, part)
            if child is None:
                break
            node = child
        return node

    def _allowed(self, path: Path) -> str:
        schema = at(path, self.schema)
        return allowed(schema, self.schema) if schema else "another value"

    def _allowed_key(self, path: Path) -> str:
        names = (at(path[:-1], self.schema) or {}).get("propertyNames", {})
        return allowed({"type": "string", **names}, self.schema)

    def _meaning(self, path: Path) -> str:
        schema = at(path, self.schema) or {}
        text = str(schema.get("description") or choices(schema, self.schema)[0].get("description", "")).rstrip(".")
        return f": {text[:1].lower()}{text[1:]}" if text else ""

    def _fault(self, node: Node, sentence: str) -> Fault:
        return Fault(node.file, node.line, sentence)


def _child(node: Node | None, part: str | int) -> Node | None:
    if node is None:
        return None
    if isinstance(node.value, dict):
        return node.value.get(part)
    inside = isinstance(node.value, list) and isinstance(part, int) and part < len(node.value)
    return node.value[part] if inside else None


def closest(word: str, allowed_words: Sequence[str]) -> str | None:
    """The allowed word that was probably meant, whatever the case of its letters."""
    lower = {allowed.lower(): allowed for allowed in allowed_words}
    near = get_close_matches(word.lower(), lower, n=1)
    return lower[near[0]] if near else None


def _in_list(path: Path) -> bool:
    return any(isinstance(part, int) for part in path)


def _parts(place: str) -> Path:
    """`rules.2.id` → ("rules", 2, "id"). Column names may hold dots: what follows `effects.` is one
    key.
    """
    head, effects, column = place.partition("effects.")
    parts = [*head.strip(".").split("."), *(["effects", column] if effects else [])]
    return tuple(int(part) if part.isdigit() else part for part in parts if part)


def dotted(path: Path) -> str:
    """("rules", 2, "id") → `rules[2].id`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in path)
    return text.removeprefix(".") or "the document"


def shown(value: Any) -> str:
    """Text of unknown origin on one short line: what is not printable is escaped, what is long is
    cut.
    """
    text = str(value)
    text = text if text.isprintable() and text.strip() == text and text else repr(text)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _described(node: Node) -> str:
    value = node.value
    if isinstance(value, dict | list):
        return ("an empty " if not value else "a ") + ("mapping" if isinstance(value, dict) else "list")
    if value is None:
        return "empty"
    text = shown(node.source)
    return f'"{text}"' if node.quoted and not text.startswith(("'", '"')) else text

"""Text templates of a model's files: documents built once with placeholders and written as YAML,
then filled for each model; used by render.

Hera and the YAML emitter take some 10 ms for one model's workflows, and models differ in a few
texts and numbers alone. So the documents are built once for a made-up model, and each real one only
fills the placeholders. A test holds that a filled template says exactly what building the documents
for that model would have said.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from modelmedic.workflows.inputs.model import Model
from modelmedic.workflows.output.yaml import dump_all, scalar

_MARK: Final = re.compile(r"zqslot([0-9]{5})z+q")
_LONG: Final = "z" * 80  # a mapping that holds a text of unknown length never stands on one line
_FIRST_NUMBER: Final = 900_000_001  # seconds, thirty years: no policy may ask for so many

Build = Callable[[Model], Sequence[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Slot:
    """The place of one value: constant texts with fields of the model between them, or a whole
    number.
    """

    pieces: tuple[str, ...]  # alternately a text and a field's name
    number: bool
    indent: int = 0

    def filled(self, values: Mapping[str, str]) -> str:
        parts = list(self.pieces)
        parts[1::2] = [values[field] for field in self.pieces[1::2]]
        text = "".join(parts)
        return text if self.number else scalar(text, self.indent)


class TextTemplate:
    """The text of some documents with slots in it. Raises KeyError for a placeholder in a mapping's
    key, where it could not be told from the text.
    """

    def __init__(self, build: Build, mode: str) -> None:
        self._slots: list[_Slot] = []
        marked = [self._marked(document) for document in build(_placeholder_model(mode))]
        pieces = _MARK.split(dump_all(marked))
        placed = [self._placed(int(number), before) for number, before in zip(pieces[1::2], pieces[::2], strict=False)]
        self._distinct = tuple(dict.fromkeys(placed))  # the same value stands in many places
        self._texts = tuple(pieces[::2])
        self._order = tuple(self._distinct.index(slot) for slot in placed)

    def filled(self, values: Mapping[str, str]) -> str:
        """The documents of one model as text; `values` are its fields by name, as `fields_of` has
        them, and any other placeholder's.
        """
        filled = [slot.filled(values) for slot in self._distinct]
        parts = [self._texts[0]]
        for number, text in zip(self._order, self._texts[1:], strict=True):
            parts += (filled[number], text)
        return "".join(parts)

    def _marked(self, value: Any) -> Any:
        """The same document with a mark in place of each value that holds a placeholder."""
        if isinstance(value, dict):
            if any("zqfield" in key for key in value):
                raise KeyError("a template has a placeholder in a key; expected it in a value")
            return {key: self._marked(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._marked(item) for item in value]
        if isinstance(value, str) and "zqfield" in value:
            return self._slot(tuple(_FIELD.split(value)), number=False)
        if isinstance(value, int) and value >= _FIRST_NUMBER:
            return self._slot(("", _NUMBERS[value - _FIRST_NUMBER], ""), number=True)
        return value

    def _slot(self, pieces: tuple[str, ...], *, number: bool) -> str:
        self._slots.append(_Slot(pieces, number))
        return f"zqslot{len(self._slots) - 1:05d}{'z' if number else _LONG}q"

    def _placed(self, number: int, before: str) -> _Slot:
        line = before.rpartition("\n")[2]
        slot = self._slots[number]
        return _Slot(slot.pieces, slot.number, len(line) - len(line.lstrip(" -")) + 2)


_FIELDS: Final = tuple(field.name for field in fields(Model))
_NUMBERS: Final = tuple(field.name for field in fields(Model) if field.type in (int, "int"))
_FIELD: Final = re.compile(r"zqfield([a-z_]+?)zq")


def fields_of(model: Model) -> dict[str, str]:
    """The values of a model by field, as text."""
    return {field: str(getattr(model, field)) for field in _FIELDS}


def placeholder(name: str) -> str:
    """The stand-in for a field: a text that no grammar of the policy allows beside the marks around
    it.
    """
    return f"zqfield{name}zq"


def _placeholder_model(mode: str) -> Model:
    values: dict[str, Any] = {name: placeholder(name) for name in _FIELDS}
    values |= {name: _FIRST_NUMBER + position for position, name in enumerate(_NUMBERS)}
    return Model(**values | {"mode": mode})

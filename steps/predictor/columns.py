"""The columns that a request may bring, and the meaning of each one for the model and the log."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "text", "moment"]
_KINDS: dict[str, Kind] = {"string": "text", "binary": "text", "datetime": "moment"}


@dataclass(frozen=True, slots=True)
class ModelColumn:
    """One column of the model. `kind` decides the accepted values; `exact` is the signature's
    type.
    """

    name: str
    kind: Kind
    exact: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Columns:
    """The policy's columns. Without a policy, they are those of the model's signature."""

    time: str | None = None
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        return self.numeric + self.categorical

    def wanted(self, inputs: Iterable[tuple[str, str, bool]]) -> tuple[ModelColumn, ...]:
        """The model's columns, from its signature's (name, type, required); without a signature,
        the policy's features.
        """
        stated = tuple(ModelColumn(name, _KINDS.get(exact, "number"), exact, required) for name, exact, required in inputs)
        if stated:
            return stated
        texts = set(self.categorical)
        return tuple(ModelColumn(c, "text", "string") if c in texts else ModelColumn(c, "number", "double") for c in self.features)

    def logged(self, wanted: Iterable[ModelColumn]) -> tuple[tuple[str, Kind], ...]:
        """The features of the log with their kinds: the policy's, or the model's where there is no
        policy.
        """
        if self.features:
            return tuple((c, "number") for c in self.numeric) + tuple((c, "text") for c in self.categorical)
        return tuple((column.name, column.kind) for column in wanted if column.name != self.time)

"""One kind's JSON Schema, compiled, and the sentences that it says about an object."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

MOST_FAULTS: Final = 10  # of one object; the rest shows once these are mended
_LONGEST: Final = 200  # characters of a value in a sentence


@dataclass(frozen=True)
class Schema:
    """A strict schema: an object has no other fields than those that it lists."""

    source: str  # read aloud after "which … does not know"
    validator: Any = field(repr=False)  # jsonschema's, which comes without types

    def faults(self, document: Mapping[str, Any]) -> list[str]:
        """At most MOST_FAULTS sentences, each with the path of its field."""
        errors = list(self.validator.iter_errors(_without_nulls(document)))
        return [sentence for error in errors for sentence in self._sentences(error)][:MOST_FAULTS]

    def _sentences(self, error: Any) -> Iterator[str]:
        path = dotted(error.absolute_path)
        if error.validator == "additionalProperties" and error.validator_value is False:
            known = error.schema.get("properties", {})
            for key in sorted(set(error.instance) - set(known)):
                yield f"{path or 'the object'} has the field {key}, which {self.source} does not know"
        elif error.validator == "type":
            expected = error.validator_value if isinstance(error.validator_value, str) else " or ".join(error.validator_value)
            yield f"{path or 'the object'} is {error.instance!r:.{_LONGEST}}; {self.source} expects {expected}"
        else:
            yield f"{path or 'the object'} is refused by {self.source}: {error.message[:_LONGEST]}"


def compiled(source: str, schema: Mapping[str, Any], documents: Mapping[str, Any] | None = None) -> Schema:
    """`documents` are what the schema's references point into, by their address before the `#`."""
    from jsonschema import Draft202012Validator
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    resources = [(address, DRAFT202012.create_resource(document)) for address, document in (documents or {}).items()]
    registry: Any = Registry().with_resources(resources)
    return Schema(source, Draft202012Validator(schema, registry=registry))


def package_folder(name: str) -> Path | None:
    """The files of an installed package, which is not imported for it; None when it is not
    there.
    """
    found = find_spec(name)
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) if places else None


def dotted(path: Sequence[str | int]) -> str:
    """`spec.triggers[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _without_nulls(value: Any) -> Any:
    """The API server drops a field that is null before it validates."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value

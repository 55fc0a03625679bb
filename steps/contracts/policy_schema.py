"""The JSON Schema (draft 2020-12) of a policy and of the files that are merged with it, generated
from the model.
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any, Literal

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import format_duration

Schema = dict[str, Any]
Kind = Literal["HealingPolicy", "HealingPolicyDefaults", "HealingPolicyOverlay"]

_DESCRIPTIONS = {
    "HealingPolicy": "Everything that the loop may do for one model.",
    "HealingPolicyDefaults": "Values for every policy that does not state them itself; all keys are optional.",
    "HealingPolicyOverlay": "Values that win over the policy's own, for one environment; all keys are optional.",
}


class _Generator(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def dict_schema(self, schema: Any) -> Schema:
        """pydantic's patternProperties would let any other key through."""
        plain = super().dict_schema(schema)
        ((pattern, values),) = plain.pop("patternProperties", {None: True}).items()
        if pattern is None:
            return plain
        names = {**plain.get("propertyNames", {}), "pattern": pattern}
        return {**plain, "propertyNames": names, "additionalProperties": values}

    def model_field_schema(self, schema: Any) -> Schema:
        return {key: value for key, value in super().model_field_schema(schema).items() if key != "title"}

    def field_title_should_be_set(self, schema: CoreSchema | Any) -> bool:  # noqa: ARG002 - a title would only repeat the key
        return False


@cache
def policy_schema(kind: Kind = "HealingPolicy") -> Schema:
    """Do not change the answer: it is shared."""
    generated = Policy.model_json_schema(by_alias=True, schema_generator=_Generator)
    schema: Schema = {"$schema": GenerateJsonSchema.schema_dialect, **generated}
    schema["title"], schema["description"] = kind, _DESCRIPTIONS[kind]
    if kind != "HealingPolicy":
        schema["properties"]["kind"] = {"const": kind, "description": f"Always {kind}.", "type": "string"}
        for section in list(_sections(schema, schema)):
            section.pop("required", None)
        schema["required"] = ["apiVersion", "kind"]
        del schema["$defs"]["Metadata"]["properties"]["name"]  # it would give all models one name
    return schema


def _sections(node: Schema, root: Schema) -> Iterator[Schema]:
    """Every mapping that is merged key by key; what lists hold is replaced whole, and so keeps its
    required keys.
    """
    yield node
    for child in node.get("properties", {}).values():
        target = resolve(child, root)
        if "properties" in target:
            yield from _sections(target, root)


def resolve(node: Schema, root: Schema) -> Schema:
    """The node itself, or what its `$ref` names."""
    return root["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def at(path: tuple[str | int, ...], root: Schema) -> Schema | None:
    """The schema of a place in a policy; None where there is none."""
    node: Schema | None = root
    for part in path:
        node = _child(node, part, root) if node else None
    return node


def _child(node: Schema, part: str | int, root: Schema) -> Schema | None:
    for choice in choices(node, root):
        if isinstance(part, int) and "items" in choice:
            return dict(choice["items"])
        if part in choice.get("properties", {}):
            return dict(choice["properties"][part])
        if isinstance(choice.get("additionalProperties"), dict):
            return dict(choice["additionalProperties"])
    return None


def choices(node: Schema, root: Schema) -> list[Schema]:
    """The alternatives that a value has, with references resolved."""
    target = resolve(node, root)
    return [choice for part in target["anyOf"] for choice in choices(part, root)] if "anyOf" in target else [target]


def keys(node: Schema, root: Schema) -> tuple[str, ...]:
    """The keys of a mapping, in the order of the model."""
    return tuple(key for choice in choices(node, root) for key in choice.get("properties", {}))

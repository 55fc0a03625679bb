"""Custom kinds held against the CustomResourceDefinitions of a cluster, strictly: a field that the
definition lacks is a fault.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.workflows.lint.findings import Finding, Result, result
from modelmedic.workflows.lint.objects import Objects, Thing

Schemas = Mapping[tuple[str, str], Any]  # by group/version and kind


def crds(objects: Objects, folder: Path) -> Result:
    """`folder` holds the definitions, such as Argo's `manifests/base/crds/full`."""
    schemas = read_schemas(folder)
    seen = [thing for thing in objects.all if (str(thing.document.get("apiVersion")), thing.kind) in schemas]
    return result("crds", seen, (finding for thing in seen for finding in _faults(thing, schemas)))


def read_schemas(folder: Path) -> Schemas:
    """Raises BadInput when the folder has no definition."""
    found: dict[tuple[str, str], Any] = {}
    for file in sorted(folder.rglob("*.yaml")):
        for document in yaml.load_all(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
            if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
                found |= _versions(document["spec"])
    if not found:
        raise BadInput(f"{folder} has no CustomResourceDefinition; expected YAML files with some")
    return found


def _versions(spec: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    kind = spec["names"]["kind"]
    return {
        (f"{spec['group']}/{version['name']}", kind): _strict(version.get("schema", {}).get("openAPIV3Schema", {}), top=True)
        for version in spec["versions"]
    }


def _strict(schema: Any, *, top: bool = False) -> Any:
    """An OpenAPI schema as a JSON schema in which an object has no other fields than those that it
    lists.
    """
    if not isinstance(schema, dict):
        return schema
    strict = {
        key: value for key, value in schema.items() if key in ("type", "enum", "required", "pattern", "items", "additionalProperties")
    }
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    if "properties" in schema:
        fields = {name: _strict(value) for name, value in schema["properties"].items()}
        strict["properties"] = fields | ({"metadata": {}} if top else {})
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            strict["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(strict.get(key), dict):
            strict[key] = _strict(strict[key])
    return strict


def _faults(thing: Thing, schemas: Schemas) -> Iterator[Finding]:
    from jsonschema import Draft202012Validator

    schema = schemas[str(thing.document.get("apiVersion")), thing.kind]
    for error in list(Draft202012Validator(schema).iter_errors(thing.document))[:10]:
        yield thing.finding(error.message[:200], ".".join(map(str, error.absolute_path)))

"""Schemas out of CustomResourceDefinitions, of a folder or of a cluster, made strict: a field that
a definition lacks is a fault.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.workflows.lint.objects import KubernetesLoader
from modelmedic.workflows.lint.schemas.schema import Schema, compiled

CLUSTER: Final = "cluster"  # in the place of a folder: the definitions of KUBECONFIG's cluster
PATH: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_KEPT: Final = ("type", "enum", "required", "pattern", "items", "additionalProperties")
_ANY_FIELDS: Final = "x-kubernetes-preserve-unknown-fields"


@dataclass
class Definitions:
    """Definitions by apiVersion and kind, compiled when they are first asked for."""

    schemas: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._compiled: dict[tuple[str, str], Schema] = {}

    def schema(self, api_version: str, kind: str) -> Schema | None:
        """None for a kind that is not defined here, or whose definition lets any field pass."""
        key = api_version, kind
        if key not in self.schemas or key in self.open:
            return None
        if key not in self._compiled:
            self._compiled[key] = compiled("the CustomResourceDefinition", strict(self.schemas[key], top=True))
        return self._compiled[key]

    @cached_property
    def open(self) -> frozenset[tuple[str, str]]:
        """Kinds whose definition lets any field of `spec` pass, such as Argo's minimal ones."""
        return frozenset(key for key, schema in self.schemas.items() if _lets_any_pass(schema))


def read_definitions(folder: Path, kinds: Collection[str] | None = None) -> Definitions:
    """The definitions in the YAML files below `folder`; with `kinds` those of these kinds alone,
    because a folder may hold 20 MB.

    Raises BadInput when the folder has no definition at all.
    """
    texts = [file.read_text(encoding="utf-8") for suffix in ("*.yaml", "*.yml") for file in sorted(folder.rglob(suffix))]
    texts = [text for text in texts if "kind: CustomResourceDefinition" in text]
    if not texts:
        raise BadInput(f"{folder} has no CustomResourceDefinition; expected YAML files with some, such as those that operators publish")
    documents = (document for text in texts if _names_one(text, kinds) for document in yaml.load_all(text, Loader=KubernetesLoader))
    return definitions_of(document for document in documents if isinstance(document, dict))


def cluster_definitions() -> Definitions:
    """The definitions of KUBECONFIG's cluster. Raises BadInput without one, Refused without the
    right to list them.
    """
    from modelmedic.steps.adapters.kube.client import connect

    return definitions_of({"kind": "CustomResourceDefinition", **each} for each in connect().listed(PATH))


def definitions_of(documents: Iterator[dict[str, Any]]) -> Definitions:
    found: dict[tuple[str, str], Any] = {}
    for document in documents:
        if document.get("kind") == "CustomResourceDefinition":
            spec = document["spec"]
            for version in spec["versions"]:
                key = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
                found[key] = version.get("schema", {}).get("openAPIV3Schema", {})
    return Definitions(found)


def strict(schema: Any, *, top: bool = False) -> Any:
    """An OpenAPI schema as a JSON Schema in which an object has no other fields than those that it
    lists.
    """
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    kept = {key: value for key, value in schema.items() if key in _KEPT}
    if "properties" in schema:
        fields = {name: strict(value) for name, value in schema["properties"].items()}
        kept["properties"] = fields | ({"metadata": {}, "apiVersion": {}, "kind": {}} if top else {})
        if not schema.get(_ANY_FIELDS):
            kept["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(kept.get(key), dict):
            kept[key] = strict(kept[key])
    return kept


def _lets_any_pass(schema: Mapping[str, Any]) -> bool:
    spec = (schema.get("properties") or {}).get("spec")
    if spec is None or schema.get(_ANY_FIELDS):
        return True
    return bool(spec.get(_ANY_FIELDS)) or not (spec.get("properties") or spec.get("items"))


def _names_one(text: str, kinds: Collection[str] | None) -> bool:
    return kinds is None or any(re.search(rf"^\s+kind: {re.escape(kind)}\s*$", text, re.MULTILINE) for kind in kinds)

"""Schemas of KServe's kinds, out of the models that the package `kserve` ships.

The models are read as source text: importing the package loads a whole model server. What they say
of Kubernetes' own types is looked up in Kubernetes' definitions.
"""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from modelmedic.workflows.lint.schemas.kubernetes import DEFINITIONS, definitions, shared_types
from modelmedic.workflows.lint.schemas.schema import Schema, compiled, package_folder

KINDS: Final = {
    ("serving.kserve.io/v1beta1", "InferenceService"): "V1beta1InferenceService",
    ("serving.kserve.io/v1alpha1", "ServingRuntime"): "V1alpha1ServingRuntime",
    ("serving.kserve.io/v1alpha1", "ClusterServingRuntime"): "V1alpha1ClusterServingRuntime",
    ("serving.kserve.io/v1alpha1", "InferenceGraph"): "V1alpha1InferenceGraph",
    ("serving.kserve.io/v1alpha1", "TrainedModel"): "V1alpha1TrainedModel",
}
_SCALARS: Final[dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "float": {"type": "number"},
    "object": {},
    "datetime": {"type": "string"},
    "ResourceQuantity": {"type": ["string", "number"]},
}
_LIST: Final = re.compile(r"list\[(.+)\]")
_MAPPING: Final = re.compile(r"dict\(str, (.+)\)")
_GROUPS: Final = ("api.core.v1", "apimachinery.pkg.apis.meta.v1", "api.autoscaling.v2", "api.apps.v1")


@cache
def kserve_schema(api_version: str, kind: str) -> Schema | None:
    """None for another kind, and when KServe's package is not installed."""
    name = KINDS.get((api_version, kind))
    models = _models()
    if name is None or models is None:
        return None
    return compiled("KServe", models.schema(name, api_version, kind), shared_types())


@cache
def _models() -> "KServeModels | None":
    folder = package_folder("kserve")
    return KServeModels(folder / "models") if folder else None


class KServeModels:
    """Generated classes of a folder, one a file, as JSON Schema definitions that grow as they are
    reached.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {path.stem.replace("_", ""): path for path in folder.glob("*.py")}
        self._definitions: dict[str, Any] = {}
        self.unknown: set[str] = set()  # types that neither KServe nor Kubernetes defines: anything goes there

    def schema(self, name: str, api_version: str, kind: str) -> dict[str, Any]:
        self._reach(name)
        own = {"apiVersion": {"enum": [api_version]}, "kind": {"enum": [kind]}}
        properties = {**self._definitions[name]["properties"], **own}
        top = {**self._definitions[name], "properties": properties, "required": ["apiVersion", "kind", "metadata", "spec"]}
        return {**top, "$defs": self._definitions}

    def _reach(self, name: str) -> None:
        if name in self._definitions:
            return
        self._definitions[name] = {}  # a class may reach itself
        types, names = _tables(self._files[name.lower()])
        properties = {names[field]: self._of(told) for field, told in types.items()}
        self._definitions[name] = {"type": "object", "properties": properties, "additionalProperties": False}

    def _of(self, told: str) -> dict[str, Any]:
        """The schema of a type as OpenAPI's generator writes it, such as `list[V1Container]`."""
        if listed := _LIST.fullmatch(told):
            return {"type": "array", "items": self._of(listed[1])}
        if mapped := _MAPPING.fullmatch(told):
            return {"type": "object", "additionalProperties": self._of(mapped[1])}
        if told in _SCALARS:
            return dict(_SCALARS[told])
        if told.lower() in self._files:
            self._reach(told)
            return {"$ref": f"#/$defs/{told}"}
        shared = _of_kubernetes(told)
        if shared is None:
            self.unknown.add(told)
            return {}
        return {"$ref": f"{DEFINITIONS}#/$defs/{shared}"}


def _of_kubernetes(told: str) -> str | None:
    """`io.k8s.api.core.v1.Container` for `V1Container`."""
    known = definitions()["$defs"]
    if told.startswith("K8sIo"):  # K8sIoApiAppsV1DeploymentStrategy
        parts = re.findall(r"V\d+(?:beta\d+|alpha\d+)?|[A-Z][a-z]+", told.removeprefix("K8sIo"))
        name = "io.k8s." + ".".join(part.lower() for part in parts[:3]) + "." + "".join(parts[3:])
        return name if name in known else None
    bare = re.sub(r"^V\d+(?:beta\d+|alpha\d+)?", "", told)
    return next((name for group in _GROUPS if (name := f"io.k8s.{group}.{bare}") in known), None)


def _tables(file: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The types of a class's fields, and the fields' names in YAML."""
    found: dict[str, Any] = {}
    for each in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
            name = each.targets[0].id
            if name in ("openapi_types", "attribute_map"):
                found[name] = ast.literal_eval(each.value)
    return found["openapi_types"], found["attribute_map"]

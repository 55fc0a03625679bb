"""Schemas of Argo Workflows and Argo Events, out of the models that the package `hera` ships.

Hera generates these models from Argo's OpenAPI. They are read as source text: importing them builds
some 400 pydantic classes, which takes ten times as long. A test holds that both readings agree.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from modelmedic.workflows.lint.schemas.schema import Schema, compiled, package_folder

WORKFLOWS: Final = "io.argoproj.workflow.v1alpha1"
EVENTS: Final = "github.com.argoproj.argo_events.pkg.apis.events.v1alpha1"
KINDS: Final = {
    **dict.fromkeys(("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow", "WorkflowEventBinding"), WORKFLOWS),
    **dict.fromkeys(("Sensor", "EventSource"), EVENTS),
}
API_VERSION: Final = "argoproj.io/v1alpha1"
_NAMES: Final = {WORKFLOWS: "Argo Workflows", EVENTS: "Argo Events"}
_SCALARS: Final[dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "float": {"type": "number"},
    "AwareDatetime": {"type": "string"},
    "Base64Str": {"type": "string"},
    "Any": {},
}
# Argo Events' OpenAPI describes its wire format, in which these differ from what YAML holds.
_IN_YAML: Final[dict[str, Any]] = {
    "Int64OrString": {"type": ["integer", "string"]},
    "Amount": {"type": ["number", "string"]},
    "K8SResource": {},  # what a trigger would create; it is judged as an object of its own
}
_EMBEDDED: Final = "webhookContext"  # a Go struct whose fields stand beside the others in YAML
_OPEN: Final = ("FieldsV1", "Plugin")  # objects of any fields, which OpenAPI cannot say


@cache
def hera_schema(api_version: str, kind: str) -> Schema | None:
    """None for another kind, and when Hera is not installed."""
    module = KINDS.get(kind)
    models = _models()
    if api_version != API_VERSION or module is None or models is None:
        return None
    return compiled(_NAMES[module], models.schema(module, kind))


@cache
def _models() -> "HeraModels | None":
    folder = package_folder("hera")
    return HeraModels(folder / "workflows" / "models") if folder else None


class HeraModels:
    """Classes of a folder of generated models, as JSON Schema definitions that grow as they are
    reached.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._modules: dict[str, _Module] = {}
        self._definitions: dict[str, Any] = {}

    def schema(self, module: str, name: str) -> dict[str, Any]:
        """The schema of one class that has apiVersion, kind, metadata and spec.

        Raises ValueError for source that Hera's generator did not write in this version.
        """
        defined = _key(module, name)
        self._reach(defined)
        own = {"apiVersion": {"enum": [API_VERSION]}, "kind": {"enum": [name]}}
        properties = {**self._definitions[defined]["properties"], **own}
        top = {**self._definitions[defined], "properties": properties, "required": ["apiVersion", "kind", "metadata", "spec"]}
        return {**top, "$defs": self._definitions}

    def _reach(self, key: str) -> None:
        if key in self._definitions:
            return
        module, _, name = key.rpartition(".")
        self._definitions[key] = {}  # a class may reach itself
        self._definitions[key] = self._definition(self._module(module), name)

    def _definition(self, module: "_Module", name: str) -> dict[str, Any]:
        if module.name == EVENTS and name in _IN_YAML:
            return dict(_IN_YAML[name])
        if name in _OPEN:
            return {"type": "object"}
        found = module.classes.get(name)
        if found is None:
            raise ValueError(f"Hera's module {module.name} has no class {name}; expected hera 7.1")
        base = found.bases[0]
        if isinstance(base, ast.Subscript):  # RootModel[…]
            return self._of(base.slice, module)
        if ast.unparse(base) == "Enum":
            return {"enum": [ast.literal_eval(each.value) for each in found.body if isinstance(each, ast.Assign)]}
        return self._object(found, module)

    def _object(self, found: ast.ClassDef, module: "_Module") -> dict[str, Any]:
        properties: dict[str, Any] = {}
        required: list[str] = []
        for each in found.body:
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                name = _alias(each.annotation) or each.target.id
                properties[name] = self._of(each.annotation, module)
                required += [name] if each.value is None else []
        if _EMBEDDED in properties:
            embedded = self._definitions[properties[_EMBEDDED]["$ref"].removeprefix("#/$defs/")]
            properties = {**properties, **embedded["properties"]}
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    def _of(self, annotation: ast.expr, module: "_Module") -> dict[str, Any]:
        """The schema of a type; an optional one is that of its value, because nulls are dropped."""
        if isinstance(annotation, ast.Subscript):
            return self._of_generic(ast.unparse(annotation.value), annotation.slice, module)
        if isinstance(annotation, ast.BinOp):
            parts = [part for part in _alternatives(annotation) if ast.unparse(part) != "None"]
            schemas = [self._of(part, module) for part in parts]
            return schemas[0] if len(schemas) == 1 else {"type": [schema["type"] for schema in schemas]}
        if isinstance(annotation, ast.Name) and annotation.id in _SCALARS:
            wide = module.name == EVENTS and annotation.id == "str"  # a 64-bit number is a text on the wire
            return {"type": ["string", "integer"]} if wide else dict(_SCALARS[annotation.id])
        key = _key_of(annotation, module)
        self._reach(key)
        return {"$ref": f"#/$defs/{key}"}

    def _of_generic(self, name: str, inner: ast.expr, module: "_Module") -> dict[str, Any]:
        if name == "list":
            return {"type": "array", "items": self._of(inner, module)}
        if isinstance(inner, ast.Tuple) and name == "Annotated":
            return self._of(inner.elts[0], module)
        if isinstance(inner, ast.Tuple) and name == "dict":
            return {"type": "object", "additionalProperties": self._of(inner.elts[1], module)}
        raise ValueError(f"Hera's module {module.name} has the type {name}[…]; expected list, dict or Annotated, as in hera 7.1")

    def _module(self, name: str) -> "_Module":
        if name not in self._modules:
            path = self._folder.joinpath(*name.split(".")).with_suffix(".py")
            self._modules[name] = _Module(name, ast.parse(path.read_text(encoding="utf-8")))
        return self._modules[name]


class _Module:
    """One file: its classes, and the modules of the same folder that it calls by another name."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name = name
        self.classes = {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}
        self.imports = dict(_imports(name, tree))


def _key(module: str, name: str) -> str:
    return f"{module}.{name}"


def _key_of(annotation: ast.expr, module: _Module) -> str:
    if isinstance(annotation, ast.Attribute) and isinstance(annotation.value, ast.Name):
        return _key(module.imports[annotation.value.id], annotation.attr)
    return _key(module.name, ast.unparse(annotation))


def _imports(name: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    for each in tree.body:
        if isinstance(each, ast.ImportFrom) and each.level:
            above = [*name.split(".")[: -each.level], *((each.module or "").split(".") if each.module else [])]
            for imported in each.names:
                yield imported.asname or imported.name, ".".join([*above, imported.name])


def _alternatives(annotation: ast.expr) -> Iterator[ast.expr]:
    if isinstance(annotation, ast.BinOp):
        yield from _alternatives(annotation.left)
        yield from _alternatives(annotation.right)
    else:
        yield annotation


def _alias(annotation: ast.expr) -> str | None:
    """The name that a field has in YAML, when it is another one than Python's: `Annotated[…,
    Field(alias=…)]`.
    """
    if not (isinstance(annotation, ast.Subscript) and isinstance(annotation.slice, ast.Tuple)):
        return None
    keywords = [keyword for call in annotation.slice.elts[1:] if isinstance(call, ast.Call) for keyword in call.keywords]
    return next((str(ast.literal_eval(keyword.value)) for keyword in keywords if keyword.arg == "alias"), None)

"""The objects of a tree of manifests: every document of every file, and those that a Sensor would
create; read once for all checks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import PurePosixPath
from typing import Any, Final

import yaml

from modelmedic.workflows.lint.findings import Finding

KUSTOMIZATION: Final = ("kustomization.yaml", "kustomization.yml")
PLAIN: Final = "plain"  # folders of files that are no Kubernetes objects


class KubernetesLoader(yaml.CSafeLoader):
    """A loader that reads a plain `=` as text, which is what kustomize makes of a matcher's
    `matchType` and what the definition of AlertmanagerConfig has; YAML 1.1 has no value for it.
    """


def _text(_: KubernetesLoader, node: yaml.ScalarNode) -> str:
    return str(node.value)


KubernetesLoader.add_constructor("tag:yaml.org,2002:value", _text)


class _Loader(KubernetesLoader):
    """A loader that refuses a mapping with a key that is there twice: one of the two would win
    without a word.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [str(key.value) for key, _ in node.value]
        if len(set(keys)) < len(keys):
            doubled = min(key for key in keys if keys.count(key) > 1)
            raise yaml.constructor.ConstructorError(None, None, f"has the key {doubled} more than once", node.start_mark)
        return super().construct_mapping(node, deep)


@dataclass(frozen=True)
class Thing:
    """One object, with the file that it stands in."""

    file: str
    document: Mapping[str, Any] = field(repr=False)
    within: str = ""  # the object that would create it

    @property
    def kind(self) -> str:
        return str(self.document.get("kind", ""))

    @property
    def api_version(self) -> str:
        return str(self.document.get("apiVersion", ""))

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.document.get("metadata") or {}

    @property
    def name(self) -> str:
        return str(self.metadata.get("name") or self.metadata.get("generateName") or "")

    @property
    def namespace(self) -> str:
        return str(self.metadata.get("namespace") or "")

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.document.get("spec") or {}

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name}" + (f" of {self.within}" if self.within else "")

    def finding(self, sentence: str, place: str = "") -> Finding:
        return Finding(self.file, f"{self.label} {place}".strip(), sentence)

    @cached_property
    def workflow_spec(self) -> Mapping[str, Any]:
        """The spec of a Workflow, WorkflowTemplate or CronWorkflow; empty for anything else."""
        if self.kind == "CronWorkflow":
            return self.spec.get("workflowSpec") or {}
        return self.spec if self.kind in ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate") else {}

    @cached_property
    def templates(self) -> Sequence[Mapping[str, Any]]:
        return self.workflow_spec.get("templates") or []


@dataclass(frozen=True)
class Objects:
    """Everything of a tree, by kind."""

    all: tuple[Thing, ...]
    unreadable: tuple[Finding, ...] = ()

    def of(self, *kinds: str) -> list[Thing]:
        return [thing for thing in self.all if thing.kind in kinds]

    @cached_property
    def workflows(self) -> list[Thing]:
        return [thing for thing in self.all if thing.workflow_spec]

    @cached_property
    def names(self) -> frozenset[tuple[str, str, str]]:
        """Kind, namespace and name of every object."""
        return frozenset((thing.kind, thing.namespace, thing.name) for thing in self.all if not thing.within)


def read_objects(tree: Mapping[str, str]) -> Objects:
    """The objects of every YAML file that is no kustomization and lies in no folder for plain
    files.
    """
    read = [_read(file, text) for file, text in tree.items() if _holds_objects(file)]
    things = tuple(thing for each in read for thing in each.all)
    return Objects(things, tuple(finding for each in read for finding in each.unreadable))


def _holds_objects(file: str) -> bool:
    path = PurePosixPath(file)
    return path.suffix in (".yaml", ".yml") and path.name not in KUSTOMIZATION and PLAIN not in path.parts


@lru_cache(512)  # overlays and tests read the same files again
def _read(file: str, text: str) -> Objects:
    try:
        documents = [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
    except yaml.YAMLError as error:
        return Objects((), (Finding(file, "YAML", " ".join(str(error).split())),))
    things: list[Thing] = []
    unreadable: list[Finding] = []
    for document in documents:
        if isinstance(document, dict) and "kind" in document:
            things += _with_nested(Thing(file, document))
        elif not isinstance(document, dict) or set(document) != {"ignoreDifferences"}:
            unreadable.append(Finding(file, "YAML", "is no Kubernetes object; expected apiVersion, kind and metadata"))
    return Objects(tuple(things), tuple(unreadable))


def _with_nested(thing: Thing) -> Iterator[Thing]:
    yield thing
    if thing.kind != "Sensor":
        return
    for trigger in thing.spec.get("triggers") or []:
        resource = ((trigger.get("template") or {}).get("k8s") or {}).get("source", {}).get("resource")
        if isinstance(resource, dict):
            yield Thing(thing.file, resource, within=f"Sensor {thing.name}")

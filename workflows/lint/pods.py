"""The Pods that a tree would make, projected out of kinds in which no scanner looks for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelmedic.workflows.lint.findings import Finding
from modelmedic.workflows.lint.objects import Objects, Thing

_POD_FIELDS: Final = ("volumes", "hostNetwork", "serviceAccountName", "automountServiceAccountToken", "securityContext")
_RUNS: Final = ("container", "script", "containerSet")
_WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet")


@dataclass(frozen=True)
class Pod:
    """A pod's spec, with the object that would make it; `main` are the names of containers that run
    our or the user's code.
    """

    thing: Thing
    name: str
    spec: Mapping[str, Any]
    labels: Mapping[str, str]

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        return [*(self.spec.get("initContainers") or []), *(self.spec.get("containers") or [])]

    def finding(self, sentence: str, container: str = "") -> Finding:
        return self.thing.finding(sentence, f"pod {self.name}" + (f" container {container}" if container else ""))

    def document(self) -> dict[str, Any]:
        """The pod as an object of its own, for a scanner."""
        metadata = {"name": self.name, "namespace": self.thing.namespace or "default", "labels": dict(self.labels)}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": dict(self.spec)}


def pods(objects: Objects) -> list[Pod]:
    """One per template that runs a container, per workload, per serving runtime, per piece of Argo
    Events.
    """
    return [pod for thing in objects.all for pod in _pods(thing)]


def runs(template: Mapping[str, Any]) -> bool:
    return any(kind in template for kind in _RUNS)


def _pods(thing: Thing) -> Iterator[Pod]:
    if thing.workflow_spec:
        yield from (_of_template(thing, template) for template in thing.templates if runs(template))
    elif thing.kind in _WORKLOADS:
        yield _of_pod_template(thing, thing.spec.get("template") or {})
    elif thing.kind == "CronJob":
        yield _of_pod_template(thing, ((thing.spec.get("jobTemplate") or {}).get("spec") or {}).get("template") or {})
    elif thing.kind == "Pod":
        yield Pod(thing, thing.name, thing.spec, thing.metadata.get("labels") or {})
    elif thing.kind in ("ServingRuntime", "ClusterServingRuntime"):
        spec = {key: thing.spec[key] for key in ("containers", *_POD_FIELDS) if key in thing.spec}
        yield Pod(thing, thing.name, spec, thing.spec.get("labels") or {})
    elif thing.kind in ("EventSource", "Sensor"):
        yield _of_events(thing, thing.spec.get("template") or {})
    elif thing.kind == "EventBus" and "jetstream" in thing.spec:
        yield _of_bus(thing, thing.spec["jetstream"])


def _of_template(thing: Thing, template: Mapping[str, Any]) -> Pod:
    """The pod as Argo puts it together: the template's own values win over the workflow's, and
    `templateDefaults` lie below both.
    """
    spec = thing.workflow_spec
    defaults = spec.get("templateDefaults") or {}
    whole: dict[str, Any] = {}
    for level in (spec, defaults, template):
        whole |= {key: level[key] for key in _POD_FIELDS if key in level and key != "volumes"}
    whole["volumes"] = [volume for level in (spec, defaults, template) for volume in level.get("volumes") or []]
    main = [{**(defaults.get("container") or {}), **template[kind], "name": "main"} for kind in ("container", "script") if kind in template]
    grouped = (template.get("containerSet") or {}).get("containers") or []
    whole["containers"] = [*main, *grouped, *(template.get("sidecars") or [])]
    whole["initContainers"] = template.get("initContainers") or []
    metadata = template.get("metadata") or {}
    labels = {**((spec.get("podMetadata") or {}).get("labels") or {}), **(metadata.get("labels") or {})}
    return Pod(thing, str(template.get("name", "")), whole, labels)


def _of_pod_template(thing: Thing, template: Mapping[str, Any]) -> Pod:
    return Pod(thing, thing.name, template.get("spec") or {}, (template.get("metadata") or {}).get("labels") or {})


def _of_events(thing: Thing, template: Mapping[str, Any]) -> Pod:
    """The image is the controller's own choice."""
    container = {"name": "main", "image": "argo-events:controller", **(template.get("container") or {})}
    spec = {"containers": [container], **{key: template[key] for key in _POD_FIELDS if key in template}}
    return Pod(thing, thing.name, spec, (template.get("metadata") or {}).get("labels") or {})


def _of_bus(thing: Thing, bus: Mapping[str, Any]) -> Pod:
    parts = ("containerTemplate", "reloaderContainerTemplate", "metricsContainerTemplate")
    containers = [{"name": part, "image": "nats:controller", **(bus.get(part) or {})} for part in parts]
    return Pod(
        thing, thing.name, {"containers": containers, "securityContext": bus.get("securityContext") or {}}, {"eventbus-name": thing.name}
    )

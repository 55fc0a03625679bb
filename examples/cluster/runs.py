"""Workflows by kubectl: started from their templates, followed to their end, and read as nodes with
their times.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelmedic.examples.cluster.kubectl import Cluster, Late, wait_until

HOPELESS = ("ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError")  # waiting does not help
ENDED = ("Succeeded", "Failed", "Error")


@dataclass(frozen=True, slots=True)
class WorkflowNode:
    """One pod or approval of a run; a time is None until it has come."""

    name: str
    phase: str
    started: datetime | None
    finished: datetime | None
    message: str
    outputs: Mapping[str, str]
    pod: bool


def heal(cluster: Cluster, model: str, incident: str) -> str:
    """Start the heal of an incident under the name that triage would give it, so that there is
    never a second one.
    """
    return start(cluster, f"heal-{model}", {"incident": incident}, f"heal-{incident}")


def start(cluster: Cluster, template: str, parameters: Mapping[str, str] | None = None, name: str | None = None) -> str:
    """Start a Workflow of the template; its name begins with the template's unless one is given."""
    return cluster.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"namespace": cluster.namespace, **({"name": name} if name else {"generateName": f"{template}-"})},
            "spec": {
                "workflowTemplateRef": {"name": template},
                "arguments": {"parameters": [{"name": key, "value": value} for key, value in (parameters or {}).items()]},
            },
        }
    )


def monitor(cluster: Cluster, model: str) -> str:
    return at_once(cluster, f"monitor-{model}")


def at_once(cluster: Cluster, cron: str) -> str:
    """Start now what the CronWorkflow starts by the clock; the new Workflow's name."""
    found = cluster.get("cronworkflow", cron)
    if found is None:
        raise RuntimeError(f"there is no CronWorkflow {cron}")
    spec = found["spec"]
    metadata = {"generateName": f"{cron}-", "namespace": cluster.namespace, **spec.get("workflowMetadata", {})}
    return cluster.create({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec["workflowSpec"]})


def nodes(cluster: Cluster, workflow: str) -> list[WorkflowNode]:
    """The Workflow's nodes by their start."""
    document = cluster.get("workflow", workflow) or {}
    found = document.get("status", {}).get("nodes", {}).values()
    return sorted(
        (_node(each) for each in found if each["type"] in ("Pod", "Suspend")), key=lambda node: (node.started is None, node.started)
    )


def phase(cluster: Cluster, workflow: str) -> str:
    return str(((cluster.get("workflow", workflow) or {}).get("status") or {}).get("phase", ""))


def wait(cluster: Cluster, workflow: str, seconds: float, say: Callable[[str], None] = lambda _: None) -> str:
    """The phase that the Workflow ends in; each node is said when its phase changes."""
    said: set[tuple[str, str]] = set()

    def look() -> str | None:
        for node in nodes(cluster, workflow):
            if any(reason in node.message for reason in HOPELESS):
                raise Late(f"{workflow}: {node.name} cannot start: {node.message[:300]}")
            if (node.name, node.phase) not in said:
                said.add((node.name, node.phase))
                outputs = ", ".join(f"{key}={value}" for key, value in node.outputs.items())
                say(f"{workflow}: {node.name} {node.phase}{f' ({outputs})' if outputs else ''}")
        now = phase(cluster, workflow)
        return now if now in ENDED else None

    return wait_until(
        look, seconds, f"the end of {workflow}", 1.0, lambda: "; ".join(f"{n.name} {n.phase} {n.message}" for n in nodes(cluster, workflow))
    )


def succeed(cluster: Cluster, workflow: str, seconds: float, say: Callable[[str], None] = lambda _: None) -> None:
    """Wait for success. Raises Late, with the pods' logs, when the Workflow ends in any other
    way.
    """
    ended = wait(cluster, workflow, seconds, say)
    if ended != "Succeeded":
        raise Late(f"{workflow} ended as {ended}: {logs(cluster, workflow)[-1500:]}")


def logs(cluster: Cluster, workflow: str) -> str:
    """The last lines of the steps' logs."""
    return cluster.run("logs", "-l", f"workflows.argoproj.io/workflow={workflow}", "-c", "main", "--tail=40", "--prefix", check=False)


def _node(document: Mapping[str, Any]) -> WorkflowNode:
    outputs = {each["name"]: str(each.get("value", "")) for each in (document.get("outputs") or {}).get("parameters", [])}
    return WorkflowNode(
        document["displayName"],
        document.get("phase", ""),
        _moment(document.get("startedAt")),
        _moment(document.get("finishedAt")),
        document.get("message", ""),
        outputs,
        document["type"] == "Pod",
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

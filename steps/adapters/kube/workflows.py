"""Argo Workflows by the Kubernetes API: starting the heal of an incident, and answering the
approval that it waits at.

No Argo server is needed. To start takes `create` on workflows and no more: a Workflow that is there
already is a 409. An answer is written as Argo's own server writes it (`SetWorkflow` and
`ResumeWorkflow` in its workflow/util/util.go): output parameter and phase of the suspended node, in
one patch that holds only while no other writer has come between; it takes `list` and `patch`, and
to look takes `list`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from modelmedic.steps.adapters.kube.client import Document, Kube
from modelmedic.steps.contracts.errors import Conflict, Refused, Transient
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.places import workflow_name

DECISION: Final = "decision"
_LABEL: Final = "modelmedic.io/incident"
_UNDER_WAY: Final = ("Pending", "Running")
_TRIES: Final = 10  # the controller writes a running Workflow every few seconds


class ArgoWorkflows:
    """The `Workflows` of one namespace. An answered node is stamped with this machine's time, never
    with a played one.
    """

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube = kube
        self._path = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflows"
        self._namespace = namespace

    def start(self, template: str, incident: Incident, by: str) -> bool:
        """Raises NotFound when there is no such namespace, Refused when RBAC or the admission
        policy forbids it.
        """
        try:
            self._kube.create(self._path, document(template, incident, by, self._namespace))
        except Conflict:
            return False
        return True

    def phase(self, incident: str) -> str | None:
        phases = [str(each.get("status", {}).get("phase") or "Pending") for each in self._heals(incident)]
        return next((phase for phase in phases if phase in _UNDER_WAY), phases[0] if phases else None)

    def answer(self, incident: str, stage: str, decision: str, by: str) -> bool:
        """Raises Transient when other writers were faster ten times in a row, Refused when a
        Workflow's nodes are not in it.
        """
        for _ in range(_TRIES):
            try:
                return self._answer_all(incident, stage, decision, by)
            except Conflict:
                continue
        raise Transient(f"the heal of incident {incident} was changed by others {_TRIES} times in a row; expected to answer its {stage}")

    def _answer_all(self, incident: str, stage: str, decision: str, by: str) -> bool:
        done = False
        for workflow in self._heals(incident):
            nodes = dict(_waiting(workflow, stage))
            if nodes:
                self._kube.patch(f"{self._path}/{workflow['metadata']['name']}", self._answered(workflow, nodes, decision, by))
                done = True
        return done

    def _heals(self, incident: str) -> list[Document]:
        """The heal's Workflow, and more when people submitted some, which carry the label as
        well.
        """
        return self._kube.listed(self._path, f"{_LABEL}={incident}")

    def _answered(self, workflow: Document, nodes: dict[str, Document], decision: str, by: str) -> Document:
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        told = {"phase": "Succeeded", "finishedAt": at, "message": f"{decision} by {by}"}
        changed = {identity: {**told, "outputs": _decided(node, decision)} for identity, node in nodes.items()}
        return {"metadata": {"resourceVersion": workflow["metadata"]["resourceVersion"]}, "status": {"nodes": changed}}


def document(template: str, incident: Incident, by: str, namespace: str) -> Document:
    """The Workflow of a heal. Nothing of the template is overridden and nothing of an alert is in
    it, because the admission policy lets no more through.
    """
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": workflow_name(incident.id),
            "namespace": namespace,
            "labels": {_LABEL: incident.id, "modelmedic.io/submitted-by": by},
            "annotations": {"workflows.argoproj.io/title": f"Incident {incident.epoch} of {incident.model}"},
        },
        "spec": {
            "workflowTemplateRef": {"name": template},
            "arguments": {"parameters": [{"name": "incident", "value": incident.id}]},
        },
    }


def _waiting(workflow: Document, stage: str) -> Iterator[tuple[str, Document]]:
    status = workflow.get("status") or {}
    if status.get("finishedAt"):
        return
    if status.get("compressedNodes") or status.get("offloadNodeStatusVersion"):
        called = workflow["metadata"]["name"]
        raise Refused(
            f"the nodes of Workflow {called} are kept elsewhere by Argo; expected them in it: answer with "
            f"`argo node set {called} --phase Succeeded -p {DECISION}=… --node-field-selector displayName={stage}`"
        )
    for identity, node in (status.get("nodes") or {}).items():
        if (node.get("type"), node.get("displayName"), node.get("phase")) == ("Suspend", stage, "Running"):
            yield identity, node


def _decided(node: Document, decision: str) -> dict[str, Any]:
    """The node's outputs as Argo leaves them: a supplied value no longer names its source."""
    outputs = node.get("outputs") or {}
    others = [parameter for parameter in outputs.get("parameters") or [] if parameter["name"] != DECISION]
    return {**outputs, "parameters": [*others, {"name": DECISION, "value": decision}]}

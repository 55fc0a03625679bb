"""The three engines of the suite of `Workflows`: in memory, over a fake API, and in a real cluster.

The last needs KUBECONFIG and, in MODELMEDIC_E2E_NAMESPACE, the right to make Workflows; its heals
have no pods.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelmedic.steps.adapters.kube.client import Kube, connect
from modelmedic.steps.adapters.kube.workflows import ArgoWorkflows
from modelmedic.steps.contracts.errors import Conflict
from modelmedic.steps.contracts.places import workflow_name
from modelmedic.steps.contracts.ports import Workflows
from tests.fakes.workflows import FakeArgo, FakeWorkflows

TEMPLATE = "heal-churn"
_PATIENCE = 60.0  # seconds for Argo's controller


@dataclass(frozen=True)
class HealEngine:
    """`reach` brings a started heal to its approval; `decided` says what it went on with, None when
    it went nowhere.
    """

    workflows: Workflows
    reach: Callable[[str, str], None]
    decided: Callable[[str], str | None]


@contextmanager
def in_memory() -> Iterator[HealEngine]:
    heals = FakeWorkflows()

    def decided(incident: str) -> str | None:
        return next((answer[2] for answer in heals.answers if answer[0] == incident), None)

    yield HealEngine(heals, heals.waits.__setitem__, decided)


@contextmanager
def over_http(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HealEngine]:
    argo = FakeArgo(written_meanwhile=2)
    point_at(argo, folder, monkeypatch)
    try:
        workflows = ArgoWorkflows(connect(), "ml")
        yield HealEngine(
            workflows,
            lambda incident, stage: argo.suspend(workflow_name(incident), stage),
            lambda incident: decision(argo.objects[workflow_name(incident)]),
        )
    finally:
        argo.close()


def point_at(argo: FakeArgo, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubernetes package looks at KUBECONFIG when it is imported, and never again."""
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(argo.kubeconfig(folder / "kubeconfig")))


@contextmanager
def in_cluster() -> Iterator[HealEngine]:
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("no cluster to test on: KUBECONFIG is not set")
    namespace, kube = os.environ.get("MODELMEDIC_E2E_NAMESPACE", "modelmedic-e2e"), connect()
    base = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}"
    with suppress(Conflict):
        kube.create(f"{base}/workflowtemplates", _template())

    def reach(incident: str, stage: str) -> None:
        _until(lambda: any(_waits(node, stage) for node in _nodes(kube, base, incident)))

    def decided(incident: str) -> str | None:
        path = f"{base}/workflows/{workflow_name(incident)}"
        if any(_waits(node, "approve") for node in _nodes(kube, base, incident)):
            return None
        _until(lambda: kube.get(path).get("status", {}).get("phase") == "Succeeded")
        ran = {node["displayName"] for node in _nodes(kube, base, incident) if node["phase"] == "Succeeded"}
        found = decision(kube.get(path))
        assert ("deploy" in ran) == (found == "approved")  # by the conditions of the graph
        return found

    yield HealEngine(ArgoWorkflows(kube, namespace), reach, decided)


def decision(workflow: dict[str, Any]) -> str | None:
    for node in (workflow.get("status") or {}).get("nodes", {}).values():
        if node["type"] == "Suspend" and node["displayName"] == "approve" and node["phase"] == "Succeeded":
            assert "valueFrom" not in node["outputs"]["parameters"][0]
            return str(node["outputs"]["parameters"][0]["value"])
    return None


def _waits(node: dict[str, Any], stage: str) -> bool:
    return (node["type"], node["displayName"], node["phase"]) == ("Suspend", stage, "Running")


def _nodes(kube: Kube, base: str, incident: str) -> list[dict[str, Any]]:
    status = kube.get(f"{base}/workflows/{workflow_name(incident)}").get("status") or {}
    return list((status.get("nodes") or {}).values())


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < end, "Argo's controller did not come to it"
        time.sleep(0.5)


def _template() -> dict[str, Any]:
    """An approval as it is rendered, and a stage that runs only after "approved"; neither has a
    pod.
    """
    decided = {"name": "decision", "valueFrom": {"supplied": {}, "default": "rejected"}}
    asked = {"name": "decision", "default": "rejected", "enum": ["approved", "rejected"]}
    approve = {"name": "approve", "suspend": {"duration": "120s"}, "inputs": {"parameters": [asked]}, "outputs": {"parameters": [decided]}}
    on_yes = "'{{tasks.approve.outputs.parameters.decision}}' == 'approved'"
    tasks = [
        {"name": "approve", "template": "approve"},
        {"name": "deploy", "template": "deploy", "depends": "approve.Succeeded", "when": on_yes},
    ]
    templates = [{"name": "heal", "dag": {"tasks": tasks}}, approve, {"name": "deploy", "suspend": {"duration": "1s"}}]
    spec = {
        "entrypoint": "heal",
        "arguments": {"parameters": [{"name": "incident"}]},
        "ttlStrategy": {"secondsAfterCompletion": 300},
        "activeDeadlineSeconds": 300,
        "templates": templates,
    }
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate", "metadata": {"name": TEMPLATE}, "spec": spec}

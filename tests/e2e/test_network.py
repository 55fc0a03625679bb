"""With NetworkPolicies enforced: every path that the loop needs is open, and all others are closed,
seen from pods of each step class.
"""

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from modelmedic.examples.cluster.kubectl import wait_until
from tests.e2e.stage import Stage, evidence

CLASS = "modelmedic.io/step-class"
NEEDS = {
    "observe": {"store", "registry", "alertmanager", "pushgateway", "api"},
    "train": {"store", "api"},  # the API is for Argo's own container, which reports what a step did
    "validate": {"store", "registry", "alertmanager", "api"},
    "deploy": {"store", "registry", "alertmanager", "pushgateway", "prometheus", "predictor", "api"},  # the sweep asks how versions fare
    "triage": {"store", "alertmanager", "api"},
    "nobody": set(),
}
_LOOK = """
import json, os, socket, time
def opens(host, port):
    try:
        socket.create_connection((host, port), 3).close()
        return True
    except OSError:
        return False
time.sleep(6)  # a pod is there a little before the policies for it are
print(json.dumps(sorted(name for name, where in json.loads(os.environ["TARGETS"]).items() if opens(*where))))
"""


@pytest.fixture(scope="module")
def targets(whole_stage: Stage) -> dict[str, tuple[str, int]]:
    """The targets that can be asked in the cluster. Each but the last three is somebody's need, so
    that a target which is down fails the test.
    """
    service = whole_stage.policy.serving.inferenceService
    pods = whole_stage.cluster.listed("pods", f"serving.kserve.io/inferenceservice={service}")
    gateway = urlsplit(whole_stage.cluster.gateway)
    return {
        "store": ("object-store", 9000),
        "registry": ("mlflow", 5000),
        "alertmanager": ("alertmanager", 9093),
        "pushgateway": ("pushgateway", 9091),
        "predictor": (next(pod["status"]["podIP"] for pod in pods if pod["status"]["phase"] == "Running"), 8080),
        "api": ("kubernetes.default.svc", 443),
        "prometheus": ("prometheus", 9090),
        "eventsource": ("alerts-eventsource-svc", 12000),
        "gateway": (str(gateway.hostname), gateway.port or 80),  # stands for the world outside
    }


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_a_pod_reaches_what_its_class_needs_and_nothing_else(whole_stage: Stage, targets: Mapping[str, tuple[str, int]], name: str) -> None:
    labels = {} if name == "nobody" else {CLASS: name}
    pod = whole_stage.cluster.create(_pod(whole_stage, labels, targets))
    try:
        wait_until(lambda: _ended(whole_stage, pod), 120, f"the end of pod {pod}")
        opened = set(json.loads(whole_stage.cluster.run("logs", pod)))
    finally:
        whole_stage.cluster.run("delete", "pod", pod, "--wait=false", check=False)
    assert opened == NEEDS[name]
    evidence(f"l: network of {name}", {"open": len(opened), "closed": len(targets) - len(opened)})


def test_the_service_that_takes_alerts_is_there_for_who_may_use_it(whole_stage: Stage) -> None:
    """So that the closed paths to it above are closed by policies."""
    logs = whole_stage.cluster.run("get", "pods", "-l", "eventsource-name", "-o", "jsonpath={.items[*].status.phase}")
    assert "Running" in logs
    assert os.environ.get("GATEWAY")


def _ended(stage: Stage, pod: str) -> bool | None:
    phase = ((stage.cluster.get("pod", pod) or {}).get("status") or {}).get("phase")
    assert phase != "Failed", stage.cluster.run("logs", pod)
    return True if phase == "Succeeded" else None


def _pod(stage: Stage, labels: Mapping[str, str], targets: Mapping[str, tuple[str, int]]) -> dict[str, Any]:
    """Of the image of the steps, as closed as a step is."""
    template = stage.cluster.get("workflowtemplate", f"heal-{stage.model}")
    assert template is not None
    container = next(each["container"] for each in template["spec"]["templates"] if each["name"] == "diagnose")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "network-", "namespace": stage.cluster.namespace, "labels": dict(labels)},
        "spec": {
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "securityContext": template["spec"]["securityContext"],
            "containers": [
                {
                    "name": "look",
                    "image": container["image"],
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-c", _LOOK],
                    "env": [{"name": "TARGETS", "value": json.dumps(targets)}],
                    "securityContext": container["securityContext"],
                    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}},
                }
            ],
        },
    }

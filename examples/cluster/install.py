"""The quickstart on a cluster: rendered for the given policies and for this cluster's image names,
applied, and taken away again.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from modelmedic.examples.cluster.kubectl import Cluster, wait_until
from modelmedic.examples.cluster.runs import HOPELESS
from modelmedic.steps.contracts.policy import Policy

ROOT = Path(__file__).resolve().parents[2]
_SERVICES = ("object-store", "mlflow", "prometheus", "alertmanager", "pushgateway")
_READY = 240  # seconds
_INITIALIZER = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
_PART_OF = "app.kubernetes.io/part-of", "modelmedic"
OURS = "=".join(_PART_OF)  # selects every object of ours
_HOPELESS = (*HOPELESS, "CrashLoopBackOff")


def settings() -> tuple[Path, dict[str, str]]:
    """The platform file of this cluster, and its names for the images of the quickstart
    (`CLUSTER_IMAGES=a=b,c=d`).
    """
    names = dict(pair.split("=", 1) for pair in os.environ.get("CLUSTER_IMAGES", "").split(",") if pair)
    return Path(os.environ.get("CLUSTER_PLATFORM", ROOT / "k8s" / "platform.yaml")), names


def render_tree(policies: Sequence[Policy], platform: Path, images: Mapping[str, str], out: Path, overlay: str = "quickstart") -> Path:
    """A kustomize folder that holds everything, with the committed overlay unchanged."""
    from modelmedic.workflows.inputs.platform import read_platform
    from modelmedic.workflows.output.tree import write
    from modelmedic.workflows.render.render import render

    shutil.copytree(ROOT / "k8s" / "overlays", out / "k8s" / "overlays")
    (out / "k8s" / "base").mkdir(parents=True)
    shutil.copy(ROOT / "k8s" / "base" / "kustomization.yaml", out / "k8s" / "base")
    write(render(policies, read_platform(platform)), out)
    here = out / "k8s" / "here"
    here.mkdir()
    shutil.copy(out / "k8s" / "overlays" / overlay / "image-fields.yaml", here)
    lines = ["apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", f"resources: [../overlays/{overlay}]"]
    lines.append("configurations: [image-fields.yaml]")
    if images:
        lines.append("images:")
        for old, new in images.items():
            name, _, tag = new.rpartition(":")
            lines.append(f'- {{name: {old.rpartition(":")[0] or old}, newName: {name}, newTag: "{tag}"}}')
    (here / "kustomization.yaml").write_text("\n".join(lines) + "\n")
    return here


def install(cluster: Cluster, folder: Path, say: Callable[[str], None]) -> None:
    """Apply the secrets, then everything, and wait until the services answer. Applying twice
    changes nothing.
    """
    subprocess.run(
        [ROOT / "k8s" / "overlays" / "quickstart" / "secrets.sh", cluster.namespace], check=True, capture_output=True, timeout=120
    )
    _let_models_be_fetched(cluster, say)
    say("kubectl apply --server-side -k: the namespace, the templates, the bus, the services")
    cluster.run("apply", "--server-side", "--force-conflicts", "-k", str(folder), namespaced=False)
    for service in _SERVICES:
        wait_until(partial(_available, cluster, service), _READY, f"Deployment {service}", 2)
    wait_until(lambda: (_runs(cluster, "eventsource-name") and _runs(cluster, "sensor-name")) or None, _READY, "EventSource and Sensor", 2)


def uninstall(cluster: Cluster, folder: Path, say: Callable[[str], None]) -> None:
    """Delete the quickstart and its data. On a real platform `kubectl delete -k` leaves stores and
    models alone.
    """
    say("kubectl delete -k")
    cluster.run("delete", "inferenceservices,workflows", "--all", "--ignore-not-found", "--timeout=60s", check=False)
    cluster.run("delete", "-k", str(folder), "--ignore-not-found", "--timeout=100s", namespaced=False, check=False)
    cluster.run("delete", "clusterstoragecontainers", "-l", OURS, "--ignore-not-found", namespaced=False, check=False)


def _let_models_be_fetched(cluster: Cluster, say: Callable[[str], None]) -> None:
    """Give KServe's storage initializer a security context; without one a `restricted` namespace
    refuses every predictor.
    """
    known = cluster.listed("clusterstoragecontainers")
    fitting = [each for each in known if any(form.get("prefix") == "s3://" for form in each["spec"]["supportedUriFormats"])]
    for each in [] if all("securityContext" in each["spec"]["container"] for each in fitting) else fitting:
        name, change = each["metadata"]["name"], {"spec": {"container": {"securityContext": _INITIALIZER}}}
        say(f"KServe's ClusterStorageContainer {name} gets a security context")
        cluster.run("patch", "clusterstoragecontainer", name, "--type=merge", "-p", json.dumps(change), namespaced=False)
    if not fitting:
        say("KServe gets a ClusterStorageContainer for s3:// with a security context")
        image = os.environ.get("CLUSTER_INITIALIZER", "kserve/storage-initializer:v0.20.0")
        container = {"name": "storage-initializer", "image": image, "imagePullPolicy": "IfNotPresent", "securityContext": _INITIALIZER}
        spec = {"container": container, "supportedUriFormats": [{"prefix": "s3://"}]}
        api = "serving.kserve.io/v1alpha1"
        cluster.apply(
            {
                "apiVersion": api,
                "kind": "ClusterStorageContainer",
                "metadata": {"name": "default", "labels": dict([_PART_OF])},
                "spec": spec,
            }
        )


def _available(cluster: Cluster, name: str) -> bool | None:
    """Raises RuntimeError at once for a pod that waiting does not help."""
    deployment = cluster.get("deployment", name)
    if deployment and deployment.get("status", {}).get("availableReplicas"):
        return True
    for pod in cluster.listed("pods", f"app.kubernetes.io/name={name}"):
        for container in pod.get("status", {}).get("containerStatuses", []):
            waiting = container.get("state", {}).get("waiting", {})
            if waiting.get("reason") in _HOPELESS:
                raise RuntimeError(f"{name} cannot start: {waiting['reason']}: {waiting.get('message', '')[:300]}")
    return None


def _runs(cluster: Cluster, label: str) -> bool:
    pods = cluster.listed("pods", label)
    return any(pod.get("status", {}).get("phase") == "Running" for pod in pods)

"""What is there, what is missing and how to get it: programs on this machine, and what the cluster
needs for the loop.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from modelmedic.workflows.events.argo_events import WEBHOOK_SECRET
from modelmedic.workflows.inputs import names
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.operations.kubectl import Kubectl

OK, MISSING, UNKNOWN = "ok", "missing", "unknown"
_ARGO: Final = (4, 1, 2)  # several lock faults were repaired up to it
_KUBERNETES: Final = (1, 30)  # ValidatingAdmissionPolicy is on by default
_PROGRAMS: Final = {
    "kubectl": "your cluster's own way of installing it",
    "kustomize": "go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1, or `kubectl kustomize`",
    "promtool": "Debian's package prometheus",
    "amtool": "Debian's package prometheus-alertmanager",
    "argo": "the release page of Argo Workflows",
}
_KINDS: Final = {
    "workflowtemplates.argoproj.io": "Argo Workflows",
    "sensors.argoproj.io": "Argo Events",
    "inferenceservices.serving.kserve.io": "KServe",
    "servingruntimes.serving.kserve.io": "KServe",
}
_OPTIONAL_KINDS: Final = {
    "prometheusrules.monitoring.coreos.com": "the Prometheus operator; without it use monitoring/plain/rules.yaml",
    "httproutes.gateway.networking.k8s.io": "Gateway API; without it a Standard canary's share is only a count of replicas",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One thing that was looked at. `remedy` says what to do when it is missing."""

    subject: str
    state: str
    sentence: str
    remedy: str = ""


def machine() -> list[Answer]:
    """The programs that lint and doctor use; without one of them only its own check is skipped."""
    return [
        Answer(name, OK, path) if (path := shutil.which(name)) else Answer(name, UNKNOWN, "is not on the PATH", source)
        for name, source in _PROGRAMS.items()
    ]


def cluster(kubectl: Kubectl, platform: Platform) -> list[Answer]:
    """Everything that was seen to stop a heal on a cluster that looked right."""
    if not kubectl.installed:
        return [Answer("cluster", UNKNOWN, "was not looked at: kubectl is not installed", _PROGRAMS["kubectl"])]
    version = kubectl.version()
    if version is None:
        return [Answer("cluster", UNKNOWN, "does not answer", "point KUBECONFIG at one, or name a --context")]
    return [answer for check in _CHECKS for answer in check(kubectl, platform)] + [_at_least("Kubernetes", version, _KUBERNETES)]


def _kinds(kubectl: Kubectl, _: Platform) -> Iterator[Answer]:
    for name, owner in (_KINDS | _OPTIONAL_KINDS).items():
        if kubectl.get("crd", name) is not None:
            yield Answer(name, OK, "is there")
        else:
            state = UNKNOWN if name in _OPTIONAL_KINDS else MISSING
            yield Answer(name, state, "is no kind of this cluster", owner if name in _OPTIONAL_KINDS else f"install {owner}")


def _argo_version(kubectl: Kubectl, _: Platform) -> Iterator[Answer]:
    found = kubectl.get("deployments", "--all-namespaces", "-l", "app=workflow-controller") or {"items": []}
    images = [container["image"] for each in found["items"] for container in each["spec"]["template"]["spec"]["containers"]]
    if not images:
        yield Answer("Argo Workflows", UNKNOWN, "has no controller that can be seen", "see that it is 4.1.2 or later")
    for image in images:
        yield _at_least("Argo Workflows", image.rpartition(":")[2], _ARGO)


def _executor(kubectl: Kubectl, _: Platform) -> Iterator[Answer]:
    """Without it, a namespace that enforces `restricted` refuses every pod of Argo, and says so in
    events alone.
    """
    found = kubectl.get("configmaps", "--all-namespaces", "--field-selector=metadata.name=workflow-controller-configmap")
    texts = [str((each.get("data") or {}).get("executor", "")) for each in (found or {}).get("items", [])]
    if any("securityContext" in text for text in texts):
        yield Answer("executor.securityContext", OK, "is set in Argo's ConfigMap")
    else:
        remedy = "set executor.securityContext in workflow-controller-configmap (docs/install.md)"
        yield Answer("executor.securityContext", MISSING, "is not set: Pod Security restricted refuses Argo's own containers", remedy)


def _secrets(kubectl: Kubectl, platform: Platform) -> Iterator[Answer]:
    wanted = [f"{names.account('executor')}.service-account-token", WEBHOOK_SECRET, "modelmedic-artifacts"]
    for name in [*wanted, *(f"modelmedic-store-{step_class}" for step_class in ("observe", "train", "validate", "deploy", "triage"))]:
        if kubectl.get("secret", name, namespace=platform.namespace) is not None:
            yield Answer(f"Secret {name}", OK, "is there")
        else:
            remedy = "k8s/overlays/quickstart/secrets.sh makes it for a trial; docs/install.md says what is in it"
            yield Answer(f"Secret {name}", MISSING, f"is not in {platform.namespace}", remedy)


def _rights(kubectl: Kubectl, platform: Platform) -> Iterator[Answer]:
    """What must be allowed is, and what must not be is not."""
    for part, verb, resource, wanted in (
        ("executor", "create", "workflowtaskresults.argoproj.io", True),
        ("sensor", "create", "workflows.argoproj.io", True),
        ("triage", "create", "workflows.argoproj.io", True),
        ("observe", "create", "workflows.argoproj.io", False),
        ("train", "get", "secrets", False),
        ("deploy", "get", "secrets", False),
        ("sensor", "create", "pods", False),
    ):
        found = kubectl.may(verb, resource, namespace=platform.namespace, account=names.account(part))
        subject = f"{names.account(part)} {verb} {resource}"
        if found is None:
            yield Answer(subject, UNKNOWN, "cannot be asked: you may not impersonate ServiceAccounts")
        elif found == wanted:
            yield Answer(subject, OK, "is allowed" if found else "is refused, as it should be")
        else:
            yield Answer(subject, MISSING, "is allowed" if found else "is refused", "apply the rendered access.yaml and accounts.yaml")


def _kserve(kubectl: Kubectl, _: Platform) -> Iterator[Answer]:
    found = kubectl.get("configmap", "inferenceservice-config", namespace="kserve")
    if found is None:
        yield Answer("KServe's mode", UNKNOWN, "cannot be seen", "a policy's serving.mode has to be the mode that KServe runs in")
        return
    data = found.get("data") or {}
    mode = re.search(r'"defaultDeploymentMode"\s*:\s*"(\w+)"', data.get("deploy", ""))
    yield Answer("KServe's mode", OK, f"is {mode[1] if mode else 'the default'}; serving.mode of every policy has to be the same")
    gateway = re.search(r'"enableGatewayApi"\s*:\s*true', data.get("ingress", ""))
    sentence = "goes through the Gateway API" if gateway else "is not routed by a gateway: a Standard canary's share is a count of replicas"
    yield Answer("KServe's traffic", OK if gateway else UNKNOWN, sentence)


def _admission(kubectl: Kubectl, platform: Platform) -> Iterator[Answer]:
    name = f"modelmedic-workflows-{platform.namespace}"
    bound = kubectl.get("validatingadmissionpolicybinding", name)
    if bound is not None and "Deny" in bound["spec"].get("validationActions", []):
        yield Answer("admission policy", OK, "denies what the Sensor and triage may not create")
    else:
        yield Answer("admission policy", MISSING, f"{name} is not bound", "apply the rendered admission.yaml")


_CHECKS: Final[tuple[Callable[[Kubectl, Platform], Iterator[Answer]], ...]] = (
    _kinds,
    _argo_version,
    _executor,
    _secrets,
    _rights,
    _kserve,
    _admission,
)


def _at_least(subject: str, version: str, lowest: tuple[int, ...]) -> Answer:
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[: len(lowest)])
    wanted = ".".join(map(str, lowest))
    if not numbers:
        return Answer(subject, UNKNOWN, f"has the version {version}, which says nothing", f"see that it is {wanted} or later")
    if numbers >= lowest:
        return Answer(subject, OK, f"is {version}")
    return Answer(subject, MISSING, f"is {version}", f"upgrade to {wanted} or later")


def plain(answers: list[Answer]) -> list[dict[str, Any]]:
    return [{"subject": each.subject, "state": each.state, "sentence": each.sentence, "remedy": each.remedy} for each in answers]

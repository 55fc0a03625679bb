"""The questions of `modelmedic doctor`: which programs this machine has, and which of the things
that the loop needs a cluster has; each with the way to get what is missing.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from typing import Final

from modelmedic.steps.adapters.kube.client import Document, Kube
from modelmedic.steps.adapters.linux import landlock
from modelmedic.steps.contracts.errors import ModelmedicError, NotFound, Refused
from modelmedic.steps.training.confinement import describe
from modelmedic.workflows.events.argo_events import WEBHOOK_SECRET
from modelmedic.workflows.inputs import names
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.operations.inspection import MISSING, OK, UNKNOWN, Inspection
from modelmedic.workflows.operations.versions import KUBERNETES, judged, of_controllers

_CRDS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ADMITTED: Final = {
    "modelmedic-workflows": ("admission policy", "what the Sensor and triage may not create"),
    "modelmedic-answers": ("admission policy on answers", "an answer on a Workflow in another's name"),
}
_ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_PROGRAMS: Final = {
    "kubectl": "your cluster's own way of installing it; `modelmedic diff --cluster` uses it",
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


def machine() -> list[Inspection]:
    """The programs that lint and diff use, without which their own checks are skipped, and what is
    kept from training code here.
    """
    programs = [
        Inspection(name, OK, path) if (path := shutil.which(name)) else Inspection(name, UNKNOWN, "is not on the PATH", source)
        for name, source in _PROGRAMS.items()
    ]
    return [*programs, _training()]


def _training() -> Inspection:
    whole = landlock.version() >= landlock.WITH_SIGNALS
    remedy = "" if whole else "Linux 6.12 or later, with landlock among its security modules (docs/security.md)"
    return Inspection("training code", OK if whole else UNKNOWN, f"is {describe()}", remedy)


def cluster(kube: Kube, platform: Platform) -> list[Inspection]:
    """Everything that was seen to stop a heal on a cluster that looked right."""
    try:
        version = str(kube.get("/version").get("gitVersion"))
    except ModelmedicError as error:
        return [Inspection("cluster", UNKNOWN, f"does not answer: {error}", "point KUBECONFIG at one, or name a --context")]
    return [inspection for check in _CHECKS for inspection in check(kube, platform)] + [judged(KUBERNETES, version)]


def unreachable(error: ModelmedicError) -> list[Inspection]:
    """The answer where there is no way to a cluster."""
    return [Inspection("cluster", UNKNOWN, f"was not looked at: {error}", "point KUBECONFIG at one, or name a --context")]


def _kinds(kube: Kube, _: Platform) -> Iterator[Inspection]:
    for name, owner in (_KINDS | _OPTIONAL_KINDS).items():
        optional = name in _OPTIONAL_KINDS
        missing = Inspection(
            name, UNKNOWN if optional else MISSING, "is no kind of this cluster", owner if optional else f"install {owner}"
        )
        yield _presence(kube, f"{_CRDS}/{name}", missing)


def _versions(kube: Kube, _: Platform) -> Iterator[Inspection]:
    yield from of_controllers(_all(kube, "/apis/apps/v1/deployments"))


def _executor(kube: Kube, _: Platform) -> Iterator[Inspection]:
    """The executor's security context; without one, a namespace that enforces `restricted` refuses
    every pod of Argo, and says so in events alone.
    """
    found = _all(kube, "/api/v1/configmaps", fields="metadata.name=workflow-controller-configmap")
    if any("securityContext" in str((each.get("data") or {}).get("executor", "")) for each in found):
        yield Inspection("executor.securityContext", OK, "is set in Argo's ConfigMap")
    else:
        remedy = "set executor.securityContext in workflow-controller-configmap (docs/install.md)"
        yield Inspection("executor.securityContext", MISSING, "is not set: Pod Security restricted refuses Argo's own containers", remedy)


def _secrets(kube: Kube, platform: Platform) -> Iterator[Inspection]:
    wanted = [f"{names.account('executor')}.service-account-token", WEBHOOK_SECRET, "modelmedic-artifacts"]
    remedy = "k8s/overlays/quickstart/secrets.sh makes it for a trial; docs/install.md says what is in it"
    for name in [*wanted, *(f"modelmedic-store-{step_class}" for step_class in ("observe", "train", "validate", "deploy", "triage"))]:
        missing = Inspection(f"Secret {name}", MISSING, f"is not in {platform.namespace}", remedy)
        yield _presence(kube, f"/api/v1/namespaces/{platform.namespace}/secrets/{name}", missing)


def _rights(kube: Kube, platform: Platform) -> Iterator[Inspection]:
    """The rights that the loop needs are there, and those that it must not have are not."""
    for part, verb, group, resource, needed in (
        ("executor", "create", "argoproj.io", "workflowtaskresults", True),
        ("sensor", "create", "argoproj.io", "workflows", True),
        ("triage", "create", "argoproj.io", "workflows", True),
        ("observe", "create", "argoproj.io", "workflows", False),
        ("train", "get", "", "secrets", False),
        ("deploy", "get", "", "secrets", False),
        ("sensor", "create", "", "pods", False),
    ):
        subject = f"{names.account(part)} {verb} {f'{resource}.{group}'.rstrip('.')}"
        try:
            allowed = _allowed(kube, verb, group, resource, platform.namespace, names.account(part))
        except Refused:
            yield Inspection(subject, UNKNOWN, "cannot be asked: you may not create SubjectAccessReviews")
            continue
        sentence = "is refused" if needed and not allowed else "is allowed" if allowed else "is refused, as it should be"
        remedy = "" if allowed == needed else "apply the rendered access.yaml and accounts.yaml"
        yield Inspection(subject, OK if allowed == needed else MISSING, sentence, remedy)


def _kserve(kube: Kube, _: Platform) -> Iterator[Inspection]:
    try:
        data = kube.get("/api/v1/namespaces/kserve/configmaps/inferenceservice-config").get("data") or {}
    except (NotFound, Refused):
        yield Inspection("KServe's mode", UNKNOWN, "cannot be seen", "a policy's serving.mode has to be the mode that KServe runs in")
        return
    mode = re.search(r'"defaultDeploymentMode"\s*:\s*"(\w+)"', data.get("deploy", ""))
    yield Inspection("KServe's mode", OK, f"is {mode[1] if mode else 'the default'}; serving.mode of every policy has to be the same")
    gateway = re.search(r'"enableGatewayApi"\s*:\s*true', data.get("ingress", ""))
    sentence = "goes through the Gateway API" if gateway else "is not routed by a gateway: a Standard canary's share is a count of replicas"
    yield Inspection("KServe's traffic", OK if gateway else UNKNOWN, sentence)


def _admission(kube: Kube, platform: Platform) -> Iterator[Inspection]:
    for policy, (subject, denied) in _ADMITTED.items():
        yield _bound(kube, f"{policy}-{platform.namespace}", subject, denied)


def _bound(kube: Kube, name: str, subject: str, denied: str) -> Inspection:
    remedy = "apply the rendered admission.yaml"
    try:
        bound = kube.get(f"{_ADMISSION}/{name}")
    except NotFound:
        return Inspection(subject, MISSING, f"{name} is not bound", remedy)
    except Refused as error:
        return Inspection(subject, UNKNOWN, f"may not be looked at: {error}")
    denies = "Deny" in bound["spec"].get("validationActions", [])
    sentence = f"denies {denied}" if denies else f"{name} is bound, but denies nothing"
    return Inspection(subject, OK if denies else MISSING, sentence, "" if denies else remedy)


def _presence(kube: Kube, path: str, missing: Inspection) -> Inspection:
    """`missing` unless the object is there, or may not be looked at."""
    try:
        kube.get(path)
    except NotFound:
        return missing
    except Refused as error:
        return Inspection(missing.subject, UNKNOWN, f"may not be looked at: {error}")
    return Inspection(missing.subject, OK, "is there")


def _all(kube: Kube, path: str, *, selector: str = "", fields: str = "") -> list[Document]:
    """The objects of all namespaces; none when they may not be seen."""
    try:
        return kube.listed(path, selector, fields)
    except (NotFound, Refused):
        return []


def _allowed(kube: Kube, verb: str, group: str, resource: str, namespace: str, account: str) -> bool:
    """Asks the API server's own authorizers about a ServiceAccount of the namespace. Raises Refused
    when that may not be asked.
    """
    spec = {
        "user": f"system:serviceaccount:{namespace}:{account}",
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
        "resourceAttributes": {"namespace": namespace, "verb": verb, "group": group, "resource": resource},
    }
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    return bool(kube.create(_REVIEWS, review)["status"]["allowed"])


_CHECKS: Final[tuple[Callable[[Kube, Platform], Iterator[Inspection]], ...]] = (
    _kinds,
    _versions,
    _executor,
    _secrets,
    _rights,
    _kserve,
    _admission,
)

"""Pods as Pod Security `restricted` wants them, and a little more: nothing writable, limits, no
token where no API is called.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelmedic.workflows.lint.findings import CheckResult, Finding, result
from modelmedic.workflows.lint.objects import Objects
from modelmedic.workflows.lint.pods import Pod, pods

_VOLUMES: Final = frozenset(
    {"configMap", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "csi", "name"}
)
_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
_API_CLASSES: Final = frozenset({"deploy", "triage"})
_SECRET_NAME: Final = re.compile(r"secret|passw|token|credential|api_?key|access_?key", re.IGNORECASE)
_TAGGED: Final = re.compile(r".+(@sha256:[0-9a-f]{64}|:(?!latest$)[A-Za-z0-9_][A-Za-z0-9_.\-]*)$")


def pod_security(objects: Objects) -> CheckResult:
    seen = pods(objects)
    return result("pod-security", seen, (finding for pod in seen for finding in _restricted(pod)))


def namespaces(objects: Objects) -> CheckResult:
    """Every namespace of the tree refuses pods that are not restricted."""
    seen = objects.of("Namespace")
    findings = (
        thing.finding("lets any pod in; expected the label pod-security.kubernetes.io/enforce: restricted")
        for thing in seen
        if (thing.metadata.get("labels") or {}).get("pod-security.kubernetes.io/enforce") != "restricted"
    )
    return result("namespaces", seen, findings)


def resources(objects: Objects) -> CheckResult:
    """Memory is limited and asked for, processor time is asked for; scratch space has an end."""
    seen = [(pod, container) for pod in pods(objects) for container in pod.containers]
    return result("resources", seen, (finding for pod, container in seen for finding in _resources(pod, container)))


def tokens(objects: Objects) -> CheckResult:
    """A main container sees the API token only if its step class calls the API."""
    seen = [pod for pod in pods(objects) if pod.thing.workflow_spec]
    return result("tokens", seen, (finding for pod in seen for finding in _tokens(pod)))


def secret_values(objects: Objects) -> CheckResult:
    """No secret is written into an environment variable; a Secret of the tree has no data."""
    seen = [*pods(objects), *objects.of("Secret")]
    return result("secret-values", seen, (finding for thing in seen for finding in _secrets(thing)))


def images(objects: Objects) -> CheckResult:
    """A digest, or at least a tag that is not `latest`."""
    seen = [(pod, container) for pod in pods(objects) for container in pod.containers]
    findings = (
        pod.finding(f"has the image {container.get('image')!r}; expected a digest or a tag other than latest", container.get("name", ""))
        for pod, container in seen
        if not _TAGGED.match(str(container.get("image", "")))
    )
    return result("images", seen, findings)


def _restricted(pod: Pod) -> Iterator[Finding]:
    own = pod.spec.get("securityContext") or {}
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field):
            yield pod.finding(f"has {field}; expected none")
    for volume in pod.spec.get("volumes") or []:
        for kind in sorted(set(volume) - _VOLUMES):
            yield pod.finding(f"mounts a volume of kind {kind}; expected one of {', '.join(sorted(_VOLUMES - {'name'}))}")
    if not pod.containers:
        yield pod.finding("has no container that could be judged")
    for container in pod.containers:
        yield from _container(pod, container, own)


def _container(pod: Pod, container: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[Finding]:
    context = container.get("securityContext") or {}
    both = {**own, **context}
    expected = {
        "privileged": (context.get("privileged", False), False),
        "allowPrivilegeEscalation": (context.get("allowPrivilegeEscalation"), False),
        "readOnlyRootFilesystem": (context.get("readOnlyRootFilesystem"), True),
        "runAsNonRoot": (both.get("runAsNonRoot"), True),
        "seccompProfile.type": ((both.get("seccompProfile") or {}).get("type"), "RuntimeDefault"),
        "capabilities.drop": ((context.get("capabilities") or {}).get("drop"), ["ALL"]),
        "capabilities.add": ((context.get("capabilities") or {}).get("add") or [], []),
    }
    for field, (value, wanted) in expected.items():
        if value != wanted:
            yield pod.finding(f"has {field} {value!r}; expected {wanted!r}", container.get("name", ""))
    if both.get("runAsUser", 1) == 0:
        yield pod.finding("runs as user 0; expected another", container.get("name", ""))
    for port in container.get("ports") or []:
        if port.get("hostPort"):
            yield pod.finding(f"has hostPort {port['hostPort']}; expected none", container.get("name", ""))


def _resources(pod: Pod, container: Mapping[str, Any]) -> Iterator[Finding]:
    asked = (container.get("resources") or {}).get("requests") or {}
    most = (container.get("resources") or {}).get("limits") or {}
    name = container.get("name", "")
    if "cpu" not in asked or "memory" not in asked or "memory" not in most:
        yield pod.finding("has no requests for cpu and memory with a memory limit; expected all three", name)
    elif asked["memory"] != most["memory"]:
        yield pod.finding(f"asks for memory {asked['memory']} and is limited to {most['memory']}; expected the same", name)
    for volume in pod.spec.get("volumes") or []:
        if "emptyDir" in volume and not (volume["emptyDir"] or {}).get("sizeLimit"):
            yield pod.finding(f"has the emptyDir {volume.get('name')} without a sizeLimit")


def _tokens(pod: Pod) -> Iterator[Finding]:
    if pod.spec.get("automountServiceAccountToken") is not False:
        yield pod.finding("mounts the API token into every container; expected automountServiceAccountToken: false")
    step_class = pod.labels.get("modelmedic.io/step-class", "")
    for container in pod.containers:
        mounted = [mount for mount in container.get("volumeMounts") or [] if mount.get("mountPath") == _TOKEN]
        if mounted and step_class not in _API_CLASSES:
            yield pod.finding(f"has the API token; step class {step_class or 'none'} calls no API", container.get("name", ""))


def _secrets(thing: Any) -> Iterator[Finding]:
    if not isinstance(thing, Pod):
        if thing.document.get("data") or thing.document.get("stringData"):
            yield thing.finding("has data; expected a Secret without, to be filled by what keeps your secrets")
        return
    for container in thing.containers:
        for variable in container.get("env") or []:
            if variable.get("value") and _SECRET_NAME.search(str(variable.get("name"))) and not str(variable["value"]).startswith("/"):
                yield thing.finding(
                    f"has a value for {variable['name']} in its environment; expected valueFrom a Secret", container.get("name", "")
                )

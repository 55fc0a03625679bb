"""Check that everything which one object names of another is there: templates, accounts,
ConfigMaps, the executor's token, the bus and its source.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from modelmedic.workflows.lint.findings import CheckResult, Finding, result
from modelmedic.workflows.lint.objects import Objects, Thing
from modelmedic.workflows.lint.pods import Pod, pods

_SYSTEM: Final = frozenset({"kube-root-ca.crt"})


def references(objects: Objects) -> CheckResult:
    findings: list[Finding] = []
    for thing in objects.workflows:
        findings += _workflow(thing, objects)
    for pod in pods(objects):
        findings += _config_maps(pod, objects)
    for sensor in objects.of("Sensor"):
        findings += _sensor(sensor, objects)
    for binding in objects.of("ValidatingAdmissionPolicyBinding"):
        if ("ValidatingAdmissionPolicy", "", str(binding.spec.get("policyName"))) not in objects.names:
            findings.append(binding.finding(f"binds the policy {binding.spec.get('policyName')}, which is not here"))
    return result("references", objects.all, findings)


def immutable_policies(objects: Objects) -> CheckResult:
    """A policy's ConfigMap never changes: it is named by its hash, and says so."""
    seen = [thing for thing in objects.of("ConfigMap") if thing.name.startswith(("policy-", "policies-"))]
    findings = [
        thing.finding("can be changed under a running heal; expected immutable: true")
        for thing in seen
        if thing.document.get("immutable") is not True
    ]
    for thing in seen:
        said = str((thing.metadata.get("annotations") or {}).get("modelmedic.io/policy-hash", ""))
        if thing.name.startswith("policy-") and (not said or not thing.name.endswith(said[:12])):
            findings.append(thing.finding(f"is not named by its policy's hash {said[:12]}"))
    return result("immutable-policies", seen, findings)


def _workflow(thing: Thing, objects: Objects) -> Iterator[Finding]:
    spec, names = thing.workflow_spec, {template.get("name") for template in thing.templates}
    reference = (spec.get("workflowTemplateRef") or {}).get("name")
    if reference and ("WorkflowTemplate", thing.namespace, reference) not in objects.names:
        yield thing.finding(f"starts the template {reference}, which is not here")
    for field, started in _started(spec).items():
        if not reference and started not in names:
            yield thing.finding(f"has the {field} {started}, which it does not define")
    executor = (spec.get("executor") or {}).get("serviceAccountName")
    if not reference and not executor:
        yield thing.finding("names no account for Argo's own containers")
    elif executor and ("Secret", thing.namespace, f"{executor}.service-account-token") not in objects.names:
        yield thing.finding(f"needs the Secret {executor}.service-account-token, without which its pods wait for ever")
    repository = (spec.get("artifactRepositoryRef") or {}).get("configMap")
    if repository and ("ConfigMap", thing.namespace, repository) not in objects.names:
        yield thing.finding(f"keeps artifacts as {repository} says, which is not here")


def _started(spec: Mapping[str, Any]) -> dict[str, Any]:
    hooks = {f"hook {name}": hook.get("template") for name, hook in (spec.get("hooks") or {}).items()}
    exits = {"onExit": spec["onExit"]} if spec.get("onExit") else {}
    return {"entrypoint": spec.get("entrypoint"), **exits, **hooks}


def _config_maps(pod: Pod, objects: Objects) -> Iterator[Finding]:
    wanted = [(volume.get("configMap") or {}).get("name") for volume in pod.spec.get("volumes") or []]
    for container in pod.containers:
        wanted += [(source.get("configMapRef") or {}).get("name") for source in container.get("envFrom") or []]
    for name in filter(None, wanted):
        if name not in _SYSTEM and ("ConfigMap", pod.thing.namespace, name) not in objects.names:
            yield pod.finding(f"reads the ConfigMap {name}, which is not here")
    defined = {volume.get("name") for volume in pod.spec.get("volumes") or []}
    for container in pod.containers:
        for mount in container.get("volumeMounts") or []:
            if mount.get("name") not in defined:
                yield pod.finding(f"mounts {mount.get('name')}, which it does not define", container.get("name", ""))


def _sensor(sensor: Thing, objects: Objects) -> Iterator[Finding]:
    for dependency in sensor.spec.get("dependencies") or []:
        source = str(dependency.get("eventSourceName"))
        events = [
            set(webhook)
            for thing in objects.of("EventSource")
            if (thing.name, thing.namespace) == (source, sensor.namespace)
            for webhook in [thing.spec.get("webhook") or {}]
        ]
        if not any(dependency.get("eventName") in names for names in events):
            yield sensor.finding(f"waits for {source}.{dependency.get('eventName')}, which no EventSource here sends")
    bus = str(sensor.spec.get("eventBusName", "default"))
    if ("EventBus", sensor.namespace, bus) not in objects.names:
        yield sensor.finding(f"is on the bus {bus}, which is not here")

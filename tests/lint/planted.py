"""Defects, each planted into a good tree, with the check that has to find it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import yaml

from modelmedic.workflows.output.tree import BASE, EVENTS
from modelmedic.workflows.output.yaml import dump_all

HEAL: Final = f"{BASE}/models/churn/heal.yaml"
MONITOR: Final = f"{BASE}/models/churn/monitor.yaml"
POLICY: Final = f"{BASE}/models/churn/policy.yaml"
ACCESS: Final = f"{BASE}/models/churn/access.yaml"
ACCOUNTS: Final = f"{BASE}/platform/accounts.yaml"
ADMISSION: Final = f"{BASE}/platform/admission.yaml"
NAMESPACE: Final = f"{BASE}/platform/namespace.yaml"
NETWORK: Final = f"{BASE}/platform/network.yaml"
RUNTIMES: Final = f"{BASE}/platform/serving.yaml"
TRIAGE: Final = f"{BASE}/platform/triage.yaml"
SENSOR: Final = f"{EVENTS}/sensor.yaml"
SOURCE: Final = f"{EVENTS}/event-source.yaml"

Documents = list[dict[str, Any]]


@dataclass(frozen=True)
class Defect:
    name: str
    file: str
    check: str  # the check that has to find it
    plant: Callable[[Documents], object]

    def planted(self, tree: dict[str, str]) -> dict[str, str]:
        documents = list(yaml.load_all(tree[self.file], Loader=yaml.CSafeLoader))
        self.plant(documents)
        return {**tree, self.file: dump_all(documents)}


def template(documents: Documents, name: str) -> dict[str, Any]:
    spec = documents[0]["spec"].get("workflowSpec") or documents[0]["spec"]
    found: dict[str, Any] = next(each for each in spec["templates"] if each["name"] == name)
    return found


def task(documents: Documents, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in template(documents, "heal")["dag"]["tasks"] if each["name"] == name)
    return found


def trigger(documents: Documents) -> dict[str, Any]:
    found: dict[str, Any] = documents[0]["spec"]["triggers"][0]
    return found


def drop(mapping: dict[str, Any], key: str) -> object:
    return mapping.pop(key)


def rename(mapping: dict[str, Any], old: str, new: str) -> None:
    mapping[new] = mapping.pop(old)


def second_document_privileged(documents: Documents) -> None:
    pod = {"image": "x:1", "name": "c", "securityContext": {"privileged": True}}
    documents.append(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "modelmedic"}, "spec": {"containers": [pod]}}
    )


def container(documents: Documents, name: str = "diagnose") -> dict[str, Any]:
    found: dict[str, Any] = template(documents, name)["container"]
    return found


def without_policy(name: str) -> Callable[[Documents], object]:
    def plant(documents: Documents) -> None:
        documents[:] = [document for document in documents if document["metadata"]["name"] != name]

    return plant


def inference_service(**predictor: Any) -> dict[str, Any]:
    model = {"modelFormat": {"name": "mlflow"}, "storageUri": "s3://models/1"}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "churn", "namespace": "modelmedic"},
        "spec": {"predictor": {"model": model, **predictor}},
    }


def external_secret(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "webhook", "namespace": "modelmedic"},
        "spec": {"secretStoreRef": {"kind": "ClusterSecretStore", "name": "platform"}, "target": {"name": "webhook"}, **spec},
    }


DEFECTS: Final = (
    Defect("second document privileged", HEAL, "pod-security", second_document_privileged),
    Defect("tag latest", HEAL, "images", lambda d: container(d).update(image="modelmedic/steps:latest")),
    Defect("image without a tag", RUNTIMES, "images", lambda d: d[0]["spec"]["containers"][0].update(image="registry:5000/predictor")),
    Defect("wildcard verb", ACCOUNTS, "access", lambda d: next(x for x in d if x["kind"] == "Role")["rules"][0].update(verbs=["*"])),
    Defect("right beyond the list", ACCESS, "access", lambda d: d[0]["rules"][0]["verbs"].append("delete")),
    Defect(
        "reads secrets", ACCESS, "access", lambda d: d[0]["rules"].append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})
    ),
    Defect("patches every InferenceService", ACCESS, "access", lambda d: drop(d[0]["rules"][0], "resourceNames")),
    Defect("role of the cluster", ACCESS, "access", lambda d: d[0].update(kind="ClusterRole")),
    Defect("binding for a stranger", ACCESS, "access", lambda d: d[1]["subjects"][0].update(name="default")),
    Defect(
        "default account",
        HEAL,
        "access",
        lambda d: [drop(template(d, "diagnose"), "serviceAccountName"), drop(d[0]["spec"], "serviceAccountName")],
    ),
    Defect(
        "sh -c with a parameter",
        HEAL,
        "no-code-from-parameters",
        lambda d: container(d).update(command=["sh", "-c"], args=["python -m modelmedic.steps {{inputs.parameters.incident}}"]),
    ),
    Defect(
        "template tag in a command",
        HEAL,
        "no-code-from-parameters",
        lambda d: container(d)["command"].append("{{inputs.parameters.incident}}"),
    ),
    Defect(
        "bare parameter as an argument",
        HEAL,
        "no-code-from-parameters",
        lambda d: container(d)["args"].append("{{inputs.parameters.incident}}"),
    ),
    Defect(
        "inline script",
        HEAL,
        "no-code-from-parameters",
        lambda d: template(d, "diagnose").update(script={**template(d, "diagnose").pop("container"), "source": "print(1)"}),
    ),
    Defect(
        "expression tag", HEAL, "no-overrides", lambda d: task(d, "deploy").update(when="{{=tasks.validate.outputs.parameters.passed}}")
    ),
    Defect("patch of the pod", HEAL, "no-overrides", lambda d: d[0]["spec"].update(podSpecPatch="hostNetwork: true")),
    Defect(
        "raw resource template",
        HEAL,
        "no-overrides",
        lambda d: template(d, "report").update(resource={"action": "create", "manifest": "x"}),
    ),
    Defect("missing closing NetworkPolicy", NETWORK, "network", without_policy("modelmedic-deny-all")),
    Defect("missing opening NetworkPolicy", f"{EVENTS}/network.yaml", "network", without_policy("modelmedic-sensor-to-bus-and-api-server")),
    Defect("egress for everybody", NETWORK, "network", lambda d: d[2]["spec"].update(egress=[{}])),
    Defect(
        "secret in the environment",
        HEAL,
        "secret-values",
        lambda d: container(d)["env"].append({"name": "S3_SECRET", "value": "hunter2hunter2"}),
    ),
    Defect(
        "secret with data",
        ACCOUNTS,
        "secret-values",
        lambda d: d.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"token": "x"}}),
    ),
    Defect(
        "access key in an annotation",
        HEAL,
        "no-secrets-in-text",
        lambda d: d[0]["metadata"]["annotations"].update(key="AKIA" + "ABCDEFGH" * 2),
    ),
    Defect(
        "password in a URL",
        f"{BASE}/platform/config.yaml",
        "no-secrets-in-text",
        lambda d: d[0]["data"].update(MLFLOW_TRACKING_URI="http://mm:hunter2@mlflow:5000"),
    ),
    Defect(
        "Skipped branch feeds an empty version",
        HEAL,
        "graphs",
        lambda d: task(d, "deploy").update(depends="validate.Succeeded || validate.Skipped"),
    ),
    Defect("bare dependency", HEAL, "graphs", lambda d: task(d, "validate").update(depends="retrain")),
    Defect(
        "dependencies instead of depends",
        HEAL,
        "graphs",
        lambda d: [drop(task(d, "validate"), "depends"), task(d, "validate").update(dependencies=["retrain"])],
    ),
    Defect("input that nobody gives", HEAL, "graphs", lambda d: task(d, "deploy")["arguments"]["parameters"].pop()),
    Defect(
        "decides by a skipped stage's output",
        HEAL,
        "graphs",
        lambda d: drop(template(d, "approve")["outputs"]["parameters"][0]["valueFrom"], "default"),
    ),
    Defect(
        "one alert of many",
        SENSOR,
        "whole-alerts",
        lambda d: trigger(d)["template"]["k8s"]["parameters"][0].update(src={"dependencyName": "alert", "dataKey": "body.alerts.0"}),
    ),
    Defect(
        "body that is not encoded",
        SENSOR,
        "whole-alerts",
        lambda d: trigger(d)["template"]["k8s"]["parameters"][0]["src"].update(dataTemplate="{{ .Input.body | toJson }}"),
    ),
    Defect("raw data", SENSOR, "whole-alerts", lambda d: trigger(d)["template"]["k8s"]["parameters"][0]["src"].update(useRawData=True)),
    Defect(
        "expiring approval that passes",
        HEAL,
        "approvals",
        lambda d: template(d, "approve")["outputs"]["parameters"][0]["valueFrom"].update(default="approved"),
    ),
    Defect("approval without an end", HEAL, "approvals", lambda d: template(d, "approve")["suspend"].pop("duration")),
    Defect("misspelt atLeastOnce", SENSOR, "structure", lambda d: rename(trigger(d), "atLeastOnce", "atLeastOnc")),
    Defect("misspelt atLeastOnce is at most once", SENSOR, "delivery", lambda d: rename(trigger(d), "atLeastOnce", "atLeastOnc")),
    Defect("misspelt hooks", HEAL, "structure", lambda d: rename(d[0]["spec"], "hooks", "hook")),
    Defect(
        "misspelt readOnlyRootFilesystem",
        HEAL,
        "structure",
        lambda d: rename(container(d)["securityContext"], "readOnlyRootFilesystem", "readOnlyRootFileSystem"),
    ),
    Defect("misspelt field of a NetworkPolicy", NETWORK, "structure", lambda d: rename(d[0]["spec"], "policyTypes", "policyType")),
    Defect(
        "misspelt field of a ServingRuntime",
        RUNTIMES,
        "structure",
        lambda d: rename(d[0]["spec"], "supportedModelFormats", "supportedModelFormat"),
    ),
    Defect(
        "misspelt field of the EventBus", f"{EVENTS}/event-bus.yaml", "structure", lambda d: rename(d[0]["spec"], "jetstream", "jetStream")
    ),
    Defect("misspelt field of a WorkflowTemplate", TRIAGE, "structure", lambda d: rename(d[0]["spec"], "ttlStrategy", "ttlStrategie")),
    Defect("text where a WorkflowTemplate has a number", HEAL, "structure", lambda d: d[0]["spec"].update(activeDeadlineSeconds="soon")),
    Defect(
        "misspelt field of a CronWorkflow", MONITOR, "structure", lambda d: rename(d[0]["spec"], "concurrencyPolicy", "concurencyPolicy")
    ),
    Defect("misspelt field of a Sensor", SENSOR, "structure", lambda d: rename(d[0]["spec"]["template"], "container", "containers")),
    Defect(
        "misspelt field of an EventSource's webhook",
        SOURCE,
        "structure",
        lambda d: rename(d[0]["spec"]["webhook"]["alertmanager"], "maxPayloadSize", "maxPayloadSise"),
    ),
    Defect(
        "misspelt field of a ServingRuntime's container",
        RUNTIMES,
        "structure",
        lambda d: rename(d[0]["spec"]["containers"][0], "readinessProbe", "readynessProbe"),
    ),
    Defect("misspelt field of an InferenceService", RUNTIMES, "structure", lambda d: d.append(inference_service(minReplica=1))),
    Defect(
        "misspelt field of a rule",
        f"{BASE}/monitoring/prometheus-rule.yaml",
        "structure",
        lambda d: rename(d[0]["spec"]["groups"][0]["rules"][0], "annotations", "annotation"),
    ),
    Defect(
        "rule held for a word",
        f"{BASE}/monitoring/prometheus-rule.yaml",
        "structure",
        lambda d: d[0]["spec"]["groups"][0]["rules"][0].update({"for": "a while"}),
    ),
    Defect(
        "misspelt field of a PodMonitor",
        f"{BASE}/monitoring/pod-monitors.yaml",
        "structure",
        lambda d: rename(d[0]["spec"], "namespaceSelector", "nameSpaceSelector"),
    ),
    Defect(
        "misspelt field of an AlertmanagerConfig",
        f"{BASE}/monitoring/alertmanager-config.yaml",
        "structure",
        lambda d: rename(d[0]["spec"]["route"], "groupBy", "group_by"),
    ),
    Defect("misspelt field of an ExternalSecret", ACCOUNTS, "structure", lambda d: d.append(external_secret(refreshIntervall="1h"))),
    Defect("misspelt kind", MONITOR, "structure", lambda d: d[0].update(kind="CronWorkflows")),
    Defect("kind that Kubernetes does not have", NETWORK, "structure", lambda d: d[0].update(kind="NetworkPolice")),
    Defect("webhook without a token", SOURCE, "delivery", lambda d: drop(d[0]["spec"]["webhook"]["alertmanager"], "authSecret")),
    Defect("dead letter at most once", SENSOR, "delivery", lambda d: drop(trigger(d)["dlqTrigger"], "atLeastOnce")),
    Defect("no dead letter", SENSOR, "delivery", lambda d: drop(trigger(d), "dlqTrigger")),
    Defect("token for everybody", MONITOR, "tokens", lambda d: drop(d[0]["spec"]["workflowSpec"], "automountServiceAccountToken")),
    Defect(
        "token where no API is called",
        HEAL,
        "tokens",
        lambda d: container(d)["volumeMounts"].append({"name": "work", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}),
    ),
    Defect(
        "node's files", HEAL, "pod-security", lambda d: template(d, "diagnose")["volumes"].append({"name": "n", "hostPath": {"path": "/"}})
    ),
    Defect(
        "namespace for any pod", NAMESPACE, "namespaces", lambda d: drop(d[0]["metadata"]["labels"], "pod-security.kubernetes.io/enforce")
    ),
    Defect("root", TRIAGE, "pod-security", lambda d: d[0]["spec"]["securityContext"].update(runAsUser=0)),
    Defect(
        "writable root file system", HEAL, "pod-security", lambda d: container(d)["securityContext"].update(readOnlyRootFilesystem=False)
    ),
    Defect(
        "init container without hardening",
        HEAL,
        "pod-security",
        lambda d: template(d, "retrain").update(initContainers=[{"name": "i", "image": "x:1"}]),
    ),
    Defect("no memory limit", HEAL, "resources", lambda d: drop(container(d)["resources"]["limits"], "memory")),
    Defect(
        "scratch space without an end", HEAL, "resources", lambda d: drop(template(d, "diagnose")["volumes"][0]["emptyDir"], "sizeLimit")
    ),
    Defect("retries everything", HEAL, "retries", lambda d: drop(template(d, "deploy")["retryStrategy"], "expression")),
    Defect("no deadline", HEAL, "lifecycle", lambda d: drop(d[0]["spec"], "activeDeadlineSeconds")),
    Defect("gone before the bus forgets", HEAL, "lifecycle", lambda d: d[0]["spec"]["ttlStrategy"].update(secondsAfterSuccess=60)),
    Defect("no closing step", HEAL, "lifecycle", lambda d: drop(d[0]["spec"], "hooks")),
    Defect("monitors pile up", MONITOR, "lifecycle", lambda d: d[0]["spec"].update(concurrencyPolicy="Allow")),
    Defect("CronWorkflow with a name of 60", MONITOR, "labels", lambda d: d[0]["metadata"].update(name="m" * 60)),
    Defect("no labels", MONITOR, "labels", lambda d: drop(d[0]["metadata"], "labels")),
    Defect("admission policy that nothing binds", ADMISSION, "admission", lambda d: d.pop()),
    Defect("admission policy that only warns", ADMISSION, "admission", lambda d: d[1]["spec"].update(validationActions=["Warn"])),
    Defect(
        "admission policy for another account",
        ADMISSION,
        "admission",
        lambda d: d[0]["spec"].update(matchConditions=[{"name": "n", "expression": "true"}], validations=[]),
    ),
    Defect("executor without its token", ACCOUNTS, "references", lambda d: d.pop()),
    Defect(
        "template that is not there",
        SENSOR,
        "references",
        lambda d: trigger(d)["template"]["k8s"]["source"]["resource"]["spec"]["workflowTemplateRef"].update(name="triag"),
    ),
    Defect("event that nobody sends", SENSOR, "references", lambda d: d[0]["spec"]["dependencies"][0].update(eventName="alerts")),
    Defect("policy that can change", POLICY, "immutable-policies", lambda d: d[0].update(immutable=False)),
    Defect(
        "policy of another hash",
        POLICY,
        "immutable-policies",
        lambda d: d[0]["metadata"]["annotations"].update({"modelmedic.io/policy-hash": "0" * 64}),
    ),
    Defect(
        "policy that is not mounted",
        HEAL,
        "references",
        lambda d: template(d, "diagnose")["volumes"][-1]["configMap"].update(name="policy-churn-000000000000"),
    ),
)

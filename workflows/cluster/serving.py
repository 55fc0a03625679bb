"""KServe: the runtime that serves our predictor, and what a GitOps tool has to leave alone in an
InferenceService.

The InferenceService itself belongs to the user: deploy steps patch it under a field manager of
their own.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from modelmedic.steps.contracts.kserve import ACCOUNT, DIGEST, FIELD_MANAGER, RUNTIME, VERSION
from modelmedic.steps.contracts.policy_types import bytes_of
from modelmedic.workflows.argo import hardening
from modelmedic.workflows.inputs.labels import metadata
from modelmedic.workflows.inputs.model import Model
from modelmedic.workflows.inputs.platform import Platform

STORE_SECRET: Final = "modelmedic-store-predictor"
PORT: Final = 8080
_CANARY: Final = {
    "Standard": ["/spec/canary", "/spec/predictor/name", "/spec/predictor/model/storageUri", "/spec/predictor/model/env"],
    "Knative": ["/spec/predictor/canaryTrafficPercent", "/spec/predictor/model/storageUri", "/spec/predictor/model/env"],
}


def serving_runtime(namespace: str, platform: Platform, models: Iterable[Model]) -> dict[str, Any]:
    """Our predictor for `modelFormat: {name: mlflow}`, Standard and Knative alike; only a `model:`
    predictor can have a canary. It has the most memory that a policy of `models`, those of this
    namespace, asks for.
    """
    memory = max((model.memory for model in models if model.serving_namespace == namespace), key=bytes_of)
    container = {
        "name": "kserve-container",
        "image": platform.images.predictor,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "modelmedic.steps.predictor"],
        "args": [
            "--model-name={{.Name}}",
            "--model-dir=/mnt/models",
            f"--version=$({VERSION})",
            f"--digest=$({DIGEST})",
            f"--log-store={platform.services.store}",
            "--served-by=unknown",
            "--host=0.0.0.0",
            f"--port={PORT}",
        ],
        "env": list(_environment(platform)),
        "ports": [{"containerPort": PORT, "name": "http1", "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": "/v2/health/ready", "port": PORT}, "periodSeconds": 5},
        "startupProbe": {"httpGet": {"path": "/v2/health/ready", "port": PORT}, "periodSeconds": 2, "failureThreshold": 90},
        "livenessProbe": {"httpGet": {"path": "/v2/health/live", "port": PORT}, "periodSeconds": 10, "timeoutSeconds": 5},
        # Endpoints forget a pod a little after it is told to end; until then it goes on answering.
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
        "terminationMessagePolicy": "FallbackToLogsOnError",  # why it does not serve is read from its pod
        "resources": {"requests": {"cpu": "250m", "memory": memory}, "limits": {"cpu": "2", "memory": memory}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": hardening.USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "work", "mountPath": hardening.WORK}],
    }
    spec = {
        "annotations": {"prometheus.io/path": "/metrics", "prometheus.io/port": str(PORT), "prometheus.io/scrape": "true"},
        # Not autoSelect, for InferenceServices of others that name no runtime; ours name this one.
        "supportedModelFormats": [{"name": "mlflow", "version": "1"}],
        "protocolVersions": ["v1", "v2"],
        "containers": [container],
        "volumes": [{"name": "work", "emptyDir": {"sizeLimit": "2Gi"}}],
    }
    described = metadata(RUNTIME, namespace, "serving")
    return {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "ServingRuntime", "metadata": described, "spec": spec}


def _environment(platform: Platform) -> Iterator[dict[str, Any]]:
    """An InferenceService says version, digest and columns itself, in `model.env`, which wins over
    these.
    """
    yield {"name": VERSION, "value": "unknown"}
    yield {"name": DIGEST, "value": ""}
    yield {"name": "MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "value": "false"}
    yield {"name": "HOME", "value": hardening.WORK}
    yield {"name": "AWS_REGION", "value": platform.services.region}
    if platform.services.storeEndpoint:
        yield {"name": "AWS_ENDPOINT_URL", "value": platform.services.storeEndpoint}
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):  # KServe's own names; absent where pods get credentials by their account
        yield {"name": key, "valueFrom": {"secretKeyRef": {"name": STORE_SECRET, "key": key, "optional": True}}}


def predictor_account(namespace: str) -> dict[str, Any]:
    """The account of predictors: KServe's storage initializer finds the credentials for the store
    by it; the API is closed to it.
    """
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(ACCOUNT, namespace, "serving"),
        "automountServiceAccountToken": False,
        "secrets": [{"name": STORE_SECRET}],
    }


def ignore_differences(models: Iterable[Model]) -> list[dict[str, Any]]:
    """The entries for `spec.ignoreDifferences` of an Argo CD Application that owns the
    InferenceServices: what a heal changes is not drift of Git.
    """
    return [
        {
            "group": "serving.kserve.io",
            "kind": "InferenceService",
            "name": model.service,
            "namespace": model.serving_namespace,
            "jsonPointers": _CANARY[model.mode],
            "managedFieldsManagers": [FIELD_MANAGER],
        }
        for model in models
    ]

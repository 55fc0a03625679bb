"""The fields that we use of kinds for which no library here has a model: None is anything, a type
that scalar, [x] a list of x.
"""

from typing import Any, Final

_ANY_TEXTS: Final = None  # mappings of free texts
_METADATA: Final = {"name": str, "namespace": str, "labels": _ANY_TEXTS, "annotations": _ANY_TEXTS}
_RESOURCES: Final = {"requests": _ANY_TEXTS, "limits": _ANY_TEXTS}
_SECURITY: Final = {
    "allowPrivilegeEscalation": bool,
    "capabilities": {"drop": [str]},
    "readOnlyRootFilesystem": bool,
    "runAsNonRoot": bool,
    "runAsUser": int,
    "runAsGroup": int,
    "fsGroup": int,
    "seccompProfile": {"type": str},
}
_EVENT_CONTAINER: Final = {"resources": _RESOURCES, "securityContext": _SECURITY, "imagePullPolicy": str}
_PROBE: Final = {
    "httpGet": {"path": str, "port": int},
    "periodSeconds": int,
    "initialDelaySeconds": int,
    "timeoutSeconds": int,
    "failureThreshold": int,
}
_CONTAINER: Final = {
    "name": str,
    "image": str,
    "imagePullPolicy": str,
    "command": [str],
    "args": [str],
    "env": [{"name": str, "value": str, "valueFrom": None}],
    "envFrom": None,
    "ports": [{"containerPort": int, "name": str, "protocol": str}],
    "readinessProbe": _PROBE,
    "livenessProbe": _PROBE,
    "startupProbe": _PROBE,
    "lifecycle": {"preStop": {"exec": {"command": [str]}}},
    "terminationMessagePolicy": str,
    "resources": _RESOURCES,
    "securityContext": _SECURITY,
    "volumeMounts": [{"name": str, "mountPath": str, "readOnly": bool, "subPath": str}],
}


def _kind(spec: Any) -> dict[str, Any]:
    return {"apiVersion": str, "kind": str, "metadata": _METADATA, "spec": spec}


_RULE: Final = {
    "alert": str,
    "record": str,
    "expr": str,
    "for": str,
    "keep_firing_for": str,
    "labels": _ANY_TEXTS,
    "annotations": _ANY_TEXTS,
}
_MODEL: Final = {
    "modelFormat": {"name": str, "version": str},
    "runtime": str,
    "storageUri": str,
    "protocolVersion": str,
    "resources": _RESOURCES,
}
_PREDICTOR: Final = {
    "name": str,
    "minReplicas": int,
    "maxReplicas": int,
    "model": _MODEL,
    "serviceAccountName": str,
    "canaryTrafficPercent": int,
}

FIELDS: Final[dict[str, Any]] = {
    "EventBus": _kind(
        {
            "jetstreamExotic": {"url": str, "streamConfig": str, "accessSecret": None, "tls": None},
            "jetstream": {
                "version": str,
                "replicas": int,
                "streamConfig": str,
                "securityContext": _SECURITY,
                "containerTemplate": _EVENT_CONTAINER,
                "reloaderContainerTemplate": _EVENT_CONTAINER,
                "metricsContainerTemplate": _EVENT_CONTAINER,
                "persistence": {"storageClassName": str, "accessMode": str, "volumeSize": str},
            },
        }
    ),
    "ServingRuntime": _kind(
        {
            "annotations": _ANY_TEXTS,
            "supportedModelFormats": [{"name": str, "version": str, "autoSelect": bool, "priority": int}],
            "protocolVersions": [str],
            "containers": [_CONTAINER],
            "volumes": None,
        }
    ),
    "InferenceService": _kind({"predictor": _PREDICTOR, "canary": [{"trafficPercent": int, "predictor": _PREDICTOR}]}),
    "PrometheusRule": _kind({"groups": [{"name": str, "interval": str, "rules": [_RULE]}]}),
    "PodMonitor": _kind(
        {
            "namespaceSelector": {"matchNames": [str]},
            "selector": {"matchExpressions": None, "matchLabels": _ANY_TEXTS},
            "podMetricsEndpoints": [{"port": str, "path": str, "interval": str}],
        }
    ),
    "AlertmanagerConfig": _kind(None),
    "ExternalSecret": _kind(None),
}

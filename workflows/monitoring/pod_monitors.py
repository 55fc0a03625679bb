"""PodMonitors for the Prometheus operator: the alert's own way, which is watched as well, and the
predictors.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from modelmedic.workflows.inputs.labels import metadata
from modelmedic.workflows.inputs.platform import Platform

_EVERY: Final = "30s"
_EVENTS: Final = {"matchExpressions": [{"key": "modelmedic.io/events", "operator": "Exists"}]}
_PREDICTORS: Final = {"matchExpressions": [{"key": "serving.kserve.io/inferenceservice", "operator": "Exists"}]}


def pod_monitors(platform: Platform, serving_namespaces: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Ports by their names: Argo Events' containers and our ServingRuntime's give them."""
    yield _pod_monitor("modelmedic-events", platform, [platform.namespace], _EVENTS, "metrics")
    yield _pod_monitor("modelmedic-predictors", platform, sorted(set(serving_namespaces)), _PREDICTORS, "http1")


def _pod_monitor(name: str, platform: Platform, namespaces: list[str], selector: dict[str, Any], port: str) -> dict[str, Any]:
    described = metadata(name, platform.namespace, "monitoring")
    described["labels"] |= platform.ruleLabels
    spec = {
        "namespaceSelector": {"matchNames": namespaces},
        "selector": selector,
        "podMetricsEndpoints": [{"port": port, "path": "/metrics", "interval": _EVERY}],
    }
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": described, "spec": spec}

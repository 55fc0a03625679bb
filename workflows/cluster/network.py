"""NetworkPolicies: everything is closed, and each opening has a name that says what it is for."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from modelmedic.workflows.argo.step import TELLING
from modelmedic.workflows.inputs.labels import STEP_CLASS, metadata
from modelmedic.workflows.inputs.platform import Peer, Platform
from modelmedic.workflows.inputs.reach import reached

_PREDICTOR: Final = "serving.kserve.io/inferenceservice"
_PREDICTOR_PORT: Final = 8080
_CLOSING: Final = ("observe", "deploy")  # those of the close stage and of the sweep
_RECORDING: Final = ("observe", "validate", "deploy", "triage")  # the step classes that may write the audit trail
Selector = dict[str, Any]


def network(platform: Platform, serving_namespaces: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The policies for workflows and their steps; what belongs to Argo Events is with it
    (workflows.events).
    """
    peers = reached(platform)
    yield closed(platform)
    yield opened(platform, "allow-dns", {}, egress=[_names(peers.dns)])
    steps = {"matchExpressions": [{"key": STEP_CLASS, "operator": "Exists"}]}  # Argo's own container reports what a step did
    yield opened(platform, "steps-to-api-server", steps, egress=[_to(peers.apiServer)])
    yield opened(platform, "steps-to-store", steps, egress=[_to(peers.store)])
    yield opened(platform, "steps-to-registry", _classes("observe", "validate", "deploy"), egress=[_to(peers.registry)])
    yield opened(platform, "steps-to-alertmanager", _classes(*TELLING, "triage"), egress=[_to(peers.alertmanager)])
    if peers.receivers:
        yield opened(platform, "steps-to-receivers", _classes(*TELLING), egress=[_to(each) for each in peers.receivers])
    yield opened(platform, "observe-to-pushgateway", _classes("observe", "deploy"), egress=[_to(peers.pushgateway)])
    yield opened(platform, "deploy-to-prometheus", _classes("deploy"), egress=[_to(peers.prometheus)])
    if platform.services.events:
        yield opened(platform, "recording-to-events", _classes(*_RECORDING), egress=[_to(peers.events)])
    if platform.services.otlp:
        yield opened(platform, "closing-to-otlp", _classes(*_CLOSING), egress=[_to(peers.otlp)])
    if platform.services.openlineage:
        yield opened(platform, "closing-to-openlineage", _classes(*_CLOSING), egress=[_to(peers.openlineage)])
    yield opened(platform, "deploy-to-predictors", _classes("deploy"), egress=[_predictors(sorted(set(serving_namespaces)))])


def closed(platform: Platform) -> dict[str, Any]:
    return opened(platform, "deny-all", {}, ingress=[], egress=[])


def opened(
    platform: Platform, name: str, selector: Selector, *, ingress: list[Any] | None = None, egress: list[Any] | None = None
) -> dict[str, Any]:
    """A policy of the workflows' namespace. An empty list closes that direction."""
    directions = {"Ingress": ingress, "Egress": egress}
    spec: dict[str, Any] = {"podSelector": selector, "policyTypes": [kind for kind, rules in directions.items() if rules is not None]}
    spec |= {kind.lower(): rules for kind, rules in directions.items() if rules}
    described = metadata(f"modelmedic-{name}", platform.namespace, "network")
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": described, "spec": spec}


def peer(where: Peer) -> dict[str, Any]:
    """A peer as NetworkPolicies name it."""
    if where.cidr:
        return {"ipBlock": {"cidr": where.cidr}}
    namespace = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": where.namespace}}} if where.namespace else {}
    return {**namespace, "podSelector": {"matchLabels": dict(where.labels)}}


def _to(where: Peer) -> dict[str, Any]:
    return {"ports": [{"protocol": "TCP", "port": where.port}], "to": [peer(where)]}


def _names(dns: Peer) -> dict[str, Any]:
    """Pods of any namespace; a resolver on the node itself, such as a node-local cache, is no pod
    and has to be named by its address.
    """
    ports = [{"protocol": protocol, "port": dns.port} for protocol in ("UDP", "TCP")]
    return {"ports": ports, "to": [*([peer(dns)] if dns.cidr else []), {"namespaceSelector": {}}]}


def _classes(*step_classes: str) -> Selector:
    return {"matchExpressions": [{"key": STEP_CLASS, "operator": "In", "values": list(step_classes)}]}


def _predictors(namespaces: list[str]) -> dict[str, Any]:
    """Replays and probes go to a predictor directly, past the shares."""
    place = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": namespaces}]}
    pods = {"matchExpressions": [{"key": _PREDICTOR, "operator": "Exists"}]}
    return {"ports": [{"protocol": "TCP", "port": _PREDICTOR_PORT}], "to": [{"namespaceSelector": place, "podSelector": pods}]}

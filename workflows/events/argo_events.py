"""Argo Events: the bus, an authenticated webhook for Alertmanager and one for changes beside
models, and a Sensor for each, which may start `triage` or `note-change` and no more.

Plain documents: Hera's models of Argo Events have neither apiVersion nor kind.
`modelmedic.workflows.lint` holds them against those models.
"""

from collections.abc import Iterator
from typing import Any, Final

from modelmedic.steps.core.records.change_body import MOST_BYTES as CHANGE_BYTES
from modelmedic.workflows.argo.note_change import NOTE_CHANGE
from modelmedic.workflows.argo.triage import PAYLOAD, TRIAGE
from modelmedic.workflows.cluster.accounts import role, rule, service_account
from modelmedic.workflows.cluster.network import opened, peer
from modelmedic.workflows.inputs import names
from modelmedic.workflows.inputs.labels import annotations, argo_annotations, labels, metadata
from modelmedic.workflows.inputs.platform import Peer, Platform
from modelmedic.workflows.inputs.reach import reached

BUS: Final = "default"
SOURCE: Final = "alerts"
EVENT: Final = "alertmanager"
PORT: Final = 12000
METRICS_PORT: Final = 7777  # of Argo Events' own pods
ENDPOINT: Final = "/alerts"
CHANGE: Final = "change"
CHANGES_ENDPOINT: Final = "/events"
CHANGES_KEY: Final = "changes-token"
TELLS: Final = {"modelmedic.io/notes-changes": "true"}  # the label of pods that may post changes
WEBHOOK_SECRET: Final = "modelmedic-webhook"
MOST_BYTES: Final = 262_144  # of one body; an object of the API server holds 1.5 MB
JETSTREAM: Final = "2.10.29"
_API: Final = "argoproj.io/v1alpha1"
_BODY: Final = "{{ .Input.body | toJson | b64enc }}"  # encoded, so that no label of an alert is ever read as a template
_STREAM: Final = "maxMsgs: 50000\nmaxAge: 168h\nmaxBytes: -1\nduplicates: 300s\n"


def event_bus(platform: Platform) -> dict[str, Any]:
    stream = f"replicas: {platform.streamReplicas}\n{_STREAM}"
    if platform.bus:
        spec: dict[str, Any] = {"jetstreamExotic": {"url": platform.bus, "streamConfig": stream}}
    else:
        parts = {f"{part}Template": _container() for part in ("container", "reloaderContainer", "metricsContainer")}
        spec = {"jetstream": {"version": JETSTREAM, "replicas": 3, "streamConfig": stream, **_hardened(), **parts}}
    return {"apiVersion": _API, "kind": "EventBus", "metadata": metadata(BUS, platform.namespace, "events"), "spec": spec}


def event_source(platform: Platform) -> dict[str, Any]:
    """A POST without the bearer token of its endpoint is refused: Alertmanager sends one
    (workflows.alertmanager), jobs that change something the other.
    """
    spec = {
        "eventBusName": BUS,
        "replicas": 1,
        "service": {"ports": [{"port": PORT, "targetPort": PORT}]},
        "template": _template("eventsource"),
        "webhook": {EVENT: _webhook(ENDPOINT, MOST_BYTES, "token"), CHANGE: _webhook(CHANGES_ENDPOINT, CHANGE_BYTES, CHANGES_KEY)},
    }
    return {"apiVersion": _API, "kind": "EventSource", "metadata": metadata(SOURCE, platform.namespace, "events"), "spec": spec}


def sensors(platform: Platform) -> Iterator[dict[str, Any]]:
    """One for alerts and one for changes, so that a storm of one keeps the other from nobody."""
    yield _sensor(platform, TRIAGE, "alert", EVENT, ("Triage alerts", "Started by the Sensor for one notification of Alertmanager."))
    yield _sensor(platform, NOTE_CHANGE, "change", CHANGE, ("Note a change", "Started by the Sensor for one change that somebody posted."))


def _webhook(endpoint: str, most_bytes: int, key: str) -> dict[str, Any]:
    """A key that the Secret lacks lets nobody in, and stops no other endpoint."""
    return {
        "endpoint": endpoint,
        "method": "POST",
        "port": str(PORT),
        "maxPayloadSize": most_bytes,
        "authSecret": {"name": WEBHOOK_SECRET, "key": key},
    }


def _sensor(platform: Platform, name: str, dependency: str, event: str, told: tuple[str, str]) -> dict[str, Any]:
    """At least once, with retries; what cannot be triggered even so is written to the Sensor's log
    and counted, which is alerted on.
    """
    trigger = {
        "atLeastOnce": True,
        "retryStrategy": {"steps": 5, "duration": "2s", "factor": 2, "jitter": 0.2},
        "template": {"name": name, "k8s": _creates(platform, name, dependency, told)},
        "dlqTrigger": {"atLeastOnce": True, "template": {"name": "dead-letter", "log": {"intervalSeconds": 1}}},
    }
    spec = {
        "eventBusName": BUS,
        "replicas": 1,
        "dependencies": [{"name": dependency, "eventSourceName": SOURCE, "eventName": event}],
        "template": _template("sensor"),
        "triggers": [trigger],
    }
    return {"apiVersion": _API, "kind": "Sensor", "metadata": metadata(name, platform.namespace, "events"), "spec": spec}


def events_access(platform: Platform) -> Iterator[dict[str, Any]]:
    """Sensors may create Workflows, of which the admission policy lets through `triage` and
    `note-change` alone; the EventSource may do nothing.
    """
    yield service_account(names.account("eventsource"), platform.namespace)
    yield service_account(names.account("sensor"), platform.namespace, automount=True)
    name = names.account("sensor")
    yield from role(name, platform.namespace, platform.namespace, name, [rule("argoproj.io", "workflows", "create")])


def events_network(platform: Platform) -> Iterator[dict[str, Any]]:
    bus = Peer(labels={"eventbus-name": BUS}, port=4222)
    to_bus = {"ports": [{"protocol": "TCP", "port": bus.port}], "to": [peer(bus)]}
    if platform.bus:
        host, _, port = platform.bus.partition("://")[2].rpartition(":")
        to_bus = {"ports": [{"protocol": "TCP", "port": int(port)}], "to": [_place(host)]}
    api = {"ports": [{"protocol": "TCP", "port": platform.peers.apiServer.port}], "to": [peer(platform.peers.apiServer)]}
    from_alertmanager = {"from": [peer(reached(platform).alertmanager)], "ports": [{"protocol": "TCP", "port": PORT}]}
    yield opened(platform, "alertmanager-to-eventsource", _owned("eventsource"), ingress=[from_alertmanager], egress=[to_bus])
    from_jobs = {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": TELLS}}], "ports": [{"protocol": "TCP", "port": PORT}]}
    yield opened(platform, "changes-to-eventsource", _owned("eventsource"), ingress=[from_jobs])
    yield opened(platform, "sensor-to-bus-and-api-server", _owned("sensor"), egress=[to_bus, api])
    from_prometheus = {"from": [peer(platform.peers.prometheus)], "ports": [{"protocol": "TCP", "port": METRICS_PORT}]}
    of_events = {"matchExpressions": [{"key": "modelmedic.io/events", "operator": "Exists"}]}
    yield opened(platform, "prometheus-to-events", of_events, ingress=[from_prometheus])
    if not platform.bus:
        clients = [{"podSelector": _owned(part)} for part in ("eventsource", "sensor")]
        mates = {"podSelector": {"matchLabels": {"eventbus-name": BUS}}}
        ports = [{"protocol": "TCP", "port": port} for port in (4222, 6222, 8222)]
        yield opened(
            platform,
            "bus",
            {"matchLabels": {"eventbus-name": BUS}},
            ingress=[{"from": [*clients, mates], "ports": ports}],
            egress=[{"to": [mates], "ports": ports}],
        )


def disruption_budgets(platform: Platform) -> Iterator[dict[str, Any]]:
    """A drain takes one pod of each at a time."""
    parts = {"eventsource": _owned("eventsource"), "sensor": _owned("sensor")}
    if not platform.bus:
        parts["eventbus"] = {"matchLabels": {"eventbus-name": BUS}}
    for name, chosen in parts.items():
        described = metadata(f"modelmedic-{name}", platform.namespace, "events")
        spec = {"maxUnavailable": 1, "selector": chosen}
        yield {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": described, "spec": spec}


def _creates(platform: Platform, name: str, dependency: str, told: tuple[str, str]) -> dict[str, Any]:
    workflow = {
        "apiVersion": _API,
        "kind": "Workflow",
        "metadata": {
            "generateName": f"{name}-",
            "namespace": platform.namespace,
            "labels": labels(name),
            "annotations": annotations() | argo_annotations(*told),
        },
        "spec": {"arguments": {"artifacts": [{"name": PAYLOAD, "raw": {"data": ""}}]}, "workflowTemplateRef": {"name": name}},
    }
    whole_body = {"src": {"dependencyName": dependency, "dataTemplate": _BODY}, "dest": "spec.arguments.artifacts.0.raw.data"}
    return {"operation": "create", "source": {"resource": workflow}, "parameters": [whole_body]}


def _template(part: str) -> dict[str, Any]:
    return {
        "serviceAccountName": names.account(part),
        "metadata": {"labels": {**labels("events"), "modelmedic.io/events": part}},
        **_hardened(),
        "container": _container(),
    }


def _hardened() -> dict[str, Any]:
    """The hardening that `workflows.argo.hardening` gives steps."""
    ids = {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532}
    return {"securityContext": {**ids, "seccompProfile": {"type": "RuntimeDefault"}}}


def _container() -> dict[str, Any]:
    return {
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
    }


def _owned(part: str) -> dict[str, Any]:
    return {"matchLabels": {"modelmedic.io/events": part}}


def _place(host: str) -> dict[str, Any]:
    """An address is known exactly; of a name it is only known that some pod of the cluster answers
    to it.
    """
    return {"ipBlock": {"cidr": f"{host}/32"}} if host.replace(".", "").isdigit() else {"namespaceSelector": {}}

"""The ConfigMaps that overlays change: addresses for the steps, and the artifact repository of
Argo.
"""

import json
from collections.abc import Iterator
from typing import Any

from modelmedic.steps.contracts.places import PREFIX
from modelmedic.workflows.argo.hardening import WORK
from modelmedic.workflows.argo.step import CONFIG, NOTIFY_SECRET, POLICY, STORE_SECRET
from modelmedic.workflows.argo.workflow import ARTIFACTS
from modelmedic.workflows.cluster.policies import INDEX_KEY, KEY
from modelmedic.workflows.inputs.labels import annotations, metadata
from modelmedic.workflows.inputs.platform import Platform


def config(platform: Platform) -> Iterator[dict[str, Any]]:
    """No secret is in them; the environment of every step is the first one."""
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(CONFIG, platform.namespace, "config"),
        "data": _environment(platform),
    }
    described = metadata(ARTIFACTS, platform.namespace, "config")
    described["annotations"] = {**annotations(), "workflows.argoproj.io/default-artifact-repository": "modelmedic"}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": {"modelmedic": _repository(platform)}}


def namespace(platform: Platform) -> dict[str, Any]:
    """Pods that are not restricted are refused here."""
    described = metadata(platform.namespace, None, "config")
    described["labels"] |= {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": described}


def _environment(platform: Platform) -> dict[str, str]:
    services = platform.services
    told = {
        "MODELMEDIC_EVENTS_SINK": services.events,
        "MODELMEDIC_OTLP": services.otlp,
        "MODELMEDIC_OPENLINEAGE": services.openlineage,
    }
    endpoint = {"AWS_ENDPOINT_URL": services.storeEndpoint} if services.storeEndpoint else {}
    return {
        "MODELMEDIC_STORE": services.store,
        "MODELMEDIC_SERVING": "kserve",
        "MODELMEDIC_POLICY": f"{POLICY}/{KEY}",
        "MODELMEDIC_POLICIES": f"{POLICY}/{INDEX_KEY}",
        "MODELMEDIC_PUSHGATEWAY": services.pushgateway,
        "MODELMEDIC_ALERTMANAGER": services.alertmanager,
        "MODELMEDIC_PROMETHEUS": services.prometheus,
        "MODELMEDIC_NOTIFY": NOTIFY_SECRET,
        "MODELMEDIC_NAMESPACE": platform.namespace,
        "MLFLOW_TRACKING_URI": services.registry,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "AWS_SHARED_CREDENTIALS_FILE": f"{STORE_SECRET}/credentials",
        "AWS_REGION": services.region,
        **endpoint,
        **{name: address for name, address in told.items() if address},
        **_links(platform),
        "HOME": WORK,
        "MODELMEDIC_HOME": f"{WORK}/modelmedic",
        "USER": "modelmedic",
    }


def _links(platform: Platform) -> dict[str, str]:
    """The places that messages link to. What nobody has said is a placeholder, and not linked
    to.
    """
    said = platform.links.model_fields_set
    named = {name: getattr(platform.links, name) for name in sorted(said)}
    return {f"{PREFIX}{name.upper()}": address for name, address in named.items() if address}


def _repository(platform: Platform) -> str:
    """Argo reads the value as YAML, which JSON is."""
    services = platform.services
    bucket = services.store.removeprefix("s3://").split("/")[0]
    s3: dict[str, Any] = {"bucket": bucket, "keyFormat": "argo/{{workflow.name}}/{{pod.name}}", "region": services.region}
    if services.storeEndpoint:
        scheme, _, host = services.storeEndpoint.partition("://")
        s3 |= {"endpoint": _from_anywhere(host, platform.namespace), "insecure": scheme == "http"}
    for key in ("accessKey", "secretKey"):
        s3[f"{key}Secret"] = {"name": "modelmedic-artifacts", "key": key}
    return json.dumps({"archiveLogs": False, "s3": s3}, indent=2) + "\n"


def _from_anywhere(host: str, namespace: str) -> str:
    """A bare Service name means nothing to Argo's server, which shows the artifacts from a
    namespace of its own.
    """
    name, colon, port = host.partition(":")
    return host if "." in name else f"{name}.{namespace}.svc{colon}{port}"

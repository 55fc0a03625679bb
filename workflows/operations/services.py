"""The services of the platform, tried by `modelmedic doctor`: the store's conditional writes,
MLflow, the Pushgateway, and whether Prometheus scrapes what the alerts are made of.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from modelmedic.steps.adapters.kube.client import Kube
from modelmedic.steps.adapters.store.by_url import open_store
from modelmedic.steps.contracts.errors import ModelmedicError, Refused, UnsafeStore
from modelmedic.steps.contracts.kserve import MODEL_LABEL
from modelmedic.steps.contracts.metrics import MODEL_INFO
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.operations.inspection import MISSING, OK, UNKNOWN, Inspection
from modelmedic.workflows.operations.ways import (
    PROMETHEUS,
    PUSHGATEWAY,
    REGISTRY,
    STORE,
    Ask,
    field,
    inside,
    to_prometheus,
    to_service,
)

_PORTS: Final = {STORE: 9000, REGISTRY: 5000, PUSHGATEWAY: 9091, PROMETHEUS: 9090}
_EVENTS_PORT: Final = 7777  # of Argo Events' own metrics
_SCRAPES: Final = "docs/install.md (Prometheus) has the three jobs"
_OUR_PUSHES: Final = 'push_time_seconds{exported_job=~"modelmedic-.+"}'
_SERVICES: Final = "/apis/serving.kserve.io/v1beta1/inferenceservices"
Labels = dict[str, str]


def services(platform: Platform, kube: Kube | None, named: Mapping[str, str]) -> Iterator[Inspection]:
    """One answer or more about each service. `named` has addresses by which services are reached
    from here; `kube` is None where there is no cluster.
    """
    yield _store(platform, named)
    registry = to_service(REGISTRY, platform.services.registry, named, kube, platform)
    yield _answers("MLflow", REGISTRY, registry, "/api/2.0/mlflow/registered-models/search?max_results=1")
    gateway = to_service(PUSHGATEWAY, platform.services.pushgateway, named, kube, platform)
    yield _answers("Pushgateway", PUSHGATEWAY, gateway, "/api/v1/status")
    yield from _prometheus(platform, kube, to_prometheus(named, kube, platform))


def _store(platform: Platform, named: Mapping[str, str]) -> Inspection:
    """Writes as every step that opens the store does: one object below `probe/`, over and over."""
    endpoint = named.get(STORE, platform.services.storeEndpoint)
    if STORE not in named and inside(endpoint):
        remedy = f"{_forward(STORE)}, with a step's AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; every step probes it as well"
        return Inspection("object store", UNKNOWN, "is inside of the cluster and was not tried", remedy)
    try:
        open_store(platform.services.store, endpoint=endpoint)
    except UnsafeStore as error:
        return Inspection("object store", MISSING, str(error), "docs/compatibility.md has stores that keep them")
    except ModelmedicError as error:  # whoever named an address expects an answer there
        remedy = "see services.store of the platform file, AWS_ENDPOINT_URL and your credentials for it"
        return Inspection("object store", MISSING if STORE in named else UNKNOWN, f"was not tried: {error}", remedy)
    return Inspection("object store", OK, f"{platform.services.store} keeps put, get, If-None-Match and If-Match")


def _answers(subject: str, name: str, ask: Ask | None, path: str) -> Inspection:
    if ask is None:
        return _unreached(subject, name)
    try:
        ask(path)
    except Refused as error:
        return Inspection(subject, UNKNOWN, f"may not be asked: {error}", _forward(name))
    except ModelmedicError as error:
        return Inspection(subject, MISSING, f"does not answer: {error}", f"see services.{name} of the platform file, and its pod's log")
    return Inspection(subject, OK, "answers")


def _prometheus(platform: Platform, kube: Kube | None, ask: Ask | None) -> Iterator[Inspection]:
    """Prometheus by what it has scraped in the last minutes, whatever its jobs are called."""
    if ask is None:
        yield _unreached("Prometheus", PROMETHEUS)
        return
    try:
        up = _series(ask, "up")
        yield Inspection("Prometheus", OK, f"answers, and scrapes {len(up)} targets")
        yield _pushes(platform, ask, up)
        yield _predictors(_deployed(kube), _series(ask, MODEL_INFO.name))
        yield _events(up)
    except Refused as error:
        yield Inspection("Prometheus", UNKNOWN, f"may not be asked: {error}", _forward(PROMETHEUS))
    except ModelmedicError as error:
        remedy = f"see peers.prometheus of the platform file; {_forward(PROMETHEUS)}"
        yield Inspection("Prometheus", MISSING, f"does not answer: {error}", remedy)


def _pushes(platform: Platform, ask: Ask, up: list[tuple[Labels, float]]) -> Inspection:
    subject, host = "Prometheus scrapes the Pushgateway", str(urlsplit(platform.services.pushgateway).hostname).partition(".")[0]
    if _series(ask, _OUR_PUSHES):
        return Inspection(subject, MISSING, "renames what is pushed to exported_job", "set honor_labels: true on the Pushgateway's job")
    if _series(ask, "pushgateway_build_info"):
        return Inspection(subject, OK, "yes")
    down = [labels for labels, value in up if value == 0 and any(host in each for each in labels.values())]
    said = f"no: {down[0].get('instance')} does not answer it" if down else "no"
    return Inspection(subject, MISSING, said, "let it reach the Pushgateway" if down else _SCRAPES)


def _predictors(deployed: set[str] | None, seen: list[tuple[Labels, float]]) -> Inspection:
    subject, models = "Prometheus scrapes the predictors", {labels.get("model", "") for labels, _ in seen}
    left = sorted((deployed or set()) - models)
    if left:
        return Inspection(subject, MISSING, f"not those of {', '.join(left)}", _SCRAPES)
    if not models:
        return Inspection(subject, UNKNOWN, "no predictor of ours is seen", f"ask again once a model serves; {_SCRAPES}")
    return Inspection(subject, OK, f"those of {', '.join(sorted(models))}")


def _events(up: list[tuple[Labels, float]]) -> Inspection:
    subject = "Prometheus scrapes EventSource and Sensor"
    values = [value for labels, value in up if labels.get("instance", "").endswith(f":{_EVENTS_PORT}")]
    if not values:
        return Inspection(subject, MISSING, f"no target has the port {_EVENTS_PORT}: an alert that gets lost raises none", _SCRAPES)
    if not all(values):
        return Inspection(subject, MISSING, f"{values.count(0)} of {len(values)} do not answer it", "see their pods and NetworkPolicies")
    return Inspection(subject, OK, f"{len(values)} of them")


def _deployed(kube: Kube | None) -> set[str] | None:
    """The models whose predictors there are; None where that cannot be seen."""
    try:
        found = kube.listed(_SERVICES, MODEL_LABEL) if kube else None
    except ModelmedicError:
        return None
    return None if found is None else {each["metadata"]["labels"][MODEL_LABEL] for each in found}


def _series(ask: Ask, query: str) -> list[tuple[Labels, float]]:
    """The labels and the newest value of each series that a query finds."""
    found: list[dict[str, Any]] = field(ask(f"/api/v1/query?query={quote(query)}"), "data", "result")
    return [(each["metric"], float(each["value"][1])) for each in found]


def _unreached(subject: str, name: str) -> Inspection:
    return Inspection(subject, UNKNOWN, "cannot be reached from here", _forward(name))


def _forward(name: str) -> str:
    port = _PORTS[name]
    return f"`kubectl port-forward` to it, and --at {name}=http://127.0.0.1:{port}"

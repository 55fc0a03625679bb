"""The platform: the values of one cluster that its manifests are rendered for, from one small YAML
file with a default for everything.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from modelmedic.steps.adapters.policy.faults import closest, dotted, shown
from modelmedic.steps.adapters.policy.layers import warn_of_former_spelling
from modelmedic.steps.adapters.policy.yaml_tree import Fault, Node, read_tree
from modelmedic.steps.contracts.errors import BadPolicy
from modelmedic.steps.contracts.policy import API_VERSION, Section
from modelmedic.steps.contracts.policy_schema import at, choices, keys
from modelmedic.steps.contracts.policy_types import BaseUrl, Name
from modelmedic.steps.contracts.policy_words import allowed

_TAG = r":[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}"
IMAGE = rf"^[a-z0-9][a-z0-9.\-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._\-]*)*(({_TAG})?@sha256:[0-9a-f]{{64}}|{_TAG})$"


def _matching(pattern: str, words: str, max_length: int | None = None) -> Any:
    return Field(pattern=pattern, json_schema_extra={"patternErrorMessage": f"expected {words}"}, max_length=max_length)


Image = Annotated[str, _matching(IMAGE, "an image with a tag or a digest, such as registry:5000/steps:1.2", max_length=300)]
Cidr = Annotated[str, _matching(r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$", "addresses such as 10.0.0.0/8")]
Label = Annotated[str, _matching(r"^[A-Za-z0-9]([A-Za-z0-9_.\-]{0,61}[A-Za-z0-9])?$", "a label's value, such as object-store")]
LabelKey = Annotated[
    str,
    _matching(r"^([a-z0-9.\-]{1,200}/)?[A-Za-z0-9]([A-Za-z0-9_.\-]{0,61}[A-Za-z0-9])?$", "a label's key, such as app.kubernetes.io/name"),
]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
BusUrl = Annotated[str, _matching(r"^(nats|tls)://[A-Za-z0-9.\-]+:[0-9]{1,5}$", "an address such as nats://nats:4222")]
Store = Annotated[str, _matching(r"^s3://[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9](/[A-Za-z0-9_.\-]+)*$", "s3://bucket or s3://bucket/prefix")]
Region = Annotated[str, _matching(r"^[a-z0-9\-]{2,32}$", "a region such as us-east-1")]


class Images(Section):
    """The images that stages run in, by digest when they are to be pinned."""

    steps: Image = Field(default="modelmedic/steps:0.1.0", description="Diagnosis, deployment, incident reports; light.")
    train: Image = Field(default="modelmedic/train:0.1.0", description="Runs the user's training code.")
    report: Image = Field(default="modelmedic/report:0.1.0", description="Draws Evidently's report.")
    predictor: Image = Field(default="modelmedic/predictor:0.1.0", description="Serves a model, and judges it where it will serve.")


class Peer(Section):
    """The place of a service, as a NetworkPolicy can name it: pods of a namespace, or addresses
    outside the cluster.
    """

    namespace: Name | None = Field(default=None, description="Its namespace; ours when left out.")
    labels: dict[LabelKey, Label] = Field(default_factory=dict, description="Its pods' labels.")
    cidr: Cidr | None = Field(default=None, description="Its addresses, when it is no pod.")
    port: Port = Field(description="Its port.")


class Peers(Section):
    """The services that the loop talks to."""

    store: Peer = Peer(labels={"app.kubernetes.io/name": "object-store"}, port=9000)
    registry: Peer = Peer(labels={"app.kubernetes.io/name": "mlflow"}, port=5000)
    pushgateway: Peer = Peer(labels={"app.kubernetes.io/name": "pushgateway"}, port=9091)
    prometheus: Peer = Peer(labels={"app.kubernetes.io/name": "prometheus"}, port=9090)
    alertmanager: Peer = Peer(labels={"app.kubernetes.io/name": "alertmanager"}, port=9093)
    receivers: tuple[Peer, ...] = Field(default=(), description="Where messages go by a policy's notify.receivers.")
    openlineage: Peer = Field(
        default=Peer(labels={"app.kubernetes.io/name": "openlineage"}, port=5000), description="Where services.openlineage is."
    )
    otlp: Peer = Field(default=Peer(labels={"app.kubernetes.io/name": "otlp"}, port=4318), description="Where services.otlp is.")
    events: Peer = Field(default=Peer(labels={"app.kubernetes.io/name": "events"}, port=8080), description="Where services.events is.")
    dns: Peer = Field(default=Peer(port=53), description="A resolver that is no pod, such as a node-local cache, by its `cidr`.")
    apiServer: Peer = Field(
        default=Peer(cidr="0.0.0.0/0", port=6443), description="No selector names the API server: narrow it to its addresses."
    )


class Services(Section):
    """The addresses that a pod is told."""

    store: Store = "s3://modelmedic"
    storeEndpoint: BaseUrl | None = Field(default="http://object-store:9000", description="None for AWS itself.")
    region: Region = "us-east-1"
    registry: BaseUrl = "http://mlflow:5000"
    pushgateway: BaseUrl = "http://pushgateway:9091"
    alertmanager: BaseUrl = "http://alertmanager:9093"
    prometheus: BaseUrl = "http://prometheus:9090"
    openlineage: BaseUrl | None = Field(default=None, description="A catalogue that takes OpenLineage's events, without /api/v1/lineage.")
    otlp: BaseUrl | None = Field(default=None, description="An OpenTelemetry collector's HTTP address, without /v1/traces.")
    events: BaseUrl | None = Field(default=None, description="A receiver of every audit record as a CloudEvent.")


class Links(Section):
    """The addresses that alerts, messages, pages and the Argo UI link to."""

    runbooks: BaseUrl = Field(default="https://modelmedic.example/runbooks", description="<this>/<alert>.md is an alert's runbook.")
    grafana: BaseUrl = "https://grafana.example"
    argo: BaseUrl | None = Field(default=None, description="Argo's UI, which links lead to the run of a heal in.")
    mlflow: BaseUrl | None = Field(default=None, description="MLflow's UI, as people reach it; services.registry when left out.")
    reports: BaseUrl | None = Field(default=None, description="<this>/<key> is an object of the store, such as an incident's page.")


class Platform(Section):
    """One cluster's values."""

    apiVersion: Literal["modelmedic.io/v1alpha1"] = API_VERSION
    kind: Literal["Platform"] = "Platform"
    namespace: Name = Field(default="modelmedic", description="Where workflows, events and policies live.")
    images: Images = Images()
    trainImages: dict[Name, Image] = Field(default_factory=dict, description="A training image of its own, by model.")
    services: Services = Services()
    peers: Peers = Peers()
    bus: BusUrl | None = Field(default=None, description="An existing NATS JetStream; a native one of three replicas when left out.")
    streamReplicas: Annotated[int, Field(strict=True, ge=1, le=5)] = Field(default=3, description="Replicas of the stream on the bus.")
    links: Links = Links()
    ruleLabels: dict[LabelKey, Label] = Field(default_factory=dict, description="Labels by which your Prometheus selects its rules.")


def read_platform(path: Path | None, images: Mapping[str, str] | None = None) -> Platform:
    """The platform of a YAML file (all defaults without one), with `images` above its own.

    The file is read as strictly as a policy. Raises BadPolicy, which names every fault with its
    line.
    """
    tree, faults = read_tree(path) if path else (None, [])
    if faults:
        raise _refused(path, faults)
    stated: dict[str, Any] = tree.plain() if tree else {}
    if tree and warn_of_former_spelling(tree):
        stated["apiVersion"] = API_VERSION
    if images and isinstance(of_file := stated.get("images") or {}, dict):
        stated = {**stated, "images": {**of_file, **images}}
    try:
        return Platform.model_validate(stated)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=True)
        raise _refused(path, sorted({_fault(detail, tree, images or {}) for detail in details})) from error


def _refused(path: Path | None, faults: Sequence[Fault]) -> BadPolicy:
    said = "; ".join(map(str, faults))
    return BadPolicy(f"platform {path or 'images'} is refused: {said}; docs/install.md lists what is allowed")


def _fault(detail: ErrorDetails, tree: Node | None, images: Mapping[str, str]) -> Fault:
    """One error of pydantic as a sentence, at the line of the file that it is about."""
    bad_key = detail["loc"][-1:] == ("[key]",)
    place = detail["loc"][:-1] if bad_key else detail["loc"]
    sentence = _sentence(detail, place, bad_key=bad_key)
    if tree is None or (place[:1] == ("images",) and set(place[1:]) & set(images)):
        return Fault("images", 0, sentence)
    node = tree
    for part in place:
        child = node.value.get(part) if isinstance(node.value, dict) else None
        if child is None:
            break
        node = child
    return Fault(node.file, node.line, sentence)


def _sentence(detail: ErrorDetails, place: tuple[str | int, ...], *, bad_key: bool) -> str:
    schema = Platform.model_json_schema()
    if detail["type"] == "extra_forbidden":
        known = keys(at(place[:-1], schema) or {}, schema)
        near = closest(str(place[-1]), known)
        options = ", ".join(known)
        whole = "a Platform" if len(place) == 1 else dotted(place[:-1])
        said = f"did you mean {near}? (allowed: {options})" if near else f"expected one of {options}"
        return f"{dotted(place)} is no key of {whole}; {said}"
    if bad_key:
        words = "a model's name" if place[0] == "trainImages" else "a label's key, such as app.kubernetes.io/name"
        return f"{dotted(place[:-1])} has the key {shown(place[-1])}; expected {words}"
    words = _allowed(place, schema)
    if detail["type"] == "missing":
        return f"{dotted(place)} is missing; expected {words}"
    value = detail["input"]
    quoted = isinstance(value, str) and detail["type"].endswith("_type")
    return f"{dotted(place)} is {'empty' if value is None else json.dumps(value) if quoted else shown(value)}; expected {words}"


def _allowed(place: tuple[str | int, ...], schema: dict[str, Any]) -> str:
    node = at(place, schema)
    if node is None:  # the value of a mapping whose keys are free
        parent = choices(at(place[:-1], schema) or {}, schema)[0]
        node = next(iter(parent.get("patternProperties", {}).values()), {})
    if "patternProperties" in choices(node, schema)[0]:
        return "a mapping from names to texts"
    return allowed(node, schema) if node else "another value"

"""What the manifests have to know of the cluster they are for; one small YAML file, everything in
it with a default.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Section
from modelmedic.steps.contracts.policy_types import BaseUrl, Name

_TAG = r":[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}"
IMAGE = rf"^[a-z0-9][a-z0-9.\-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._\-]*)*(({_TAG})?@sha256:[0-9a-f]{{64}}|{_TAG})$"
Image = Annotated[str, Field(pattern=IMAGE, max_length=300)]
Cidr = Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$")]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.\-]{0,61}[A-Za-z0-9])?$")]
LabelKey = Annotated[str, Field(pattern=r"^([a-z0-9.\-]{1,200}/)?[A-Za-z0-9]([A-Za-z0-9_.\-]{0,61}[A-Za-z0-9])?$")]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
BusUrl = Annotated[str, Field(pattern=r"^(nats|tls)://[A-Za-z0-9.\-]+:[0-9]{1,5}$")]
Bucket = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$")]


class Images(Section):
    """The images that stages run in, by digest when they are to be pinned."""

    steps: Image = Field(default="modelmedic/steps:0.1.0", description="Diagnosis, deployment, incident reports; light.")
    train: Image = Field(default="modelmedic/train:0.1.0", description="Runs the user's training code.")
    report: Image = Field(default="modelmedic/report:0.1.0", description="Draws Evidently's report.")
    predictor: Image = Field(default="modelmedic/predictor:0.1.0", description="Serves a model, and judges it where it will serve.")


class Peer(Section):
    """Where a service is, as a NetworkPolicy can say it: pods of a namespace, or addresses outside
    the cluster.
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
    dns: Peer = Field(default=Peer(port=53), description="A resolver that is no pod, such as a node-local cache, by its `cidr`.")
    apiServer: Peer = Field(
        default=Peer(cidr="0.0.0.0/0", port=6443), description="No selector names the API server: narrow it to its addresses."
    )


class Services(Section):
    """The addresses that a pod is told."""

    store: Annotated[str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9](/[A-Za-z0-9_.\-]+)*$")] = "s3://modelmedic"
    storeEndpoint: BaseUrl | None = Field(default="http://object-store:9000", description="None for AWS itself.")
    region: Annotated[str, Field(pattern=r"^[a-z0-9\-]{2,32}$")] = "us-east-1"
    registry: BaseUrl = "http://mlflow:5000"
    pushgateway: BaseUrl = "http://pushgateway:9091"
    prometheus: BaseUrl = "http://prometheus:9090"
    alertmanager: BaseUrl = "http://alertmanager:9093"


class Links(Section):
    """What alerts and the Argo UI link to."""

    runbooks: BaseUrl = Field(default="https://modelmedic.example/runbooks", description="<this>/<alert>.md is an alert's runbook.")
    grafana: BaseUrl = "https://grafana.example"


class Platform(Section):
    """One cluster's values."""

    apiVersion: Literal["modelmedic/v1alpha1"] = "modelmedic/v1alpha1"
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
    """The platform of a YAML file (all defaults without one), with `images` above its own. Raises
    BadInput, naming every fault.
    """
    stated = _stated(path) if path else {}
    if images:
        stated = {**stated, "images": {**(stated.get("images") or {}), **images}}
    try:
        return Platform.model_validate(stated)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise BadInput(f"platform {path or 'images'} is refused: {faults}; docs/install.md lists what is allowed") from error


def _stated(path: Path) -> dict[str, Any]:
    import yaml

    try:
        stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BadInput(f"platform {path} cannot be read: {error}") from error
    if not isinstance(stated, dict):
        raise BadInput(f"platform {path} is {type(stated).__name__}; expected a mapping such as `namespace: modelmedic`")
    return stated

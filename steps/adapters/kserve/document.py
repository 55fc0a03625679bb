"""An InferenceService of KServe's Standard mode as a plain document: reading who serves, and
writing the changes. Called by `KServeServing`.

Each predictor (the stable one and a canary's) names its version, its digest and its columns in the
environment of its container, and the digest again in its storageUri, which ends in
`models/<digest>`. A canary's predictor is a whole copy of the stable one: that way promoting it,
which moves its name, storageUri and environment to the stable one, gives the Deployment that runs
already.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelmedic.steps.adapters.predictor.config import ABOUT, about, to_text
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.keys import slug
from modelmedic.steps.contracts.kserve import DIGEST, MODEL_LABEL, RUNTIME, VERSION
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.serving import ForeignService
from modelmedic.steps.contracts.training import ModelVersion

UNKNOWN: Final = "unknown"
API: Final = "serving.kserve.io/v1beta1"
_MODE: Final = "serving.kserve.io/deploymentMode"
_SERVES_BY: Final = ("runtime", "image", "storageUri", "storage", "runtimeVersion", "command", "args")
_SERVERS: Final = (  # fields of a predictor by which a model is served, beside `model`
    "containers", "workerSpec", "sklearn", "xgboost", "lightgbm", "tensorflow", "pytorch", "triton", "onnx", "huggingface", "pmml",
    "paddle",
)  # fmt: skip
_STABLE_ONLY: Final = ("maxReplicas", "scaleTarget", "scaleMetric", "scaleMetricType", "autoScaling", "canaryTrafficPercent")
_RESTRICTED: Final = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}  # of the pod, KServe's own container in it
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServicePredictor:
    """One predictor of an InferenceService: its name within the service ("" for the one without),
    and the model that it is to serve.

    A predictor that somebody else made has the version "unknown", and the digest of its storageUri
    where that has one.
    """

    name: str
    version: str
    digest: str
    uri: str  # the storageUri

    @property
    def ours(self) -> bool:
        return self.version != UNKNOWN


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """The predictors and the share that an InferenceService asks for. `generation` rises with every
    change of its spec, whoever made it.
    """

    generation: int
    champion: ServicePredictor | None
    canary: ServicePredictor | None
    percent: int


def read_spec(service: Mapping[str, Any]) -> ServiceSpec:
    """The service as its spec states it. A stable predictor that is not ours is no champion; an
    entry of `spec.canary` is a canary whoever made it.
    """
    spec = service["spec"]
    stable = read_predictor(spec.get("predictor") or {})
    entries = spec.get("canary") or []
    canary = read_predictor(entries[0].get("predictor") or {}) if entries else None
    percent = sum(int(entry.get("trafficPercent") or 0) for entry in entries)
    return ServiceSpec(int(service["metadata"]["generation"]), stable if stable.ours else None, canary, percent)


def read_predictor(predictor: Mapping[str, Any]) -> ServicePredictor:
    model = predictor.get("model") or {}
    stated = {entry["name"]: str(entry.get("value", "")) for entry in model.get("env") or []}
    uri = str(model.get("storageUri") or "")
    digest = uri.rstrip("/").rpartition("/")[2]
    agree = bool(stated.get(DIGEST)) and stated[DIGEST] == digest
    return ServicePredictor(str(predictor.get("name") or ""), stated.get(VERSION, UNKNOWN) if agree else UNKNOWN, digest, uri)


def foreign(service: Mapping[str, Any], model: str) -> ForeignService | None:
    """The service as somebody else made it; None for one that we made, or that was left to us: it
    bears our label with the model's name, and serves nothing yet.
    """
    predictor = service["spec"].get("predictor") or {}
    found = _found(predictor)
    if read_predictor(predictor).ours or (_labelled(service) == model and not found):
        return None
    described = service["metadata"]
    return ForeignService(str(described.get("name")), str(described.get("namespace") or "its namespace"), found)


def made_here(service: Mapping[str, Any], model: str) -> bool:
    """True for a service of the model that we made, whatever somebody has changed in it since."""
    return _labelled(service) == model


def _labelled(service: Mapping[str, Any]) -> str | None:
    return (service["metadata"].get("labels") or {}).get(MODEL_LABEL)


def _found(predictor: Mapping[str, Any]) -> tuple[str, ...]:
    """The runtime, image, storageUri and the like that the predictor serves by; empty for one that
    waits for a model.
    """
    parts = [("", predictor.get("model") or {})]
    parts += [(f"{server} ", part) for server in _SERVERS if server in predictor for part in _listed(predictor[server])]
    told = [f"{server}{key} {part[key]}" for server, part in parts for key in _SERVES_BY if part.get(key)]
    return tuple(each for each in told if each != f"runtime {RUNTIME}") or tuple(server for server in _SERVERS if server in predictor)


def _listed(part: Any) -> list[Mapping[str, Any]]:
    return [each for each in (part if isinstance(part, list) else [part]) if isinstance(each, Mapping)]


def storage_uri(store_url: str, prefix: str) -> str:
    """The address at which KServe reads the objects below `prefix`. Raises BadInput for a store
    that KServe cannot read.
    """
    if not store_url.startswith("s3://"):
        raise BadInput(f"store is {store_url!r}; expected s3://bucket/prefix, which is what KServe can load a model from")
    return f"{store_url.rstrip('/')}/{prefix}"


def predictor(base: Mapping[str, Any], model: ModelVersion, uri: str, policy: Policy, name: str, runtime: str = RUNTIME) -> Document:
    """A copy of `base` that serves the model. Raises Refused for a base that is no `model:`
    predictor, because that could not have a canary.
    """
    made = copy.deepcopy(dict(base))
    if made and "model" not in made:
        raise Refused(f"InferenceService {policy.serving.inferenceService} has a predictor that is no `model:`; expected one, or none yet")
    theirs = [entry for entry in (made.get("model") or {}).get("env") or [] if entry["name"] not in (VERSION, DIGEST, ABOUT)]
    ours = ((VERSION, model.version), (DIGEST, model.digest), (ABOUT, to_text(about(policy))))
    changed = {
        "modelFormat": {"name": "mlflow"},
        "runtime": runtime,
        "storageUri": uri,
        "env": [*theirs, *({"name": key, "value": value} for key, value in ours)],
    }
    return {**made, "name": name, "model": {**(made.get("model") or {}), **changed}}


def new_service(policy: Policy, first: Mapping[str, Any], account: str) -> Document:
    """A new InferenceService with this predictor."""
    serving = policy.serving
    kept = {"app.kubernetes.io/managed-by": "modelmedic", MODEL_LABEL: policy.name}
    described = {
        "name": serving.inferenceService,
        "namespace": serving.namespace,
        "labels": kept,
        "annotations": {_MODE: serving.mode},
    }
    whole = {"minReplicas": 1, "serviceAccountName": account, "securityContext": _RESTRICTED, **first}
    return {"apiVersion": API, "kind": "InferenceService", "metadata": described, "spec": {"predictor": whole}}


def canary_entry(service: Mapping[str, Any], serves: Document, percent: int = 0) -> Document:
    """The entry for `spec.canary`. KServe scales a canary by a fixed number, which may not be above
    the stable predictor's.
    """
    dark = {key: value for key, value in serves.items() if key not in _STABLE_ONLY}
    least = service["spec"]["predictor"].get("minReplicas")
    return {"trafficPercent": percent, "predictor": {**dark, "minReplicas": max(1, int(1 if least is None else least))}}


def with_share(service: Mapping[str, Any], percent: int) -> Document:
    """The change that gives the first canary a share."""
    entries = copy.deepcopy(service["spec"]["canary"])
    entries[0]["trafficPercent"] = percent
    return {"spec": {"canary": entries}}


def promotion(service: Mapping[str, Any]) -> Document:
    """The change that makes the first canary the stable predictor, in one patch, which restarts
    nothing.
    """
    serves = service["spec"]["canary"][0]["predictor"]
    model = {"storageUri": serves["model"]["storageUri"], "env": serves["model"]["env"]}
    return {"spec": {"canary": None, "predictor": {"name": serves["name"], "model": model}}}


def free_name(service: Mapping[str, Any] | None, model: ModelVersion) -> str:
    """A predictor's name for the version that no other model has in this service: a Deployment is
    never turned into another version's.
    """
    name = f"v{slug(model.version, 12)}"
    taken = [read_predictor(each) for each in _predictors(service)] if service else []
    return f"{name}-{model.digest[:6]}" if any(each.name == name and each.digest != model.digest for each in taken) else name


def _predictors(service: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    spec = service["spec"]
    return [spec.get("predictor") or {}, *(entry.get("predictor") or {} for entry in spec.get("canary") or [])]

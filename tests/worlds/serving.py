"""The worlds in which the suite of the serving port runs: in memory, processes on this machine, and
KServe.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from modelmedic.steps.adapters.kserve.serving import KServeServing
from modelmedic.steps.adapters.kube.client import Kube
from modelmedic.steps.adapters.local_serving.serving import LocalServing
from modelmedic.steps.adapters.memory.serving import Ask, RehearsedServing
from modelmedic.steps.adapters.models.files import digest, push
from modelmedic.steps.adapters.predictor.client import PredictorClient
from modelmedic.steps.adapters.store.folder import FolderStore
from modelmedic.steps.contracts.errors import Refused, Transient
from modelmedic.steps.contracts.keys import model_prefix
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore, Serving
from modelmedic.steps.contracts.serving import Prediction
from modelmedic.steps.contracts.training import ModelVersion
from tests.fakes.cluster import FakeCluster
from tests.fakes.serving import FakeServing

ROWS = pa.table({"x": [1.0, 2.0], "c": ["a", None]})
SIGNATURE = '[{"type": "double", "name": "x", "required": true}, {"type": "string", "name": "c", "required": true}]'
MLMODEL = {"flavors": {"python_function": {"loader_module": "nothing"}}, "signature": {"inputs": SIGNATURE}}


def policy(service: str = "tiny", namespace: str = "default", mode: str = "Standard") -> Policy:
    return Policy.model_validate(
        {
            "apiVersion": "modelmedic.io/v1alpha1",
            "kind": "HealingPolicy",
            "metadata": {"name": "tiny", "owner": "team"},
            "serving": {"inferenceService": service, "namespace": namespace, "mode": mode},
            "registry": {"name": "tiny"},
            "data": {"task": "binary", "target": "y", "time": "at", "numeric": ["x"], "categorical": ["c"]},
        }
    )


@dataclass
class ServingWorld:
    """`model` makes a version that behaves as told; `ask` is what a caller does."""

    serving: Serving
    model: Callable[..., ModelVersion]
    ask: Callable[..., Prediction]
    close: Callable[[], None] = field(default=lambda: None)


def in_memory() -> ServingWorld:
    serving = FakeServing()

    def model(version: str, **behaviour: Any) -> ModelVersion:
        serving.behaviours[version] = behaviour
        return ModelVersion("tiny", version, f"digest-{version}", model_prefix(f"digest-{version}"))

    return ServingWorld(serving, model, serving.ask)


def rehearsed() -> ServingWorld:
    """Models of this process, as a replay of the past has them."""
    behaviours: dict[str, dict[str, Any]] = {}

    def load(model: ModelVersion) -> Ask:
        behaviour = behaviours[model.version]
        if behaviour.get("error"):
            raise Refused(f"version {model.version} cannot serve: {behaviour['error']}")
        if behaviour.get("dies") or behaviour.get("silent"):
            raise Transient(f"version {model.version} did not come up")
        return lambda rows: _answer(model.version, behaviour, rows)

    serving = RehearsedServing(load)

    def model(version: str, **behaviour: Any) -> ModelVersion:
        behaviours[version] = behaviour
        return ModelVersion("tiny", version, f"digest-{version}", model_prefix(f"digest-{version}"))

    return ServingWorld(serving, model, serving.ask)


def _answer(version: str, behaviour: dict[str, Any], rows: pa.Table) -> np.ndarray:
    if behaviour.get("status"):
        raise Transient(f"version {version} answered {behaviour['status']}")
    return np.full(rows.num_rows, float(behaviour.get("value", 0.5)))


def in_fake_cluster(root: Path, cluster: FakeCluster | None = None) -> ServingWorld:
    """The adapter of KServe over real HTTP, before a cluster of one process."""
    from kubernetes import client

    cluster = cluster or FakeCluster()
    settings = client.Configuration(host=cluster.url)
    store = FolderStore(root / "store")
    soon = {"patience": timedelta(seconds=5), "route_patience": timedelta(seconds=2), "settle": timedelta(0)}
    serving = KServeServing(Kube(client.ApiClient(settings)), policy(), "s3://models", store, pause=0.01, **soon)
    asked = count()

    def model(version: str, **behaviour: Any) -> ModelVersion:
        made = pushed(root, store, version, behaviour)
        cluster.behaviours[made.digest] = behaviour
        return made

    def ask(rows: pa.Table, *, replay: bool = False) -> Prediction:
        address = cluster.ask("tiny", 0 if replay else next(asked))
        with PredictorClient(address or "http://127.0.0.1:9", "tiny") as caller:
            return caller.ask(rows, replay=replay)

    return ServingWorld(serving, model, ask, cluster.close)


def on_this_machine(root: Path, patience: float = 20.0) -> ServingWorld:
    """Real processes, real gateway, and a predictor that starts at once."""
    store = FolderStore(root / "store")
    serving = LocalServing(
        root / "serving",
        policy(),
        str(root / "store"),
        store,
        patience=timedelta(seconds=patience),
        predictor="tests.fakes.predictor",
    )

    def model(version: str, **behaviour: Any) -> ModelVersion:
        return pushed(root, store, version, behaviour)

    def ask(rows: pa.Table, *, replay: bool = False) -> Prediction:
        with PredictorClient(serving.url, "tiny") as client:
            return client.ask(rows, replay=replay)

    return ServingWorld(serving, model, ask, serving.stop)


def pushed(root: Path, store: ObjectStore, version: str, behaviour: Mapping[str, Any]) -> ModelVersion:
    folder = root / "made" / version
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MLmodel").write_text(json.dumps(MLMODEL))
    (folder / "behaviour.json").write_text(json.dumps({**behaviour, "version": version}))
    made = digest(folder)
    push(store, model_prefix(made), folder)
    return ModelVersion("tiny", version, made, model_prefix(made))

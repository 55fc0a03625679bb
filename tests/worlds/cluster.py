"""The serving port's suite in a real cluster: any KUBECONFIG with KServe in Standard mode behind a
Gateway API gateway. Environment variables name its parts:

- KUBECONFIG: the cluster; without it the tests are skipped.
- MODELMEDIC_E2E_NAMESPACE: one with the ServiceAccount modelmedic-predictor, whose Secret opens the
  store; default modelmedic-e2e.
- MODELMEDIC_E2E_STORE, AWS_ENDPOINT_URL, AWS_…: the object store, s3://bucket/prefix, as this
  machine reaches it.
- MODELMEDIC_E2E_GATEWAY: the gateway's address, such as http://10.200.0.2.
- MODELMEDIC_E2E_PYTHON: an image with Python in which the tiny predictor runs; default
  python:3.11-slim-bookworm.

Pods have to be reachable from here, as they are from any pod of the cluster.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from modelmedic.steps.adapters.kserve.serving import KServeServing
from modelmedic.steps.adapters.kube.client import Kube, connect
from modelmedic.steps.adapters.predictor.client import PredictorClient
from modelmedic.steps.adapters.store.by_url import open_store
from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.serving import Prediction
from modelmedic.steps.contracts.training import ModelVersion
from tests.fakes import predictor as tiny_predictor
from tests.worlds.serving import ServingWorld, policy, pushed

_NAMES = ("KUBECONFIG", "MODELMEDIC_E2E_STORE", "MODELMEDIC_E2E_GATEWAY")
_CODE = "modelmedic-tiny-predictor"


def settings() -> dict[str, str]:
    """Skips, saying what is not set."""
    missing = [name for name in _NAMES if not os.environ.get(name)]
    if missing:
        pytest.skip(f"no cluster to test on: {', '.join(missing)} not set (tests/worlds/cluster.py says what each one names)")
    return {name: os.environ[name] for name in _NAMES} | {"namespace": os.environ.get("MODELMEDIC_E2E_NAMESPACE", "modelmedic-e2e")}


def in_cluster(root: Path) -> ServingWorld:
    """An InferenceService of its own, gone at the end. Its ServingRuntime runs the predictor that
    the local world runs.
    """
    said = settings()
    namespace, name = said["namespace"], f"tiny-{os.urandom(3).hex()}"
    kube = connect()
    runtime(kube, namespace, name)
    rules = policy(name, namespace)
    store = open_store(said["MODELMEDIC_E2E_STORE"])
    serving = KServeServing(kube, rules, said["MODELMEDIC_E2E_STORE"], patience=timedelta(seconds=90), runtime=name)

    def model(version: str, **behaviour: Any) -> ModelVersion:
        return pushed(root, store, version, behaviour)

    def ask(rows: pa.Table, *, replay: bool = False) -> Prediction:
        with PredictorClient(said["MODELMEDIC_E2E_GATEWAY"], name, headers={"Host": f"{name}-{namespace}.example.com"}) as caller:
            return caller.ask(rows, replay=replay)

    def close() -> None:
        delete(kube, f"/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices/{name}")
        delete(kube, f"/apis/serving.kserve.io/v1alpha1/namespaces/{namespace}/servingruntimes/{name}")

    return ServingWorld(serving, model, ask, close)


def runtime(kube: Kube, namespace: str, name: str) -> None:
    """The tiny predictor's code as a ConfigMap, and a ServingRuntime that runs it."""
    code = Path(tiny_predictor.__file__).read_text()
    folder = f"/api/v1/namespaces/{namespace}/configmaps"
    try:
        kube.patch(f"{folder}/{_CODE}", {"data": {"tiny_predictor.py": code}})
    except NotFound:
        kube.create(folder, {"metadata": {"name": _CODE}, "data": {"tiny_predictor.py": code}})
    told = ("model-name={{.Name}}", "model-dir=/mnt/models", "version=$(MODELMEDIC_VERSION)", "digest=$(MODELMEDIC_DIGEST)")
    container = {
        "name": "kserve-container",
        "image": os.environ.get("MODELMEDIC_E2E_PYTHON", "python:3.11-slim-bookworm"),
        "command": ["python3", "/code/tiny_predictor.py"],
        "args": [*(f"--{each}" for each in told), "--host=0.0.0.0", "--port=8080"],
        "ports": [{"containerPort": 8080, "name": "http1", "protocol": "TCP"}],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "code", "mountPath": "/code"}],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}},
    }
    spec = {
        "supportedModelFormats": [{"name": "mlflow", "version": "1", "autoSelect": False}],
        "protocolVersions": ["v1", "v2"],
        "containers": [container],
        "volumes": [{"name": "code", "configMap": {"name": _CODE}}],
    }
    made = {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "ServingRuntime", "metadata": {"name": name}, "spec": spec}
    kube.create(f"/apis/serving.kserve.io/v1alpha1/namespaces/{namespace}/servingruntimes", made)


def delete(kube: Kube, path: str) -> None:
    """Nothing of ours deletes, so `Kube` cannot."""
    client = kube._client
    request = client.param_serialize("DELETE", path, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"])
    client.call_api(*request, _request_timeout=(5.0, 20.0)).read()

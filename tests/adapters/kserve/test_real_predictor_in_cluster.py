"""The predictor's own image in a real cluster, under requests all the time: nobody sees a change,
and every answer is in the log.

Beside what tests/worlds/cluster.py asks for, MODELMEDIC_E2E_PREDICTOR names the image, and
MODELMEDIC_E2E_STORE_ENDPOINT the store's address as pods reach it (default AWS_ENDPOINT_URL).
"""

import io
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelmedic.steps.adapters.kserve.serving import KServeServing
from modelmedic.steps.adapters.kube.client import Kube, connect
from modelmedic.steps.adapters.models.files import digest, push
from modelmedic.steps.adapters.predictor.client import PredictorClient
from modelmedic.steps.adapters.store.by_url import open_store
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.keys import model_prefix
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.workflows.cluster.serving import serving_runtime
from modelmedic.workflows.inputs.model import model_of
from modelmedic.workflows.inputs.platform import Platform
from tests.worlds.cluster import delete, settings
from tests.worlds.serving import policy
from tests.worlds.sklearn_folder import trained, write

pytestmark = pytest.mark.e2e
ROWS = pa.table({"x": [0.5, -0.5], "c": ["a", "zz"], "at": ["2026-06-01T10:00:00Z", "2026-06-01T11:00:00Z"]})


@dataclass
class DeployedPredictor:
    kube: Kube
    store: ObjectStore
    serving: KServeServing
    name: str
    namespace: str
    gateway: str
    answered: Counter[str] = field(default_factory=Counter)  # by version, or by what went wrong

    def model(self, folder: Path, version: str) -> ModelVersion:
        write(folder, trained(int(version)))
        made = digest(folder)
        push(self.store, model_prefix(made), folder)
        return ModelVersion("tiny", version, made, model_prefix(made))

    def pods(self) -> set[str]:
        selector = f"serving.kserve.io/inferenceservice={self.name}"
        return {pod["metadata"]["name"] for pod in self.kube.listed(f"/api/v1/namespaces/{self.namespace}/pods", selector)}

    @contextmanager
    def under_requests(self) -> Iterator[None]:
        ended = threading.Event()

        def ask() -> None:
            with PredictorClient(self.gateway, self.name, headers={"Host": f"{self.name}-{self.namespace}.example.com"}) as client:
                while not ended.wait(0.02):
                    try:
                        self.answered[client.ask(ROWS).version] += 1
                    except ModelmedicError as error:
                        self.answered[str(error)] += 1

        caller = threading.Thread(target=ask)
        caller.start()
        try:
            yield
        finally:
            ended.set()
            caller.join()

    def logged(self, prefix: str) -> Counter[str]:
        """Rows by version."""
        tables = [pq.read_table(io.BytesIO(self.store.get(key).data)) for key in self.store.list(f"{prefix}/")]
        return Counter(version for table in tables for version in table["model_version"].to_pylist())


@pytest.fixture
def place() -> Iterator[DeployedPredictor]:
    said = settings()
    image = os.environ.get("MODELMEDIC_E2E_PREDICTOR")
    if not image:
        pytest.skip("MODELMEDIC_E2E_PREDICTOR is not set: it names the predictor's image")
    kube, namespace, name = connect(), said["namespace"], f"real-{os.urandom(3).hex()}"
    endpoint = os.environ.get("MODELMEDIC_E2E_STORE_ENDPOINT") or os.environ.get("AWS_ENDPOINT_URL")
    services = {"store": said["MODELMEDIC_E2E_STORE"], "storeEndpoint": endpoint}
    platform = Platform.model_validate({"images": {"predictor": image}, "services": services})
    runtime = serving_runtime(namespace, platform, [model_of(policy(name, namespace), platform)])
    runtime["metadata"]["name"] = name
    folder = f"/apis/serving.kserve.io/v1alpha1/namespaces/{namespace}/servingruntimes"
    kube.create(folder, runtime)
    serving = KServeServing(kube, policy(name, namespace), said["MODELMEDIC_E2E_STORE"], runtime=name)
    store = open_store(said["MODELMEDIC_E2E_STORE"])
    yield DeployedPredictor(kube, store, serving, name, namespace, said["MODELMEDIC_E2E_GATEWAY"])
    delete(kube, f"/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices/{name}")
    delete(kube, f"{folder}/{name}")


def test_nobody_sees_a_change_and_every_answer_is_logged(place: DeployedPredictor, tmp_path: Path) -> None:
    prefix = policy().log_prefix
    before = place.logged(prefix)
    serving, first, second = place.serving, place.model(tmp_path / "1", "1"), place.model(tmp_path / "2", "2")
    serving.start(first)
    with place.under_requests():
        state = serving.start_canary(second, expected=serving.state().generation)
        state = serving.set_share(20, expected=state.generation)
        serving.annotate({"note": "a test"})
        running = place.pods()
        serving.promote(expected=state.generation)
        assert {pod for pod in place.pods() if "-v2-" in pod} == {pod for pod in running if "-v2-" in pod}
        state = serving.restore(first)
        state = serving.start_canary(second, expected=state.generation)
        serving.set_share(50, expected=state.generation)
        serving.withdraw()
    assert set(place.answered) == {"1", "2"}
    wanted = {version: len(ROWS) * count for version, count in place.answered.items()}
    until = time.monotonic() + 60  # the log is written every five seconds, and when a pod ends
    while (found := place.logged(prefix) - before) != wanted and time.monotonic() < until:
        time.sleep(2)
    assert found == wanted

"""The rules of KServe's adapter alone: one patch per change, nothing slips between, no needless
restart of a pod, and a retreat that needs no other service.
"""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from kubernetes import client

from modelmedic.steps.adapters.kserve.serving import KServeServing
from modelmedic.steps.adapters.kube.client import Kube
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.adapters.predictor.config import ABOUT
from modelmedic.steps.contracts.errors import BadInput, Conflict, Refused, StoreError, Transient
from modelmedic.steps.contracts.ports import Blob
from tests.fakes.cluster import FakeCluster
from tests.worlds.serving import ROWS, ServingWorld, in_fake_cluster, policy

SERVICE = ("inferenceservices", "tiny")
WAITING: dict[str, Any] = {
    "metadata": {"name": "tiny", "namespace": "default", "labels": {"modelmedic.io/model": "tiny"}},
    "spec": {"predictor": {"minReplicas": 2, "serviceAccountName": "theirs", "model": {"modelFormat": {"name": "mlflow"}}}},
}
SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
FOREIGN: dict[str, Any] = {
    "of a runtime": {"model": {"runtime": "kserve-sklearnserver", "modelFormat": {"name": "sklearn"}, "storageUri": "gs://theirs/iris"}},
    "of an image": {"model": {"modelFormat": {"name": "mlflow"}, "image": "theirs:7", "storageUri": "s3://theirs/m"}},
    "of an older spelling": {"sklearn": {"storageUri": "gs://theirs/iris"}},
    "that waits for a model": {"model": {"modelFormat": {"name": "mlflow"}}},
}


@dataclass
class Kserve:
    world: ServingWorld
    cluster: FakeCluster

    @property
    def serving(self) -> KServeServing:
        assert isinstance(self.world.serving, KServeServing)
        return self.world.serving

    @property
    def spec(self) -> dict[str, Any]:
        return dict(self.cluster.objects[SERVICE]["spec"])

    def canary(self) -> int:
        """A champion of version 1 and a dark canary of version 2; the generation."""
        self.serving.start(self.world.model("1", value=0.1))
        return self.serving.start_canary(self.world.model("2", value=0.2), expected=1).generation


@pytest.fixture
def kserve(tmp_path: Path) -> Iterator[Kserve]:
    cluster = FakeCluster()
    yield Kserve(in_fake_cluster(tmp_path, cluster), cluster)
    cluster.close()


def test_a_write_of_the_status_in_between_is_no_conflict(kserve: Kserve) -> None:
    generation = kserve.canary()
    left = iter(range(3))

    def interfere(verb: str, path: str) -> None:
        if verb == "PATCH" and path.endswith("/tiny") and next(left, None) is not None:
            kserve.cluster.touch("tiny")

    kserve.cluster.before = interfere
    assert kserve.serving.set_share(20, expected=generation).canary_percent == 20


def test_a_change_of_a_human_in_between_is_a_conflict_and_stays(kserve: Kserve) -> None:
    generation = kserve.canary()

    def interfere(verb: str, _path: str) -> None:
        if verb == "PATCH":
            kserve.cluster.before = lambda *_: None
            kserve.cluster.edit("tiny", {"spec": {"predictor": {"minReplicas": 3}}})

    kserve.cluster.before = interfere
    with pytest.raises(Conflict, match="another writer changed it meanwhile"):
        kserve.serving.set_share(20, expected=generation)
    assert kserve.spec["predictor"]["minReplicas"] == 3
    assert kserve.serving.state().canary_percent == 0


def test_neither_notes_nor_shares_nor_a_promotion_start_a_pod(kserve: Kserve) -> None:
    generation = kserve.canary()
    kserve.serving.annotate({"reason": "a test"})
    kserve.serving.promote(expected=kserve.serving.set_share(50, expected=generation).generation)
    assert kserve.cluster.started == ["tiny-v1-predictor-0", "tiny-v2-predictor-1"]


def test_everything_goes_to_the_canary_before_the_old_champion_ends(kserve: Kserve) -> None:
    generation = kserve.canary()
    shares: list[tuple[int, bool]] = []

    def watch(verb: str, path: str) -> None:
        if verb == "PATCH" and path.endswith("/tiny"):
            backends = kserve.cluster.objects["httproutes", "tiny"]["spec"]["rules"][0]["backendRefs"]
            shares.append((backends[-1]["weight"], "tiny-v1-predictor-0" in kserve.cluster.servers))

    kserve.cluster.before = watch
    kserve.serving.promote(expected=generation)
    assert shares == [(0, True), (100, True)]
    assert "tiny-v1-predictor-0" not in kserve.cluster.servers


def test_a_restored_version_has_all_traffic_before_the_other_ends(kserve: Kserve) -> None:
    """A gateway answers 500 for a backend whose Service is gone already, which KServe deletes
    before it changes the route.
    """
    kserve.serving.start(kserve.world.model("1", value=0.1))
    shares: list[int] = []

    def watch(verb: str, path: str) -> None:
        if verb == "PATCH" and path.endswith("/tiny"):
            shares.append(kserve.cluster.objects["httproutes", "tiny"]["spec"]["rules"][0]["backendRefs"][-1]["weight"])

    kserve.cluster.before = watch
    kserve.serving.restore(kserve.world.model("0", value=0.0))
    assert shares == [100, 0, 100]  # brought up, given everything, promoted


def test_a_withdrawn_canary_loses_its_share_before_its_pod(kserve: Kserve) -> None:
    kserve.serving.set_share(50, expected=kserve.canary())
    shares: list[int] = []

    def watch(verb: str, path: str) -> None:
        if verb == "PATCH" and path.endswith("/tiny"):
            shares.append(kserve.cluster.objects["httproutes", "tiny"]["spec"]["rules"][0]["backendRefs"][-1]["weight"])

    kserve.cluster.before = watch
    kserve.serving.withdraw()
    assert shares == [50, 0]


def test_a_share_that_no_gateway_can_prove_is_refused(tmp_path: Path) -> None:
    cluster = FakeCluster(gateway=False)
    world = in_fake_cluster(tmp_path, cluster)
    world.serving.start(world.model("1"))
    state = world.serving.start_canary(world.model("2"), expected=1)
    with pytest.raises(Refused, match="there is no HTTPRoute tiny in default"):
        world.serving.set_share(20, expected=state.generation)
    promoted = world.serving.promote(expected=state.generation).champion
    assert promoted is not None
    assert promoted.version == "2"
    cluster.close()


def test_what_is_told_of_a_share_is_what_the_gateway_says(kserve: Kserve) -> None:
    kserve.serving.set_share(50, expected=kserve.canary())
    for backend, weight in zip(kserve.cluster.objects["httproutes", "tiny"]["spec"]["rules"][0]["backendRefs"], (90, 10), strict=True):
        backend["weight"] = weight
    assert kserve.serving.state().canary_percent == 10


def test_an_inference_service_that_waits_for_a_model_keeps_what_its_owner_set(kserve: Kserve) -> None:
    kserve.cluster.call("POST", SERVICES, {}, WAITING)
    assert (kserve.serving.state().champion, kserve.serving.state().foreign) == (None, None)
    champion = kserve.serving.start(kserve.world.model("1")).champion
    assert champion is not None
    assert champion.version == "1"
    assert (kserve.spec["predictor"]["minReplicas"], kserve.spec["predictor"]["serviceAccountName"]) == (2, "theirs")


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_service_that_somebody_else_made_is_never_changed(kserve: Kserve, kind: str) -> None:
    kserve.cluster.call("POST", SERVICES, {}, {"metadata": {"name": "tiny", "namespace": "default"}, "spec": {"predictor": FOREIGN[kind]}})
    before = copy.deepcopy(kserve.cluster.objects[SERVICE])
    for change in (kserve.serving.start, kserve.serving.restore):
        with pytest.raises(Refused, match="InferenceService tiny in default was not made by modelmedic"):
            change(kserve.world.model("1"))
    kserve.serving.withdraw()
    assert kserve.cluster.objects[SERVICE] == before


def test_what_stands_in_a_foreign_service_is_named(kserve: Kserve) -> None:
    predictor = {"containers": [{"name": "x", "image": "theirs:7"}]}
    kserve.cluster.objects[SERVICE] = {
        "metadata": {"name": "tiny", "namespace": "default", "generation": 1, "resourceVersion": "1"},
        "spec": {"predictor": predictor},
    }
    with pytest.raises(Refused, match="its predictor has containers image theirs:7; it is left as it is"):
        kserve.serving.start(kserve.world.model("1"))
    kserve.cluster.objects[SERVICE]["spec"] = {"predictor": FOREIGN["of a runtime"]}
    state = kserve.serving.state()
    assert state.foreign is not None
    assert state.foreign.found == ("runtime kserve-sklearnserver", "storageUri gs://theirs/iris")


def test_a_service_that_is_left_to_us_while_it_serves_is_not_started_over(kserve: Kserve) -> None:
    """The label gives us a service that waits for a model, not one that answers by another."""
    kserve.cluster.call("POST", SERVICES, {}, {**WAITING, "spec": {"predictor": FOREIGN["of a runtime"]}})
    with pytest.raises(Refused, match="was not made by modelmedic"):
        kserve.serving.start(kserve.world.model("1"))


def test_a_retreat_takes_back_what_somebody_changed_in_a_service_of_ours(kserve: Kserve) -> None:
    kserve.serving.start(kserve.world.model("1", value=0.1))
    kserve.cluster.edit("tiny", {"spec": {"predictor": {"model": {"storageUri": "s3://models/models/other"}}}})
    champion = kserve.serving.restore(kserve.world.model("1", value=0.1)).champion
    assert champion is not None
    assert champion.version == "1"


def test_a_storage_uri_that_somebody_changed_is_no_version_of_ours(kserve: Kserve) -> None:
    kserve.canary()
    kserve.cluster.edit("tiny", {"spec": {"predictor": {"model": {"storageUri": "s3://models/models/other"}}}})
    assert kserve.serving.state().champion is None
    with pytest.raises(Refused, match="nothing of ours serves"):
        kserve.serving.start_canary(kserve.world.model("2"), expected=kserve.serving.state().generation)


def test_a_canary_of_somebody_else_is_seen_and_not_touched_by_an_advance(kserve: Kserve) -> None:
    kserve.serving.start(kserve.world.model("1"))
    env = [{"name": "MODELMEDIC_VERSION", "value": "9"}, {"name": "MODELMEDIC_DIGEST", "value": "other"}]
    theirs = {"name": "x", "model": {"storageUri": "s3://x/y", "env": env}}
    kserve.cluster.edit("tiny", {"spec": {"canary": [{"trafficPercent": 0, "predictor": theirs}]}})
    state = kserve.serving.state()
    assert state.canary is not None
    assert state.canary.version == "unknown"
    with pytest.raises(Refused, match="version unknown is the canary already"):
        kserve.serving.start_canary(kserve.world.model("2"), expected=state.generation)


def test_two_models_of_one_version_number_get_deployments_of_their_own(kserve: Kserve) -> None:
    kserve.serving.start(kserve.world.model("1", value=0.1))
    other = kserve.world.model("1", value=0.7)
    kserve.serving.promote(expected=kserve.serving.start_canary(other, expected=1).generation)
    assert kserve.serving.infer(ROWS, to="champion").values == (0.7, 0.7)
    assert kserve.spec["predictor"]["name"] == f"v1-{other.digest[:6]}"


class UnreachableStore(MemoryStore):
    def get(self, key: str) -> Blob:
        raise StoreError(f"{key} cannot be reached")


@pytest.mark.parametrize("picky", [False, True])
def test_the_last_good_version_comes_back_while_the_store_is_away(kserve: Kserve, picky: bool) -> None:
    """The version's own rows lie in the store, so that none of them can be asked."""
    first = kserve.world.model("1", value=0.1)
    kserve.serving.start(first)
    kserve.cluster.behaviours[first.digest] = {"value": 0.1, "picky": picky}
    kserve.serving.promote(expected=kserve.serving.start_canary(kserve.world.model("2"), expected=1).generation)
    kept = kserve.serving.state().previous
    assert kept is not None
    assert (kept.version, kept.uri) == ("1", f"models/{kept.digest}")
    api = client.ApiClient(client.Configuration(host=kserve.cluster.url))
    away = KServeServing(Kube(api), policy(), "s3://models", UnreachableStore(), pause=0.01, settle=timedelta(0))
    state = away.restore(first)
    assert state.champion is not None
    assert (state.champion.version, state.previous) == ("1", None)


def test_a_deleted_inference_service_is_made_again_by_a_restore(kserve: Kserve) -> None:
    kserve.canary()
    kserve.cluster.lose("tiny")
    state = kserve.serving.restore(kserve.world.model("1", value=0.1))
    assert state.champion is not None
    assert state.champion.version == "1"


def test_a_predictor_is_told_its_columns_by_the_patch(kserve: Kserve) -> None:
    kserve.canary()
    entries = {entry["name"]: entry["value"] for entry in kserve.spec["canary"][0]["predictor"]["model"]["env"]}
    assert json.loads(entries[ABOUT]) == {
        "model": "tiny",
        "task": "binary",
        "time": "at",
        "numeric": ["x"],
        "categorical": ["c"],
        "log_prefix": "inference-log/tiny",
    }


def test_a_store_that_kserve_cannot_read_is_named(kserve: Kserve, tmp_path: Path) -> None:
    api = client.ApiClient(client.Configuration(host=kserve.cluster.url))
    serving = KServeServing(Kube(api), policy(), str(tmp_path), MemoryStore())
    with pytest.raises(BadInput, match="expected s3://bucket/prefix"):
        serving.start(kserve.world.model("1"))


def test_an_api_that_is_away_is_transient(kserve: Kserve) -> None:
    kserve.cluster.close()
    with pytest.raises(Transient, match=r"the Kubernetes API at .* does not answer GET"):
        kserve.serving.state()


VERBS = {
    "GET /apis/serving.kserve.io/inferenceservices/",
    "POST /apis/serving.kserve.io/inferenceservices",
    "PATCH /apis/serving.kserve.io/inferenceservices/",
    "GET /apis/apps/deployments/",
    "GET /apis/gateway.networking.k8s.io/httproutes/",
    "GET /api/pods",
    "GET /api/configmaps/",
    "PATCH /api/configmaps/",
    "POST /api/configmaps",
}


def test_no_more_rights_are_used_than_are_written_down(kserve: Kserve) -> None:
    """docs/security.md and workflows/cluster/accounts.py grant these."""
    used: set[str] = set()

    def note(verb: str, path: str) -> None:
        used.add(re.sub(r"(/apis?)(/[^/]+)?/v[^/]+/namespaces/default/([^/]+)(/)?.*", rf"{verb} \1\2/\3\4", path))

    kserve.cluster.before = note
    kserve.serving.promote(expected=kserve.serving.set_share(20, expected=kserve.canary()).generation)
    kserve.serving.traffic()
    kserve.serving.annotate({"a": "b"})
    kserve.serving.infer(pa.table({"x": [1.0]}), to="champion")
    kserve.serving.restore(kserve.world.model("1", value=0.1))
    assert used == VERBS

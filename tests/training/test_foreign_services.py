"""A bootstrap where somebody else's model is served under the name that the policy gives."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client

from modelmedic.steps.adapters.kserve.serving import KServeServing
from modelmedic.steps.adapters.kube.client import Kube
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.bootstrap.in_process import bootstrap, expect_possible
from modelmedic.steps.bootstrap.serve import expect_nothing_foreign, serve_first
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.runtime.run import Site
from tests.fakes.cluster import FakeCluster
from tests.worlds.training import START, TURN, policy, rows, site

RULES = policy()
OLD = rows(START, TURN, RULES)
SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
THEIRS = {"model": {"runtime": "kserve-sklearnserver", "modelFormat": {"name": "sklearn"}, "storageUri": "gs://theirs/iris"}}
SENTENCE = (
    "InferenceService churn in default was not made by modelmedic: its predictor has runtime kserve-sklearnserver, "
    "storageUri gs://theirs/iris; it is left as it is"
)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    """A cluster in which a model of somebody else is served as `churn`."""
    made = FakeCluster()
    made.call("POST", SERVICES, {}, {"metadata": {"name": "churn", "namespace": "default"}, "spec": {"predictor": THEIRS}})
    yield made
    made.close()


@pytest.fixture
def at(cluster: FakeCluster, tmp_path: Path) -> Site:
    here = site(tmp_path, RULES, OLD.slice(0, 0))
    here.serving = KServeServing(Kube(client.ApiClient(client.Configuration(host=cluster.url))), RULES, "s3://models", MemoryStore())
    return here


def test_a_dry_run_a_bootstrap_and_its_parts_refuse_with_one_sentence_and_change_nothing(at: Site, cluster: FakeCluster) -> None:
    before = copy.deepcopy(cluster.objects)
    folder = at.work / "made"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    version = at.registry.register(folder, key="made", tags={}, metrics={}).version
    for ask in (
        lambda: expect_possible(at, OLD),
        lambda: bootstrap(at, OLD),
        lambda: expect_nothing_foreign(at),
        lambda: serve_first(at, version),
    ):
        with pytest.raises(Refused, match=SENTENCE) as refused:
            ask()
        assert refused.value.exit_code == 77
    assert cluster.objects == before
    assert at.registry.alias("champion") is None


def test_nothing_is_trained_before_the_refusal(at: Site) -> None:
    with pytest.raises(Refused):
        bootstrap(at, OLD)
    assert not list(at.store.list("candidates/"))

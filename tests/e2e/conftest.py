"""One installed quickstart with a champion for all cases; without a cluster every case says why it
was not run.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelmedic.examples.cluster import runs
from modelmedic.examples.cluster.install import install, render_tree, settings
from modelmedic.examples.cluster.kubectl import Cluster, NoCluster, find_cluster
from modelmedic.examples.cluster.world import World, flight_policy, object_store, put_bootstrap_rows
from modelmedic.examples.flights.stream import Flights
from modelmedic.steps.adapters.mlflow.registry import MlflowRegistry
from tests.e2e.stage import Stage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a cluster, and the cases are played in the order in which they
    stand.
    """
    for item in items:
        if "tests/e2e" in str(item.path):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    try:
        return find_cluster()
    except NoCluster as reason:
        if os.environ.get("E2E_REQUIRED"):
            raise
        pytest.skip(f"e2e: NOT RUN: {reason}")


@pytest.fixture(scope="session")
def whole_stage(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    policy = flight_policy()
    platform, images = settings()
    folder = render_tree([policy], platform, images, tmp_path_factory.mktemp("tree") / "rendered")
    install(cluster, folder, print)
    work = tmp_path_factory.mktemp("work")
    with (
        object_store(cluster) as store,
        cluster.forwarded("svc/mlflow", 5000) as mlflow,
        cluster.forwarded("svc/alerts-eventsource-svc", 12000) as alerts,
    ):
        registry = MlflowRegistry(f"http://127.0.0.1:{mlflow}", policy.registry, Path(work))
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        world = World(Flights(), now)
        stage = Stage(cluster, policy, store, registry, f"http://127.0.0.1:{alerts}/alerts", world)
        if stage.alias() is None:
            stage.raze()
            put_bootstrap_rows(store, policy, world)
            runs.succeed(cluster, runs.start(cluster, f"bootstrap-{policy.name}"), 400, print)
        cluster.run("patch", "cronworkflow", f"monitor-{policy.name}", "--type=merge", "-p", '{"spec":{"suspend":true}}')
        cluster.run("patch", "cronworkflow", "reconcile", "--type=merge", "-p", '{"spec":{"suspend":true}}')
        yield stage


@pytest.fixture
def stage(whole_stage: Stage) -> Stage:
    """As after the bootstrap: no record, no row, nobody waits."""
    whole_stage.forget()
    if whole_stage.alias() != "1":
        whole_stage.begin_again()
        whole_stage.forget()  # the bootstrap has left records, and the records of before were about releases that are gone
    return whole_stage

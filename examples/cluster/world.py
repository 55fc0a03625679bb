"""The flights of 2013 moved to the present, because a cluster's clocks cannot be played."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.examples.cluster.kubectl import Cluster
from modelmedic.examples.flights.stream import Flights
from modelmedic.steps.adapters.clocks import SystemClock
from modelmedic.steps.adapters.predictor.client import PredictorClient
from modelmedic.steps.contracts.inference_log import LABELLED_AT, REQUEST_ID
from modelmedic.steps.contracts.keys import bootstrap_prefix
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.data.backfill import write_labels
from modelmedic.steps.data.parquet import encoded
from modelmedic.steps.records.documents import replace

TODAY = datetime(2013, 7, 13, tzinfo=UTC)  # the day that is now: by mid-July the first champion has lost much of what it knew
_FLIGHTS = Path(__file__).resolve().parents[1] / "flights"
_FIRST = datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 3, 1, tzinfo=UTC)  # the rows of the first champion
_BATCH = 250  # flights a request


def flight_policy(*above: Path, name: str | None = None) -> Policy:
    """The example's policy with the overlay for a cluster, under another name where there is to be
    more than one.
    """
    from modelmedic.steps.adapters.policy.file import load_policy

    policy = load_policy(_FLIGHTS / "policy.yaml", (), (_FLIGHTS / "cluster.yaml", *above))
    if name is None:
        return policy
    document = policy.model_dump(mode="json", by_alias=True)
    document["metadata"]["name"] = document["serving"]["inferenceService"] = document["registry"]["name"] = name
    return Policy.model_validate(document)


def host(policy: Policy) -> str:
    """The host by which the gateway knows the model: KServe's default,
    <service>-<namespace>.example.com.
    """
    return f"{policy.serving.inferenceService}-{policy.serving.namespace}.example.com"


@dataclass(frozen=True, slots=True)
class World:
    """The past, with every time moved by the difference between `today` and `now`."""

    flights: Flights
    now: datetime
    today: datetime = TODAY

    def between(self, start: datetime, end: datetime) -> pa.Table:
        """Flights of `[start, end)` of 2013, at their moved times."""
        flights = self.flights.between(Window(start, end))
        moved = pc.add(pc.cast(flights["time_hour"], pa.timestamp("us", tz="UTC")), pa.scalar(self.now - self.today, pa.duration("us")))
        return flights.set_column(flights.column_names.index("time_hour"), "time_hour", moved)


def put_bootstrap_rows(store: ObjectStore, policy: Policy, world: World) -> str:
    """January and February, where the bootstrap workflow finds them; the key."""
    rows = world.between(*_FIRST)
    key = f"{bootstrap_prefix(policy.name)}flights.parquet"
    replace(store, key, encoded(rows.select([*policy.features, policy.data.time, policy.data.target])))
    return key


class Passengers:
    """Ask about every flight through `url`, as clients do, and bring the labels when they are due;
    failures are counted, not raised.
    """

    def __init__(self, policy: Policy, url: str) -> None:
        self._policy = policy
        self._client = PredictorClient(url, policy.serving.inferenceService, headers={"host": host(policy)})
        self.requests = 0
        self.failures: list[str] = []

    def close(self) -> None:
        self._client.close()

    def ask(self, flights: pa.Table, batch: int = _BATCH, prefix: str = "r") -> pa.Table:
        """The labels of the flights that were answered, by the row ids that the predictor logs."""
        policy, parts = self._policy, []
        for at in range(0, flights.num_rows, batch):
            rows = flights.slice(at, batch)
            identity = f"{prefix}-{rows['flight_id'][0].as_py()}"
            self.requests += 1
            try:
                self._client.ask(rows.select([*policy.features, policy.data.time]), identity)
            except Exception as error:  # a passenger counts every failure, whatever it is
                self.failures.append(f"{type(error).__name__}: {error}")
                continue
            known = pc.add(rows[policy.data.time], pa.scalar(policy.data.labels.delay, pa.duration("us")))
            ids = [f"{identity}-{number}" for number in range(rows.num_rows)]
            parts.append(pa.table({REQUEST_ID: ids, policy.data.target: rows[policy.data.target], LABELLED_AT: known}))
        return pa.concat_tables(parts) if parts else pa.table({})

    def keep_asking(self, flights: pa.Table, stop: Callable[[], bool], pause: timedelta = timedelta(milliseconds=200)) -> None:
        """One flight after the other until `stop`, each asked about once: repeated rows would be a
        fault of the data.
        """
        for at in range(flights.num_rows):
            if stop():
                return
            self.ask(flights.slice(at, 1), 1, prefix="live")
            time.sleep(pause.total_seconds())


def put_labels(store: ObjectStore, policy: Policy, labels: pa.Table) -> None:
    if labels.num_rows:
        write_labels(store, policy, labels)


def logged(store: ObjectStore, policy: Policy) -> int:
    """The number of rows in the inference log so far; predictors write a few seconds after they
    answered.
    """
    from modelmedic.steps.data.windows import LoggedWindows

    clock = SystemClock()
    ever = Window(clock.now() - timedelta(days=400), clock.now() + timedelta(days=1))
    return LoggedWindows(store, policy, clock).count(ever)


@contextmanager
def object_store(cluster: Cluster) -> Iterator[ObjectStore]:
    """The quickstart's store, as this machine reaches it."""
    import os

    from modelmedic.steps.adapters.store.by_url import open_store

    with cluster.forwarded("svc/object-store", 9000) as port:
        os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
        os.environ["AWS_ACCESS_KEY_ID"] = cluster.secret("object-store", "access-key")
        os.environ["AWS_SECRET_ACCESS_KEY"] = cluster.secret("object-store", "secret-key")
        os.environ.setdefault("AWS_REGION", "us-east-1")
        yield open_store("s3://modelmedic")

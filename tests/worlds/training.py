"""A small world whose concept turns on one day, and a site that lives in it: memory, the fake
registry and no MLflow.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Registry
from modelmedic.steps.contracts.serving import Served, ServingState
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Remedy
from modelmedic.steps.core.tables.log_columns import log_schema
from modelmedic.steps.data.references import StoredReferences
from modelmedic.steps.runtime.run import Run, Site
from tests.fakes.registry import FakeRegistry
from tests.worlds import results
from tests.worlds.played import Told

START = datetime(2026, 1, 1, tzinfo=UTC)
TURN = START + timedelta(days=40)
NOW = START + timedelta(days=80)


def policy(**sections: Any) -> Policy:
    plain = {
        "apiVersion": "modelmedic.io/v1alpha1",
        "kind": "HealingPolicy",
        "metadata": {"name": "churn", "owner": "growth"},
        "serving": {"inferenceService": "churn"},
        "registry": {"name": "churn"},
        "data": {
            "task": "binary",
            "target": "left",
            "time": "at",
            "numeric": ["age", "spend"],
            "categorical": ["plan"],
            "segments": ["plan"],
            "labels": {"delay": "1d"},
        },
        "retrain": {"minRows": 500},
        "validate": {"minLabels": 200},
    }
    return Policy.model_validate({**plain, **sections})


def rows(start: datetime, end: datetime, rules: Policy, *, a_day: int = 150, seed: int = 1) -> pa.Table:
    """Logged and labelled rows: from TURN on, age works the other way round. Predictions are those
    of an all-knowing old model.
    """
    count = int((end - start) / timedelta(days=1) * a_day)
    rng = np.random.default_rng([seed, int(start.timestamp())])
    at = np.sort(rng.integers(0, int((end - start).total_seconds()), count))
    moments = [start + timedelta(seconds=int(second)) for second in at]
    age, spend, plan = rng.normal(40, 10, count), rng.gamma(2, 50, count), rng.choice(["free", "plus", "pro"], count)
    turned = np.array([moment >= TURN for moment in moments])
    shift = np.where(plan == "pro", -0.8, 0.3) + (spend - 100) / 150
    known = 1 / (1 + np.exp(-((age - 40) / 8 + shift)))
    truth = 1 / (1 + np.exp(-(np.where(turned, -1, 1) * (age - 40) / 8 + shift)))
    left = (rng.random(count) < truth).astype(float)
    columns = {
        "at": moments,
        "age": age,
        "spend": spend,
        "plan": plan.tolist(),
        "prediction": known,
        "model_version": ["1"] * count,
        "served_by": ["champion"] * count,
        "request_id": [f"r{start:%j}{number:06d}" for number in range(count)],
        "left": left,
    }
    return pa.table(columns, schema=log_schema(rules, target=True))


class TableWindows:
    """The inference log as one table, which a test may change."""

    def __init__(self, table: pa.Table, rules: Policy | None = None) -> None:
        data = (rules or policy()).data
        self.rows = table
        self._time, self._target = data.time, data.target

    @property
    def unreadable(self) -> Mapping[str, str]:
        """None: the rows are in memory."""
        return {}

    def batches(self, window: Window, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        yield from self.table(window).select(list(columns or self.rows.column_names)).to_batches()

    def count(self, window: Window) -> int:
        return len(self.table(window))

    def table(self, window: Window, *, labelled_only: bool = False, limit: int | None = None) -> pa.Table:
        del limit
        times = self.rows[self._time]
        low, high = (pa.scalar(moment, times.type) for moment in (window.start, window.end))
        found = self.rows.filter(pc.and_(pc.greater_equal(times, low), pc.less(times, high)))
        return found.filter(pc.is_valid(found[self._target])) if labelled_only else found


class OneServer:
    """Serving as far as a bootstrap needs it."""

    def __init__(self) -> None:
        self.champion: Served | None = None

    def state(self) -> ServingState:
        return ServingState(1, self.champion)

    def start(self, model: ModelVersion) -> ServingState:
        if self.champion is not None:
            raise Refused("something serves already")
        self.champion = Served(model.version, model.digest, model.uri, "http://127.0.0.1:1")
        return self.state()

    def annotate(self, facts: Any) -> None:
        del facts


def site(work: Path, rules: Policy, table: pa.Table, registry: Registry | None = None) -> Site:
    store, clock = MemoryStore(), PlayedClock(NOW)
    return Site(
        policy=rules,
        store=store,
        registry=registry or FakeRegistry(work / "registered", rules.registry.name),
        serving=OneServer(),  # type: ignore[arg-type]
        windows=TableWindows(table),
        references=StoredReferences(store, rules.name),
        notifier=Told(),
        clock=clock,
        real=clock,
        actor="test",
        work=work,
    )


def moved_in(work: Path, first: Site, table: pa.Table) -> Site:
    """A site that goes on from what is stored, registered and served at `first`, with a log of its
    own.
    """
    at = site(work, first.policy, table, first.registry)
    for key in first.store.list(""):
        at.store.create(key, first.store.get(key).data)
    at.serving = first.serving
    return at


def diagnosed(
    at: Site, cause: Cause = Cause.CONCEPT_DRIFT, remedy: Remedy = Remedy.RETRAIN, onset: datetime | None = TURN, **fields: Any
) -> Run:
    """An incident whose diagnosis stands."""
    window = Window(NOW - timedelta(days=7), NOW)
    incident, _ = at.ledger.open_incident(at.model, at.policy.hash, window, "test", {})
    run = Run(at, incident)
    found = Diagnosis(cause, 0.9, ("age",), onset=onset, harm="shown", sentence="made up")
    champion = at.registry.alias("champion")
    served = at.registry.version(champion) if champion else None
    run.record(results.diagnosed(remedy, found=found, champion=champion, served=served, reference="1", window=window, **fields))
    return run

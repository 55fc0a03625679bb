"""A policy and a hand-fed inference log for tests of what reads them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.policy import Policy

DAY = timedelta(days=1)
START = datetime(2024, 3, 1, tzinfo=UTC)


@dataclass
class HandClock:
    """A clock that stands still until it is moved."""

    at: datetime = START + 30 * DAY

    def now(self) -> datetime:
        return self.at

    def sleep(self, span: timedelta) -> None:
        self.at += span


def policy(**sections: Any) -> Policy:
    document = {
        "apiVersion": "modelmedic.io/v1alpha1",
        "kind": "HealingPolicy",
        "metadata": {"name": "loans", "owner": "risk"},
        "serving": {"inferenceService": "loans"},
        "registry": {"name": "loans"},
        "data": {
            "task": "binary",
            "target": "defaulted",
            "time": "asked_at",
            "numeric": ["income", "age"],
            "categorical": ["region"],
            "segments": ["region"],
            "labels": {"delay": timedelta(days=2), **sections.pop("labels", {})},
        },
        "detect": {"window": timedelta(days=7), **sections.pop("detect", {})},
        **sections,
    }
    return Policy.model_validate(document)


def rows(n: int, seed: int = 0, *, start: datetime = START, span: timedelta = 7 * DAY, version: str = "1") -> pa.Table:
    """Answered requests spread over `[start, start + span)`, with the answer's truth in
    `defaulted`.
    """
    random = np.random.default_rng(seed)
    micros = np.sort(random.integers(0, int(span / timedelta(microseconds=1)), n)) + int(start.timestamp() * 1e6)
    income, age = random.normal(size=n), random.normal(50, 10, size=n)
    region = random.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2])
    chance = 1 / (1 + np.exp(-(income + 0.05 * (age - 50) - 0.5)))
    return pa.table(
        {
            "asked_at": pa.array(micros, pa.timestamp("us", tz="UTC")),
            "income": income,
            "age": age,
            "region": region,
            "prediction": chance,
            "model_version": [version] * n,
            "served_by": ["champion"] * n,
            "request_id": [f"r{seed}-{i}" for i in range(n)],
            "defaulted": (random.random(n) < chance).astype(np.float64),
        }
    )


def labels(table: pa.Table, delay: timedelta = 2 * DAY) -> pa.Table:
    """The rows' true answers, each known so long after its request."""
    moments = pa.compute.add(table["asked_at"], pa.scalar(delay, pa.duration("us")))
    return table.select(["request_id", "defaulted"]).append_column("labelled_at", moments)

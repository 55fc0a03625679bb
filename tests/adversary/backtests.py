"""Pasts with windows that hold no row, one row, one class or no label: a backtest ends with a table
or a sentence.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.adversary.tables import _POLICY, fault_of

_START: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_DAYS: Final = 84
_A_DAY: Final = 12
_FIRST_TEST: Final = 42  # the day after which windows are judged

Rows = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def attacks(seed: int) -> Iterator[Attack]:
    for (words, change), (span, ways) in product(_CHANGES.items(), _PLAYED):
        run = partial(_try, seed, change, span, ways)
        yield Attack(f"{words}, {ways} by {span}", "backtests", run, seconds=240)


_PLAYED: Final = (("7d", "frozen"), ("month", "frozen"), ("14d", "frozen,monthly,rule"))  # the costly one is in no small sample


def _inside(days: np.ndarray, first: float, last: float) -> np.ndarray:
    return (days >= first) & (days < last)


def _without(first: float, last: float, keep: int = 0) -> Rows:
    """No row of these days, but for a few."""

    def change(days: np.ndarray, target: np.ndarray, _: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        dropped = np.flatnonzero(_inside(days, first, last))[keep:]
        chosen = np.setdiff1d(np.arange(len(days)), dropped)
        return chosen, target

    return change


def _labelled(first: float, last: float, value: float) -> Rows:
    """One label, or none, for all of these days."""
    return lambda days, target, _: (np.arange(len(days)), np.where(_inside(days, first, last), value, target))


_CHANGES: Final[dict[str, Rows]] = {
    "a window without rows": _without(49, 56),
    "the last window without rows": _without(70, 83.9),
    "the first windows without rows": _without(42, 63),
    "no rows to learn from": _without(0, 42),
    "every window but one without rows": _without(49, 83.9),
    "a window of one row": _without(49, 56, keep=1),
    "the last window of one row": _without(77, 83.9, keep=1),
    "windows of one row": lambda days, target, _: (np.r_[np.flatnonzero(days < 42), np.flatnonzero(days >= 42)[:: 7 * _A_DAY]], target),
    "a window of two rows": _without(49, 56, keep=2),
    "a window of one class": _labelled(49, 56, 1.0),
    "the last window of one class": _labelled(70, 84, 0.0),
    "all windows of one class": _labelled(42, 84, 1.0),
    "one class to learn from": _labelled(0, 42, 0.0),
    "one class throughout": _labelled(0, 84, 1.0),
    "a window without labels": _labelled(49, 56, float("nan")),
    "windows without labels": _labelled(42, 84, float("nan")),
    "no labels to learn from": _labelled(0, 42, float("nan")),
    "labels in the last window alone": _labelled(0, 77, float("nan")),
    "a row in all": lambda _days, target, _: (np.array([0]), target),
    "two rows": lambda days, target, _: (np.array([0, len(days) - 1]), target),
    "all rows at one moment": lambda days, target, _: (np.zeros(len(days), dtype=np.int64), target),
}


def _try(seed: int, change: Rows, span: str, ways: str, folder: Path) -> Result:
    rng = np.random.default_rng(seed)
    days = np.sort(rng.uniform(0, _DAYS, _DAYS * _A_DAY))
    income, age = rng.normal(size=len(days)), rng.normal(50, 10, len(days))
    target = (rng.random(len(days)) < 1 / (1 + np.exp(-income))).astype(float)
    chosen, target = change(days, target, rng)
    at = pa.array([_START + dt.timedelta(days=float(days[row])) for row in chosen], pa.timestamp("us", tz="UTC"))
    region = np.where(income > 0, "north", "south")
    table = pa.table(
        {
            "at": at,
            "income": income[chosen],
            "age": age[chosen],
            "region": region[chosen],
            "defaulted": pa.array(target[chosen], from_pandas=True),
        }
    )
    pq.write_table(table, folder / "past.parquet")
    (folder / "policy.yaml").write_text(json.dumps({**_POLICY, "retrain": {"minRows": 100}, "validate": {"minLabels": 30}}))
    until = (_START + dt.timedelta(days=_FIRST_TEST)).date().isoformat()
    command = [
        "backtest",
        str(folder / "policy.yaml"),
        "--data",
        str(folder / "past.parquet"),
        "--bootstrap-until",
        until,
        "--every",
        span,
        "--ways",
        ways,
    ]
    fault = fault_of(command)
    return not_held(fault) if fault else HELD

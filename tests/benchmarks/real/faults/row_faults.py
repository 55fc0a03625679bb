"""Faults of whole rows: delivered twice, delivered again, not delivered."""

from typing import Final

import numpy as np
import pandas as pd

from tests.benchmarks.real.faults.column_faults import DATA
from tests.benchmarks.real.faults.planting import Fault, Planting, Truth
from tests.benchmarks.real.faults.sources import REQUEST

_CALENDAR: Final = ("hour", "weekday", "month")


def duplicated(p: Planting) -> Truth | None:
    """Rows that come twice, with the same time and request."""
    hit = p.some(p.since(), p.log(0.05, 1.0))
    p.frame = _by_time(p, pd.concat([p.frame, p.frame[hit]], ignore_index=True))
    return Truth(DATA, (), "any", float(hit.mean()))


def delivered_again(p: Planting) -> Truth | None:
    """Rows of the last weeks, features and labels, beside today's, stamped with today's time."""
    rows, share = p.since(), p.log(0.05, 1.0)
    count, first = int(rows.sum() * share), int(p.scene.rows[0])
    if count < 20 or first < 2 * count:
        return None
    begin = int(p.rng.integers(max(first - 8 * len(rows), 0), first - count))
    old = p.scene.frame(np.arange(begin, begin + count))
    stamps = p.frame[p.scene.source.time][rows].iloc[np.sort(p.rng.choice(int(rows.sum()), count))]
    old = old.assign(**{p.scene.source.time: stamps.to_numpy(), REQUEST: old[REQUEST] + "b"})
    old[p.scene.source.time] = pd.to_datetime(old[p.scene.source.time], utc=True).astype("datetime64[us, UTC]")
    p.frame = _by_time(p, pd.concat([p.frame, old], ignore_index=True))
    return Truth(DATA, (), "any", count / len(rows))


def stale_feed(p: Planting) -> Truth | None:
    """All features but the calendar's are those of some days before."""
    data, rows = p.scene.source.policy.data, p.since()
    per_day = len(rows) / ((p.scene.end - p.scene.start) / 86_400e6)
    days = int(p.rng.integers(1, 15))
    by = round(days * per_day)
    fed = [c for c in (*data.numeric, *data.categorical) if c not in _CALENDAR]
    if p.scene.rows[0] < by:
        return None
    for column in fed:
        p.put(column, rows, p.before(column, by)[: len(rows)][rows])
    return Truth(DATA, tuple(fed), "any", float(days), f"{days} days old")


def segment_gone(p: Planting) -> Truth | None:
    rows, segment = p.within(p.since(), 1.0)
    if segment is None:
        return None
    p.frame = p.frame[~rows].reset_index(drop=True)
    return Truth(DATA, (), "any", float(rows.mean()), f"{segment[0]} {segment[1]} gone")


def span_gone(p: Planting) -> Truth | None:
    """No row at all for a tenth to half of the window."""
    length = p.scene.end - p.scene.start
    share = p.rng.uniform(0.1, 0.5)
    begin = p.scene.start + int(length * p.rng.uniform(0, 1 - share))
    rows = (p.at >= begin) & (p.at < begin + share * length)
    p.frame, p.onset = p.frame[~rows].reset_index(drop=True), begin
    return Truth(DATA, (), "any", float(rows.mean()))


def _by_time(p: Planting, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(p.scene.source.time, kind="stable", ignore_index=True)


ROW_FAULTS: Final = (
    Fault("rows duplicated", "rows", "share of rows", duplicated),
    Fault("rows delivered again", "rows", "share of rows", delivered_again),
    Fault("feed stale", "rows", "days", stale_feed),
    Fault("segment gone", "rows", "share of rows", segment_gone),
    Fault("span gone", "rows", "share of rows", span_gone),
)

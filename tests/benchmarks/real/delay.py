"""The benchmark of delays: `python -m tests.benchmarks.real.delay [--cache DIR] [--faults N]
[--seed N] [STREAM.parquet …]`.

Faults begin at random rows of real streams and last. Printed is how many hours, and rows, pass
until (a) the monitor's windows alarm, k of n of them, looked at four times a window; (b) sequential
detection does; (c) an oracle does: a CUSUM that knows the column, the direction and the size, on
whichever of the same surprises shows the fault best: at a level at which it alarms as often on the
stream as it is as (b) does, and at the level of one alarm a year. A champion is taught every eight
weeks.

The alarms a year on the streams as they are come first. A world that moves is no false alarm, so
that number is an upper bound of the false ones. Beside it stands the number on hours in which
nothing happens: the stream's own surprises of all quantities together, day by day in random order,
without the days on which there was an alarm. What tails and what dependence within a day can raise
by chance is in it; what lasts longer than a day is not.

bikes, seoul, air, turbine and weather were looked at when the constants of core.detection.evidence
were chosen; any other stream was not.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two runs on two cores do not wait for each other

import numpy as np
import pandas as pd

from modelmedic.steps.contracts.detection import SuddenChange, Thresholds, Verdict
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.detection.hours import Scales, choose_scales, count_hours
from modelmedic.steps.core.detection.sequential import HourlyWeek, added, watch
from modelmedic.steps.core.detection.surprise import EXPECTATIONS, WEEK, steady
from modelmedic.steps.core.detection.thresholds import alarm_level, calibrate
from modelmedic.steps.core.detection.verdict import VerdictContext, judge_profiles
from modelmedic.steps.core.incidents.persistence import persistence
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from modelmedic.steps.core.profiles.profile import Profile
from modelmedic.steps.core.profiles.profiler import profile_table
from modelmedic.steps.detection.sequential import SHARE
from tests.benchmarks.real.lives import KINDS, Life, PlantedFault, draw, lived, table
from tests.benchmarks.real.stream import Floats, read, shipped

LOOKED_AT = ("bikes", "seoul", "air", "turbine", "weather")
RATE = 1.0  # false alarms a year, as the policy says; sequential detection has its share of them
WINDOW, HITS, OF, LEAST_ROWS = timedelta(days=14), 2, 3, 200
LONGEST = 28 * 24  # hours in which a fault is looked for
_KEPT = 30  # weeks
_SIZES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
_YEAR = 8760.0


@dataclass(frozen=True)
class Seen:
    """What sequential detection made of a life. `surprise` holds steady ones by quantity, shape
    (2, hours), from hour `start` on.
    """

    start: int
    changes: list[SuddenChange]
    weeks: dict[int, HourlyWeek]

    def surprise(self, quantity: str) -> Floats:
        """Steady surprises, shape (2, hours), in their own usual deviations."""
        rows = [self.weeks[w].surprise.get(quantity, ((None,) * WEEK,) * EXPECTATIONS) for w in sorted(self.weeks)]
        raw = np.concatenate([np.array(each, dtype=np.float64) for each in rows], axis=1)
        calm = steady(raw[:, :, None], np.zeros(0, dtype=np.int64), np.ones(1, dtype=bool))[:, :, 0]
        return np.asarray(calm / np.nanstd(np.clip(calm, -8, 8), axis=1, keepdims=True))

    def share(self, quantity: str) -> Floats:
        totals, rows = (
            np.concatenate([np.array(part(self.weeks[w]) or (0,) * WEEK) for w in sorted(self.weeks)]) for part in _parts(quantity)
        )
        return np.divide(totals, rows, out=np.full(len(rows), np.nan), where=rows > 0)


def _parts(quantity: str) -> tuple[Callable[[HourlyWeek], object], Callable[[HourlyWeek], object]]:
    return (lambda week: week.totals.get(quantity)), (lambda week: week.rows)


def played(life: Life, scales: Scales, first: int, last: int, before: Sequence[HourlyWeek] = (), since: int = 0) -> Seen:
    """Sequential detection over the weeks from `first` to `last`, looked at once a week: its hours
    are seen in their order whenever they are looked at.
    """
    weeks, kept = {week.week: week for week in before}, list(before)[-_KEPT:]
    breaks = [int(life.hour[row]) for row in life.released]
    for week in range(first, last + 1):
        low, high = np.searchsorted(life.hour, [week * WEEK, (week + 1) * WEEK])
        one, hours = HourlyWeek(week, (week + 1) * WEEK, (week + 1) * WEEK), None
        if high > low:
            hours = count_hours(table(life.rows.iloc[low:high]), scales, life.roles)
        one = added(one, hours, list(hours.totals)) if hours is not None else one
        kept = list(watch([*kept[-_KEPT:], one], RATE * SHARE, since=since, breaks=breaks))
        weeks |= {each.week: each for each in kept}
    new = [change for week in range(first, last + 1) for change in weeks[week].changes]
    return Seen(min(weeks) * WEEK, new, weeks)


def quiet(as_is: Seen, random: np.random.Generator, weeks: int = 80) -> float:
    """Alarms a year on the surprises of days in random order, after half a year of them."""
    names = sorted({name for week in as_is.weeks.values() for name in week.surprise})
    raw = {
        name: np.concatenate(
            [np.array(week.surprise[name], dtype=np.float64) for week in as_is.weeks.values() if name in week.surprise], axis=1
        )
        for name in names
    }
    hours = np.concatenate([w * WEEK + np.arange(WEEK) for w, week in as_is.weeks.items() if week.surprise])
    busy = {
        int(moment.timestamp()) // 86_400 for c in as_is.changes for moment in pd.date_range(c.onset, c.seen + timedelta(days=1), freq="D")
    }
    known = np.isfinite(np.stack([raw[name][0] for name in names])).mean(axis=0).reshape(-1, 24).mean(axis=1) > 0.5
    days = np.flatnonzero(known & ~np.isin(hours[::24] // 24, list(busy)))
    kept: list[HourlyWeek] = []
    alarms = 0
    for week in range(weeks):
        drawn = (random.choice(days, 7)[:, None] * 24 + np.arange(24)).ravel()
        surprise = {name: tuple(tuple(None if np.isnan(v) else v for v in each[drawn].tolist()) for each in raw[name]) for name in names}
        ones = dict.fromkeys(names, (1.0,) * WEEK)
        one = HourlyWeek(week, (week + 1) * WEEK, (week + 1) * WEEK, (1.0,) * WEEK, ones, ones, surprise, (0.0,))
        kept = list(watch([*kept[-_KEPT:], one], RATE * SHARE, since=26 * WEEK))
        alarms += len(kept[-1].changes)
    return alarms / (weeks - 26) * 52


def windows(life: Life, ends: Sequence[pd.Timestamp]) -> list[bool]:
    """True for each end of a window at which the monitor's windows alarm."""
    found, verdicts, known = [], [], {}
    for end in ends:
        row = int(np.searchsorted(life.rows["at"], end))
        version = max(int(np.searchsorted(life.released, row, side="right")) - 1, 0)
        if version not in known:
            known = {version: _reference(life, version)}
        verdicts = [*verdicts, _verdict(life, end, *known[version])]
        found.append(persistence(verdicts[-4 * OF :], HITS, OF, None).holds)
    return found


def _reference(life: Life, version: int) -> tuple[Profile, Thresholds]:
    rows = life.reference(version)
    profile = profile_table(choose_layout(rows, life.roles), rows)
    span = pd.Timedelta(WINDOW) / (
        life.rows["at"].iloc[life.references[version][1] - 1] - life.rows["at"].iloc[life.references[version][0]]
    )
    alpha = alarm_level(RATE, WINDOW, HITS)
    return profile, calibrate(rows, profile.layout, max(int(rows.num_rows * span), 1), alpha=alpha, explicit={}, version=str(version))


def _verdict(life: Life, end: pd.Timestamp, reference: Profile, thresholds: Thresholds) -> Verdict:
    current, labelled = (_profile(life, end - late, reference) for late in (timedelta(0), timedelta(days=life.delay)))
    span = Window((end - WINDOW).to_pydatetime(), end.to_pydatetime())
    return judge_profiles(reference, current, thresholds, VerdictContext(labelled, 0.8, LEAST_ROWS, (), span))


def _profile(life: Life, end: pd.Timestamp, reference: Profile) -> Profile:
    low, high = np.searchsorted(life.rows["at"], [end - WINDOW, end])
    return profile_table(reference.layout, table(life.rows.iloc[low:high]))


def cusum(evidence: Floats, level: float) -> np.ndarray:
    """The hours at which a CUSUM alarms; it is silent for a week after each, and restarts."""
    found, start, each = [], 0, np.nan_to_num(evidence)
    while start < len(each):
        total = np.cumsum(each[start:])
        sums = total - np.minimum.accumulate(np.minimum(np.concatenate([[0.0], total[:-1]]), 0.0))
        over = np.flatnonzero(sums >= level)
        if not len(over):
            break
        found.append(start + int(over[0]))
        start += int(over[0]) + WEEK
    return np.array(found, dtype=np.int64)


class Oracle:
    """Knows the quantity, the direction and the size; its level is that at which it alarms so many
    times a year on the stream as it is.
    """

    def __init__(self, as_is: Seen) -> None:
        self._as_is, self._levels = as_is, {}

    def delay(self, fault: PlantedFault, seen: Seen, start: int, rate: float) -> float | None:
        """Hours until it alarms, None when it does not within the time."""
        best = max(self._candidates(fault, seen, start), key=lambda each: each[0], default=None)
        if best is None:
            return None
        _, known, clean, faulty = best
        key = (*known, rate)
        if key not in self._levels:
            self._levels[key] = self._level(clean, rate)
        at = start - seen.start
        alarms = cusum(faulty[max(0, at - LONGEST) : at + LONGEST], self._levels[key])
        late = alarms[alarms >= min(at, LONGEST)] - min(at, LONGEST)
        return float(late[0] + 1) if len(late) else None

    def _level(self, clean: Floats, rate: float) -> float:
        years, low, high = np.isfinite(clean).sum() / _YEAR, 0.5, 500.0
        for _ in range(14):
            middle = (low * high) ** 0.5
            low, high = (middle, high) if len(cusum(clean, middle)) > rate * years else (low, middle)
        return high

    def _candidates(self, fault: PlantedFault, seen: Seen, start: int) -> Iterator[tuple[float, tuple[object, ...], Floats, Floats]]:
        at = start - seen.start
        shares = {"nulls": "nulls:", "stuck": "repeats:"}
        if fault.kind in shares:
            name = f"{shares[fault.kind]}{fault.column}"
            clean, faulty = self._as_is.share(name), seen.share(name)
            usual, now = (float(np.clip(np.nanmean(each), 1e-4, 1 - 1e-4)) for each in (clean, faulty[at : at + 24]))
            if now > usual:
                key = (name, round(now, 1))
                yield 99.0, key, *(x * np.log(now / usual) + (1 - x) * np.log((1 - now) / (1 - usual)) for x in (clean, faulty))
        columns = [f"level:{fault.column}"] if fault.column else ["answer"] * (fault.kind == "answers") + ["loss", "slope"]
        for name in columns:
            if not any(name in week.totals for week in seen.weeks.values()):
                continue
            for place, (clean, faulty) in enumerate(zip(self._as_is.surprise(name), seen.surprise(name), strict=True)):
                size = float(np.nanmean(faulty[at : at + 24])) if np.isfinite(faulty[at : at + 24]).any() else 0.0
                known = min(_SIZES, key=lambda each: abs(np.log(each / max(abs(size), 1e-3)))) * np.sign(size)
                yield abs(size), (name, place, known), *(known * u - known**2 / 2 for u in (clean, faulty))


@dataclass(frozen=True)
class Delay:
    """Hours until each way saw a fault, None: not within 28 days. `rows` an hour has."""

    stream: str
    kind: str
    words: str
    rows: float
    windows: float | None
    sequential: float | None
    oracle: float | None
    once: float | None  # the oracle at one alarm a year
    named: bool  # the column is among those that are told


def measured(life: Life, faults: int, random: np.random.Generator) -> Iterator[Delay]:
    """The delays of `faults` faults of each kind, after a line on the stream as it is."""
    start, end = life.references[0]
    scales = choose_scales(life.reference(0), life.roles)
    first, last = int(life.hour[start]) // WEEK, int(life.hour[-1]) // WEEK
    as_is = played(life, scales, first, last, since=int(life.hour[end]))
    years = (last - int(life.hour[end]) // WEEK) * WEEK / _YEAR
    ends = list(pd.date_range(life.rows["at"].iloc[end] + WINDOW, life.rows["at"].iloc[-1], freq=WINDOW / 4))
    held = windows(life, ends)
    opened = sum(now and not before for now, before in zip(held[1:], held, strict=False))
    rate = len(as_is.changes) / years
    print(  # noqa: T201 - its result
        f"{life.name:8} as it is: {rate:.1f} sudden changes a year ({quiet(as_is, random):.1f} where nothing happens); "
        f"{opened / years:.1f} alarms of windows, which hold {np.mean(held):.0%} of the time",
        flush=True,
    )
    oracle, columns = Oracle(as_is), sorted(scales.levels.keys() - set(life.roles.categorical))
    for kind in KINDS:
        for _ in range(faults):
            row = _quiet_row(life, as_is, random)
            yield _delay(life, draw(life, kind, row, random, columns), as_is, scales, (oracle, max(rate, RATE)), held, ends)


def _quiet_row(life: Life, as_is: Seen, random: np.random.Generator) -> int:
    """A row from which on there are rows, eighteen weeks or more after the beginning, and no change
    in the week before.
    """
    low = int(np.searchsorted(life.hour, (as_is.start // WEEK + 18) * WEEK))
    while True:
        row = int(random.integers(low, len(life.hour) - 24 * 14))
        busy = any(-1 <= life.hour[row] - change.seen.timestamp() / 3600 < WEEK for change in as_is.changes)
        if not busy and life.hour[row + 48] - life.hour[row] < 4 * WEEK:
            return row


def _delay(
    life: Life, fault: PlantedFault, as_is: Seen, scales: Scales, oracle: tuple[Oracle, float], held: list[bool], ends: list[pd.Timestamp]
) -> Delay:
    planted, start = fault.planted(life), int(life.hour[fault.row])
    week = start // WEEK
    before = [replace(as_is.weeks[w], changes=()) for w in sorted(as_is.weeks) if week - _KEPT - 1 <= w < week]
    seen = played(planted, scales, week, min(week + 4, int(life.hour[-1]) // WEEK), before, since=start - WEEK)
    after = [change for change in seen.changes if change.seen.timestamp() / 3600 > start]
    moment = life.rows["at"].iloc[fault.row]
    near = [e for e in ends if moment - 3 * WINDOW < e <= moment + pd.Timedelta(LONGEST, "h")]
    alarms = [(e - moment) / pd.Timedelta(1, "h") for e, on in zip(near, windows(planted, near), strict=True) if on and e > moment]
    already = any(on for e, on in zip(ends, held, strict=True) if moment - WINDOW / 4 < e <= moment)
    hours = max(int(life.hour[-1]) - int(life.hour[0]), 1)
    return Delay(
        life.name,
        fault.kind,
        f"{fault.column or ''} {fault.words}",
        len(life.hour) / hours,
        alarms[0] if alarms and not already else None,
        after[0].seen.timestamp() / 3600 - start if after else None,
        oracle[0].delay(fault, seen, start, oracle[1]),
        oracle[0].delay(fault, seen, start, RATE),
        bool(after) and (fault.column is None or fault.column in after[0].columns),
    )


def line(name: str, rows: Sequence[Delay]) -> str:
    def part(values: list[float | None]) -> str:
        held = np.array([LONGEST if value is None else value for value in values])
        return f"{np.median(held):4.0f} h {np.median(held * [row.rows for row in rows]):5.0f} rows, {np.mean(held < LONGEST):4.0%} seen"

    def beside(values: list[float | None]) -> str:
        mine = np.array([row.sequential or LONGEST for row in rows])
        ratios = mine / [value or LONGEST for value in values]
        return f"{part(values)}, ratio {np.median(ratios):.1f}"

    return (
        f"{name:20} {len(rows):3}  windows {part([r.windows for r in rows])} | sequential {part([r.sequential for r in rows])}, "
        f"{np.mean([r.named for r in rows]):4.0%} named | oracle {beside([r.oracle for r in rows])} | "
        f"once a year {beside([r.once for r in rows])}"
    )


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--cache", type=Path, help="folder that keeps the answers of each stream's champions")
    ask.add_argument("--faults", type=int, default=8, help="of each kind in each stream")
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--each", action="store_true", help="print each fault")
    ask.add_argument("--without-shipped", action="store_true", help="leave out flights and weather of 2013")
    ask.add_argument("streams", nargs="*", type=Path)
    asked = ask.parse_args()
    found: list[Delay] = []
    for stream in (*map(read, asked.streams), *(() if asked.without_shipped else shipped())):
        for delay in measured(lived(stream, asked.cache), asked.faults, np.random.default_rng(asked.seed)):
            found.append(delay)
            if asked.each:
                print(f"    {delay}", flush=True)  # noqa: T201 - its result
        for kind in KINDS:
            print(line(f"  {stream.name} {kind}", [d for d in found if (d.stream, d.kind) == (stream.name, kind)]), flush=True)  # noqa: T201
    groups = defaultdict(list)
    for delay in found:
        groups["looked at" if delay.stream in LOOKED_AT else "apart", delay.kind].append(delay)
    for (where, kind), rows in sorted(groups.items()):
        print(line(f"{where} {kind}", rows))  # noqa: T201 - its result


if __name__ == "__main__":
    main()

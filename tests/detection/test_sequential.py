"""Sequential detection: what leaves its own past is seen within hours, what one row says is not,
and a quiet half year is quiet.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.contracts.detection import Roles, SuddenChange
from modelmedic.steps.contracts.words import Task, VerdictState
from modelmedic.steps.core.detection.hours import choose_scales, count_hours, curve, score
from modelmedic.steps.core.detection.sequential import HourlyWeek, added, watch
from modelmedic.steps.detection.monitor import monitor
from tests.data.log import DAY, START, rows
from tests.worlds.detection import monitored_site

WEEK = 168
RATE = 1.0  # alarms a year
FIRST = 2_800  # weeks since 1970
ROLES = Roles(Task.REGRESSION, "label", "answer", "at", features=("outside", "inside", "hour", "rain"))
Fault = Callable[[dict[str, np.ndarray], np.ndarray], None]


def table(weeks: int, seed: int = 0, fault: Fault | None = None) -> pa.Table:
    """A row an hour: a day's wave and slow weather, a second sensor that follows it, the hour, rain
    now and then, and a label that the answer nearly knows.
    """
    random, hour = np.random.default_rng(seed), FIRST * WEEK + np.arange(weeks * WEEK)
    weather = np.zeros(len(hour))
    for at in range(1, len(hour)):
        weather[at] = 0.95 * weather[at - 1] + 0.31 * random.normal()
    outside = weather + np.sin(2 * np.pi * hour / 24)
    columns = {
        "outside": outside,
        "inside": 20 + 0.8 * outside + 0.3 * random.normal(size=len(hour)),
        "hour": (hour % 24).astype(np.float64),
        "rain": np.where(random.random(len(hour)) < 0.03, random.exponential(size=len(hour)), 0.0),
        "answer": outside * 2,
        "label": outside * 2 + random.normal(size=len(hour)),
    }
    if fault is not None:
        fault(columns, hour - FIRST * WEEK)
    return pa.table({"at": pa.array(hour * 3_600_000_000, pa.timestamp("us", tz="UTC")), **columns})


def played(stream: pa.Table) -> Iterator[SuddenChange]:
    """The changes of a stream that is looked at once a week."""
    scales, weeks = choose_scales(stream.slice(0, 12 * WEEK), ROLES), []
    for place in range(stream.num_rows // WEEK):
        hours = count_hours(stream.slice(place * WEEK, WEEK), scales, ROLES)
        assert hours is not None
        end = (FIRST + place + 1) * WEEK
        one = added(HourlyWeek(FIRST + place, end, end), hours, list(hours.totals))
        weeks = list(watch([*weeks[-30:], one], RATE, since=0))
        yield from weeks[-1].changes


def hours_after(change: SuddenChange, start: int) -> float:
    return (change.seen - datetime.fromtimestamp((FIRST * WEEK + start) * 3600, tz=UTC)) / timedelta(hours=1)


def test_three_quarters_of_a_quiet_year_alarm_as_often_as_stated() -> None:
    assert sum(len(list(played(table(26, seed)))) for seed in range(2)) <= 1


def test_fahrenheit_is_seen_within_three_hours_and_said_once() -> None:
    start = 14 * WEEK + 50

    def units(columns: dict[str, np.ndarray], hour: np.ndarray) -> None:
        columns["inside"] = np.where(hour >= start, columns["inside"] * 1.8 + 32, columns["inside"])

    seen = list(played(table(20, fault=units)))
    assert len(seen) == 1
    assert (seen[0].columns[0], seen[0].rise, seen[0].harms) == ("inside", True, False)
    assert hours_after(seen[0], start) <= 3
    assert abs(seen[0].onset - seen[0].seen) <= timedelta(hours=4)


def test_half_a_deviation_of_a_sensor_that_goes_with_another_is_seen_within_two_days() -> None:
    start = 14 * WEEK

    def level(columns: dict[str, np.ndarray], hour: np.ndarray) -> None:
        columns["inside"] = columns["inside"] + np.where(hour >= start, 0.5 * columns["inside"].std(), 0.0)

    seen = list(played(table(18, fault=level)))
    assert seen
    assert "inside" in seen[0].columns
    assert hours_after(seen[0], start) <= 48


def test_one_wrong_row_is_no_change() -> None:
    def glitch(columns: dict[str, np.ndarray], hour: np.ndarray) -> None:
        columns["inside"][hour == 14 * WEEK + 7] = 9831.0
        columns["outside"][hour == 15 * WEEK + 7] = np.nan

    assert list(played(table(17, fault=glitch))) == []


def test_a_loss_that_rises_harms() -> None:
    start = 14 * WEEK

    def wrong(columns: dict[str, np.ndarray], hour: np.ndarray) -> None:
        columns["answer"] = np.where(hour >= start, -columns["answer"], columns["answer"])

    seen = next(played(table(17, fault=wrong)))
    assert hours_after(seen, start) <= 24
    assert seen.harms or seen.quantity == "answer"


@pytest.mark.parametrize("value", [np.nan, 21.5])
def test_a_sensor_that_is_gone_or_stuck_is_named(value: float) -> None:
    start = 14 * WEEK

    def broken(columns: dict[str, np.ndarray], hour: np.ndarray) -> None:
        columns["inside"][hour >= start] = value

    seen = next(played(table(16, fault=broken)))
    assert seen.columns[0] == "inside"
    assert hours_after(seen, start) <= 8


def test_what_the_clock_gives_and_what_is_nearly_always_the_same_have_no_level() -> None:
    scales = choose_scales(table(4), ROLES)
    assert set(scales.levels) == {"outside", "inside"}
    assert dict(scales.usual) == {"rain": "0.0"}


def test_scores_go_on_beyond_the_reference() -> None:
    known = np.random.default_rng(0).normal(size=5000)
    found = score(np.array([0.0, 1.0, -1.0, 6.0, 1e9, -np.inf, np.nan]), curve(known))
    assert found[:3] == pytest.approx([0, 1, -1], abs=0.1)
    assert 5 < found[3] < 7
    assert found[4:6].tolist() == [8, -8]
    assert np.isnan(found[6])


@pytest.mark.parametrize("stream", [table(1).drop_columns(["at"]), table(1).slice(0, 0)])
def test_rows_without_a_time_have_no_hours(stream: pa.Table) -> None:
    assert count_hours(stream, choose_scales(table(4), ROLES), ROLES) is None


def test_a_sudden_change_opens_an_incident_at_the_next_look(tmp_path: Path) -> None:
    here = monitored_site(tmp_path, reference=rows(18_000, seed=99, start=START - 84 * DAY, span=84 * DAY))

    def older(table: pa.Table) -> pa.Table:
        age = table["age"].to_numpy() + np.where(np.arange(table.num_rows) > 0.9 * table.num_rows, 20.0, 0.0)
        return table.set_column(2, "age", pa.array(age))

    here.serve(0, change=older)
    seen = monitor(here.site, here.at(7))
    assert (seen.verdict.state, seen.opened) == (VerdictState.DRIFTED, True)
    assert seen.sentence.endswith("; so sudden a change needs no second window")
    assert seen.verdict.changes[0].columns[0] == "age"
    assert timedelta(0) < seen.verdict.changes[0].onset - (START + 6.3 * DAY) + timedelta(hours=2) < timedelta(hours=12)
    here.serve(7)
    again = monitor(here.site, here.at(7.25))
    assert again.verdict.changes == ()
    assert here.events().count("incident.opened") == 1


def test_weeks_without_a_row_show_nothing() -> None:
    ended = HourlyWeek(FIRST, (FIRST + 1) * WEEK, (FIRST + 1) * WEEK, highest=(None,))
    assert [week.changes for week in watch([ended, HourlyWeek(FIRST + 1)], RATE, since=0)] == [(), ()]

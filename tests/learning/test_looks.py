"""The monitor's looks at the ageing: one a week, a training due when age has cost its price, and
triage that believes nothing else.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.contracts.ageing import AgeingLook
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.keys import ageing_key
from modelmedic.steps.contracts.metrics import RETRAINING_PAYS
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.detection.ageing import look
from modelmedic.steps.detection.metrics import monitor_samples
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.records.ageing_looks import newest_look
from modelmedic.steps.runtime.versions import taught_tag
from tests.data.log import DAY, START, policy
from tests.worlds.detection import Change, MonitoredSite, monitored_site

QUICK = {"history": "14d", "minRows": 100}  # rows of a week are history enough for a pilot


def site(tmp_path: Path, refresh: str = "auto", **retrain: object) -> MonitoredSite:
    return monitored_site(tmp_path, policy(retrain={**QUICK, **retrain}, refresh=refresh))


def turning(week: int) -> Change:
    """A law that turns a little each week, from rising with age to falling with it."""

    def change(table: pa.Table) -> pa.Table:
        age = table["age"].to_numpy()
        slope = np.cos(np.pi * week / 7) * 3 * (age - age.mean()) / age.std()
        drawn = np.random.default_rng(week).random(len(age)) < 1 / (1 + np.exp(-slope))
        return table.set_column(table.column_names.index("defaulted"), "defaulted", pa.array(drawn.astype(float)))

    return change


def weeks(here: MonitoredSite, number: int, *, changing: bool) -> list[AgeingLook]:
    found = []
    for week in range(number):
        here.serve(7 * week, change=turning(week) if changing else turning(0))
        found.append(look(here.site, "1", here.at(7 * week + 7)))
    return [each for each in found if each is not None]


def test_a_law_that_moves_on_ages_a_model_and_a_training_is_due(tmp_path: Path) -> None:
    looks = weeks(site(tmp_path), 7, changing=True)
    assert looks[-1].ageing is not None
    assert looks[-1].ageing > 0.5
    assert any(each.due for each in looks)
    due = next(each for each in looks if each.due)
    assert "a training costs 100" in due.sentence


@pytest.mark.parametrize(("by", "due"), [("somebody", True), ("adoption", False)])
def test_what_age_cost_before_an_adoption_is_not_charged_at_the_first_look(tmp_path: Path, by: str, due: bool) -> None:
    here = site(tmp_path, cost=2000.0)
    here.site.history.record_release("loans", Release(START, "1", None, by=by))
    for week in range(7):
        here.serve(7 * week, change=turning(week))
    seen = look(here.site, "1", here.at(49))
    assert seen is not None
    assert seen.measured
    assert (seen.due, bool(seen.paid)) == (due, due)


def test_a_law_that_stays_does_not_pay_for_a_training(tmp_path: Path) -> None:
    here = site(tmp_path, cost=500.0)
    for week in range(5):
        here.serve(7 * week)
    looks = [look(here.site, "1", here.at(35))]
    for week in range(5, 11):
        here.serve(7 * week)
        looks.append(look(here.site, "1", here.at(7 * week + 7)))
    assert not any(each is None or each.due for each in looks)
    assert looks[-1] is not None
    assert looks[-1].measured


def test_looks_are_a_week_apart_and_writing_one_twice_changes_nothing(tmp_path: Path) -> None:
    here = site(tmp_path)
    weeks(here, 4, changing=False)
    kept = list(here.site.store.list(ageing_key("loans")))
    assert len(kept) == 4
    assert look(here.site, "1", here.at(28)) == newest_look(here.site.store, "loans", here.at(28))
    assert look(here.site, "1", here.at(31)) == newest_look(here.site.store, "loans", here.at(28))
    assert list(here.site.store.list(ageing_key("loans"))) == kept
    assert here.events().count("ageing.measured") == 4


def test_an_alarm_brings_a_look_forward_and_leaves_the_weeks_as_they_are(tmp_path: Path) -> None:
    here = site(tmp_path, cost=1000.0)
    before = weeks(here, 4, changing=True)[-1]
    assert not before.due
    here.serve(28, days=3, change=turning(6))
    early = look(here.site, "1", here.at(32), early=True)
    assert early is not None
    assert (early.early, early.until, early.weeks, early.state) == (True, before.until, before.weeks, before.state)
    assert early.paid is not None
    assert before.paid is not None
    assert early.paid > before.paid


def test_quarantined_rows_teach_and_judge_no_pilot(tmp_path: Path) -> None:
    here = site(tmp_path)
    weeks(here, 3, changing=False)
    here.serve(21, change=turning(6))
    here.at(28)
    here.site.history.quarantine("loans", Window(START + 19 * DAY, START + 28 * DAY), reason="a test")
    found = look(here.site, "1", here.at(28))
    assert found is not None
    assert found.weeks == newest_look(here.site.store, "loans", START + 21 * DAY).weeks  # type: ignore[union-attr]


def test_a_due_training_opens_one_incident_and_says_so_to_prometheus(tmp_path: Path) -> None:
    here = site(tmp_path, cost=1.0)
    opened = []
    for week in range(4):
        here.serve(7 * week)
        here.at(7 * week + 7)
        opened.append(monitor(here.site))
    first = next(seen for seen in opened if seen.opened)
    incident = here.site.ledger.incidents("loans")[0]
    assert (incident.alert, first.pays) == ("retraining-pays", True)
    assert next(s.value for s in monitor_samples(here.site, first) if s.metric is RETRAINING_PAYS) == 1.0
    assert len(here.site.ledger.incidents("loans")) == 1
    assert here.events().count("incident.opened") == 1


@pytest.mark.parametrize(("refresh", "day"), [("14d", 21), ("2000 rows", 14)])
def test_a_refresh_by_time_or_by_rows_is_due_without_a_pilot(tmp_path: Path, refresh: str, day: int) -> None:
    here = site(tmp_path, refresh)
    here.at(0)
    look(here.site, "1", START + timedelta(hours=1))
    due = {}
    for week in range(4):
        here.serve(7 * week)
        due[7 * week + 7] = look(here.site, "1", here.at(7 * week + 7))
    assert next(at for at, each in due.items() if each is not None and each.due) == day


def test_refresh_off_measures_nothing(tmp_path: Path) -> None:
    here = site(tmp_path, "off")
    here.serve(0)
    assert look(here.site, "1", here.at(7)) is None
    assert monitor(here.site).aged is None


def test_a_feature_that_is_text_now_leaves_the_verdict_standing(tmp_path: Path) -> None:
    here = site(tmp_path)

    def worded(table: pa.Table) -> pa.Table:
        return table.set_column(table.column_names.index("age"), "age", pa.array(["many"] * table.num_rows))

    for week in range(3):
        here.serve(7 * week, change=worded)
    assert monitor(here.site, here.at(21)).aged is None


def test_a_look_is_written_once(tmp_path: Path) -> None:
    here = site(tmp_path)
    here.serve(0)
    first = look(here.site, "1", here.at(7))
    assert first is not None
    assert look(here.site, "1", here.at(7)) == first == replace(first)


def test_a_champion_without_the_newest_rows_is_as_old_as_its_last_one(tmp_path: Path) -> None:
    here = site(tmp_path, cost=1000.0)
    here.release("1", "0")
    for week in range(6):
        here.serve(7 * week)
    whole = look(here.site, "1", here.at(42))
    (here.site.work / "other").mkdir()
    other = site(here.site.work / "other", cost=1000.0)
    other.release("1", "0")
    other.aliases.known = ModelVersion("loans", "1", "0" * 64, "models/0", tags=taught_tag(START - 30 * DAY))
    for week in range(6):
        other.serve(7 * week)
    older = look(other.site, "1", other.at(42))
    assert whole is not None
    assert older is not None
    assert (whole.since, older.since) == (START - 2 * DAY, START - 30 * DAY)
    assert older.attempted == whole.attempted, "its price is paid from the day on which it was trained"

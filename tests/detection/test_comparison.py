"""The comparison of versions at the monitor's looks: a bad release opens an incident at the next
look, an honest one does not, and nothing is read or asked twice.
"""

from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.contracts.comparison import WON
from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.metrics import RELEASE_BAD
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.detection.comparison import ALERT, compare_versions, watch_versions
from modelmedic.steps.detection.metrics import monitor_samples
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.records.comparisons import last_comparisons, newest_comparison
from modelmedic.steps.runtime.versions import taught_tag
from tests.data.log import DAY, START
from tests.worlds.detection import MonitoredSite, monitored_site


def truth(rows: pa.Table) -> np.ndarray:
    """The chance by which the rows of this log are made."""
    return np.asarray(1 / (1 + np.exp(-(rows["income"].to_numpy() + 0.05 * (rows["age"].to_numpy() - 50) - 0.5))))


class Models:
    """Answers by version; counts the rows that each was asked about."""

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}
        self.gone = ""
        self.dull: tuple[str, ...] = ()
        self.bad = lambda chance: 1 - chance

    def __call__(self, version: str, rows: pa.Table) -> np.ndarray:
        if version in ("0", self.gone):
            raise NotFound(f"version {version} is gone")
        self.asked[version] = self.asked.get(version, 0) + rows.num_rows
        if version in self.dull:
            return dulled(truth(rows))
        return self.bad(truth(rows)) if version == "bad" else truth(rows) * 0.98


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def here(tmp_path: Path, models: Models) -> MonitoredSite:
    """Version 1 has served for three weeks when another is released."""
    made = monitored_site(tmp_path)
    made.site.ask = models
    made.at(0)
    made.release("1", "0")
    for week in range(3):
        made.serve(7 * week)
    made.at(21)
    return made


def look(here: MonitoredSite, day: float) -> object:
    return compare_versions(here.site, here.at(day), here.aliases.champion or "")


def test_a_release_that_answers_backwards_opens_an_incident_at_the_next_look(here: MonitoredSite) -> None:
    here.release("bad", "1")
    seen = monitor(here.site, here.at(21.04))
    assert seen.opened
    incident = here.site.ledger.current("loans")
    assert incident is not None
    assert (incident.alert, incident.facts["version"], incident.facts["instead"]) == (ALERT, "bad", "1")
    assert "more per row than version 1 on the same" in incident.facts["sentence"]
    samples = {sample.metric: sample.value for sample in monitor_samples(here.site, seen)}
    assert samples[RELEASE_BAD] == 1


def test_the_accusation_is_made_once(here: MonitoredSite) -> None:
    here.release("bad", "1")
    monitor(here.site, here.at(21.04))
    incident = here.site.ledger.current("loans")
    assert incident is not None
    here.site.ledger.close(incident, Closing(Outcome.SUGGESTED, here.clock.now(), "people were told"))
    here.serve(21)
    assert not monitor(here.site, here.at(28)).opened
    assert monitor(here.site, here.at(60)).opened


def test_constant_answers_need_no_label(here: MonitoredSite, models: Models) -> None:
    models.bad = lambda chance: np.full(len(chance), 0.4)
    here.release("bad", "1")
    seen = newest(here, 21.04)
    assert seen.accusation is not None


def newest(here: MonitoredSite, day: float):  # type: ignore[no-untyped-def]
    look(here, day)
    found = newest_comparison(here.site.store, "loans", here.aliases.champion or "")
    assert found is not None
    return found


def test_an_honest_release_is_compared_and_left_alone(here: MonitoredSite) -> None:
    here.release("good", "1")
    seen = monitor(here.site, here.at(21.04))
    assert (seen.opened, seen.accused) == (False, False)
    here.serve(21)
    found = newest(here, 28)
    assert found.accusation is None
    assert [(pair.other, len(pair.since)) for pair in found.pairs] == [("1", 5)]
    assert found.silent == ("0",)
    assert found.judged_until is not None
    assert found.judged_until <= START + 26 * DAY


def test_only_rows_that_are_new_are_asked_about(here: MonitoredSite, models: Models) -> None:
    here.release("good", "1")
    look(here, 21)
    here.serve(21)
    look(here, 28)
    before = dict(models.asked)
    assert look(here, 28) == newest_comparison(here.site.store, "loans", "good")
    assert models.asked == before
    here.serve(28)
    look(here, 30)
    assert models.asked["good"] - before["good"] == pytest.approx(1500 * 2 / 7, abs=80)


def test_without_a_version_before_nothing_is_compared(tmp_path: Path) -> None:
    alone = monitored_site(tmp_path)
    alone.serve(0)
    assert compare_versions(alone.site, alone.at(7), "1") is None
    assert last_comparisons(alone.site.store, "loans") == ()


def test_a_version_that_serves_though_nobody_recorded_it_is_audited_as_well(here: MonitoredSite) -> None:
    here.aliases.champion = "bad"
    assert monitor(here.site, here.at(21.04)).opened


def test_a_version_that_a_person_has_put_back_is_asked_about(here: MonitoredSite) -> None:
    here.release("bad", "1")
    here.at(21.1)
    here.release("1", "bad")
    here.at(21.2)
    here.release("bad", "1")
    found = newest(here, 21.3)
    assert found.accusation is not None
    assert found.accusation.harm == "estimated"
    assert "a person is asked" in found.accusation.sentence


def test_an_hourly_look_waits_for_another_day_of_labels(here: MonitoredSite, models: Models) -> None:
    here.release("good", "1")
    here.serve(21)
    for hour in range(1, 25):
        look(here, 28 + hour / 24)
    kept = [key for key in here.site.store.list("comparisons/") if "/good/" in key]
    assert len(kept) == 2
    assert models.asked["good"] < 6000


def test_quarantined_rows_are_not_compared(here: MonitoredSite) -> None:
    aside: tuple[datetime, datetime] = (START + 14 * DAY, START + 21 * DAY)
    here.site.history.quarantine("loans", Window(*aside), reason="broken")
    here.release("good", "1")
    found = newest(here, 21)
    assert all(block.start < aside[0] for pair in found.pairs for block in pair.before)


def test_a_version_that_cannot_be_asked_for_a_while_keeps_its_days(here: MonitoredSite, models: Models) -> None:
    here.release("good", "1")
    here.serve(21, change=lambda table: by(table, "good"))
    assert [pair.other for pair in newest(here, 26).pairs] == ["1"]
    models.gone = "1"
    later = newest(here, 27)
    assert (later.silent, [len(pair.since) for pair in later.pairs]) == (("1", "0"), [3])
    models.gone = ""
    here.serve(28, change=lambda table: by(table, "good"))
    assert len(newest(here, 33).pairs[0].since) > 3


def dulled(chance: np.ndarray) -> np.ndarray:
    return 0.5 + 0.6 * (chance - 0.5)


def by(table: pa.Table, version: str, answers: np.ndarray | None = None) -> pa.Table:
    place = table.column_names.index("model_version")
    table = table.set_column(place, "model_version", pa.array([version] * table.num_rows))
    return table if answers is None else table.set_column(table.column_names.index("prediction"), "prediction", pa.array(answers))


def kept_in_the_dark(here: MonitoredSite, version: str) -> None:
    tags = {"passed": "dark", "champion": here.aliases.champion or "", **taught_tag(here.clock.now() - 2 * DAY)}
    here.aliases.dark = ModelVersion("loans", version, "d" * 64, "models/d", None, tags)


def test_a_challenger_in_the_dark_that_loses_less_opens_one_incident_of_its_own(here: MonitoredSite, models: Models) -> None:
    models.dull = ("1", "new")
    here.release("new", "1")
    kept_in_the_dark(here, "sharp")
    opened = []
    for week in range(3, 11):
        here.serve(7 * week, change=lambda table: by(table, "new", dulled(truth(table))))
        opened.append(watch_versions(here.site, here.at(7 * week + 7), "new"))
        if (current := here.site.ledger.current("loans")) is not None:
            here.site.ledger.close(current, Closing(Outcome.REJECTED, here.clock.now(), "no"))
    assert [each.opened for each in opened].count(True) == 1
    assert not any(each.accused for each in opened)
    (incident,) = here.site.ledger.incidents("loans")
    assert (incident.alert, incident.facts["version"]) == (WON, "sharp")
    assert "kept in the dark, loses" in incident.facts["sentence"]


def test_a_challenger_in_the_dark_that_loses_more_is_asked_no_longer(here: MonitoredSite, models: Models) -> None:
    here.release("good", "1")
    kept_in_the_dark(here, "bad")
    for week in range(3, 8):
        here.serve(7 * week, change=lambda table: by(table, "good"))
        look(here, 7 * week + 7)
    before = models.asked["bad"]
    here.serve(56, change=lambda table: by(table, "good"))
    look(here, 63)
    assert models.asked["bad"] == before
    assert here.site.ledger.current("loans") is None


def test_a_second_time_at_the_alias_is_compared_afresh(here: MonitoredSite) -> None:
    here.release("bad", "1")
    assert newest(here, 21.04).accusation is not None
    here.release("1", "bad")
    here.at(21.5)
    here.release("bad", "1")
    found = newest(here, 21.6)
    assert found.released_at == START + 21.5 * DAY


def test_a_version_that_was_taught_later_is_not_asked_what_it_has_learnt(here: MonitoredSite, models: Models) -> None:
    """After a rollback the other version knows the newest rows by heart."""
    here.release("later", "1")
    here.release("old", "later")
    models.dull = ("old",)
    learnt = here.clock.now()
    here.aliases.dark = ModelVersion("loans", "later", "d" * 64, "models/d", None, taught_tag(learnt))
    assert newest(here, 21.04).accusation is None
    assert [pair.before for pair in newest(here, 21.04).pairs if pair.other == "later"] == [()]

"""An alarm opens no second incident for what the last one was about, as long as what that one ended
with still holds.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.decision import Decision, Objection
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.words import Autonomy, Cause, Outcome, Remedy, VerdictState
from modelmedic.steps.detection.monitor import MonitorResult, monitor
from tests.data.log import policy
from tests.worlds.detection import MonitoredSite, monitored_site

TOLD = (Cause.CONCEPT_DRIFT, Remedy.ESCALATE, Outcome.ESCALATED)
REJECTED = (Cause.CONCEPT_DRIFT, Remedy.RETRAIN, Outcome.REJECTED)


@pytest.fixture
def here(tmp_path: Path) -> MonitoredSite:
    """A site whose model is not taught again for its age, so that every incident is an alarm's."""
    return monitored_site(tmp_path, policy().model_copy(update={"refresh": "off"}))


def turned(table: pa.Table) -> pa.Table:
    return table.set_column(table.column_names.index("defaulted"), "defaulted", pc.subtract(1.0, table["defaulted"]))


def older(table: pa.Table) -> pa.Table:
    return turned(table.set_column(2, "age", pc.add(table["age"], 8.0)))


def without_region(table: pa.Table) -> pa.Table:
    return table.drop_columns(["region"])


def ended(
    here: MonitoredSite,
    cause: Cause,
    wanted: Remedy,
    outcome: Outcome,
    *,
    champion: str = "1",
    objections: tuple[Objection, ...] = (),
    **how: Any,
) -> Incident:
    """The open incident, diagnosed and closed so."""
    incident = here.site.ledger.current("loans")
    assert incident is not None
    decided = Decision(wanted, wanted, "a-rule", Autonomy.ACT, False, False, objections, "a sentence")
    found = Diagnosis(cause, 0.9, ("age",), sentence="a sentence")
    here.site.ledger.record_stage(
        incident, "diagnose", {"diagnosis": to_plain(found), "decision": to_plain(decided), "champion": champion, "outputs": {}}
    )
    here.site.ledger.close(incident, Closing(outcome, here.clock.at, "a sentence", champion, champion, **how))
    return incident


def opened(here: MonitoredSite) -> Incident:
    """Two weeks whose labels have turned, and the incident that they open."""
    for first in (0, 7):
        here.serve(first, change=turned)
        seen = monitor(here.site, here.at(first + 7))
    assert seen.verdict.state is VerdictState.DEGRADED
    incident = here.site.ledger.current("loans")
    assert incident is not None
    return incident


def a_week_later(here: MonitoredSite, first: int = 14, change: Any = turned) -> MonitorResult:
    here.serve(first, n=1600, change=change)
    return monitor(here.site, here.at(first + 7))


def test_what_people_were_told_of_opens_no_second_incident_and_says_why(here: MonitoredSite) -> None:
    first = opened(here)
    ended(here, *TOLD)
    seen = a_week_later(here)
    assert (seen.alarm, seen.opened, seen.incident) == (True, False, None)
    assert first.id in seen.sentence
    assert "people were told" in seen.sentence
    notes = [record for record in here.site.trail.latest() if record.event == "alarm.repeated"]
    assert [(note.facts["incident"], "people were told" in note.facts["reason"]) for note in notes] == [(first.id, True)]


def test_people_are_asked_again_after_four_weeks(here: MonitoredSite) -> None:
    opened(here)
    ended(here, *TOLD)
    seen = [a_week_later(here, first).opened for first in (14, 21, 28, 35)]
    assert seen == [False, False, False, True]


def test_a_fault_that_grew_opens_the_next_one(here: MonitoredSite) -> None:
    opened(here)
    ended(here, *TOLD)
    assert a_week_later(here, change=older).opened


def test_what_went_away_and_came_back_opens_the_next_one(here: MonitoredSite) -> None:
    opened(here)
    ended(here, *TOLD)
    assert a_week_later(here, 14, lambda table: table).verdict.state is VerdictState.DEGRADED  # labels come two days late
    assert a_week_later(here, 21, lambda table: table).verdict.state is VerdictState.QUIET
    assert [a_week_later(here, first).opened for first in (28, 35)] == [True, False]


def test_broken_data_opens_the_next_one(here: MonitoredSite) -> None:
    opened(here)
    ended(here, *TOLD)
    assert a_week_later(here, change=without_region).opened


def test_after_a_rejection_the_next_one_comes_when_another_challenger_may_be_tried(here: MonitoredSite) -> None:
    opened(here)
    ended(here, *REJECTED)
    settle = here.site.policy.settle
    assert timedelta(days=7) < settle <= timedelta(days=14)
    assert [a_week_later(here, first).opened for first in (14, 21)] == [False, True]


@pytest.mark.parametrize(("change", "opened_later"), [(turned, [False, False, True]), (older, [False, True])])
def test_after_a_second_rejection_a_fault_that_did_not_grow_waits_twice_as_long(
    here: MonitoredSite, change: Any, opened_later: list[bool]
) -> None:
    opened(here)
    ended(here, *REJECTED)
    assert [a_week_later(here, first).opened for first in (14, 21)] == [False, True]
    ended(here, *REJECTED)
    weeks = [(28, turned), (35, change), (42, turned)]
    assert [a_week_later(here, first, how).opened for first, how in weeks[: len(opened_later)]] == opened_later


def test_a_lifted_freeze_lets_the_next_one_open_at_once(here: MonitoredSite) -> None:
    opened(here)
    here.site.freezes.freeze("loans", by="sre", reason="a test")
    frozen = Objection("freeze", "loans is frozen by sre", None)
    ended(here, Cause.CONCEPT_DRIFT, Remedy.RETRAIN, Outcome.ESCALATED, objections=(frozen,))
    assert "frozen by sre" in a_week_later(here).sentence
    here.site.freezes.lift("loans", by="sre")
    assert a_week_later(here, 21).opened


@pytest.mark.parametrize("cause", [Cause.DATA_QUALITY, Cause.LABEL_QUALITY, Cause.BAD_RELEASE])
def test_broken_data_and_releases_are_never_taken_for_the_same(here: MonitoredSite, cause: Cause) -> None:
    opened(here)
    ended(here, cause, Remedy.ESCALATE, Outcome.ESCALATED)
    assert a_week_later(here).opened


def test_what_an_error_ended_is_tried_again(here: MonitoredSite) -> None:
    opened(here)
    ended(here, *TOLD, by_error=True)
    assert a_week_later(here).opened


def test_what_was_said_of_another_champion_is_not_said_of_this_one(here: MonitoredSite) -> None:
    opened(here)
    ended(here, *TOLD, champion="0")
    assert a_week_later(here).opened


def test_an_hour_later_nearly_the_same_rows_open_nothing_and_a_quarter_of_a_window_later_they_do(here: MonitoredSite) -> None:
    opened(here)
    ended(here, Cause.INSUFFICIENT_EVIDENCE, Remedy.NONE, Outcome.NO_ACTION)
    here.serve(14, change=turned)
    hour = monitor(here.site, here.at(14 + 1 / 24))
    assert (hour.opened, "nearly the same rows" in hour.sentence) == (False, True)
    assert monitor(here.site, here.at(16)).opened


def test_a_person_who_was_asked_is_not_asked_again_before_anything_grew(here: MonitoredSite) -> None:
    opened(here)
    ended(here, Cause.INSUFFICIENT_EVIDENCE, Remedy.ESCALATE, Outcome.ESCALATED)
    again = a_week_later(here)
    assert (again.opened, "people were told" in again.sentence) == (False, True)

"""A heal on a window without a single request says where they were looked for."""

from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.contracts.change import ChangeEvent
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.words import Cause, ChangeKind
from modelmedic.steps.heal.diagnose import conclude
from modelmedic.steps.incidents.opening import open_by_hand
from modelmedic.steps.records.change_events import note_change
from tests.data.log import DAY, START
from tests.worlds.detection import monitored_site


def test_an_empty_window_is_diagnosed_by_where_requests_were_looked_for(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.aliases.known = ModelVersion("loans", "1", "d1" * 32, "models/1")
    said: list[str] = []
    here.at(7)
    here.site.say = said.append
    here.site.store.create("inference-log/loans/march.csv", b"rows")
    found = conclude(open_by_hand(here.site)).diagnosis
    assert found.cause is Cause.INSUFFICIENT_EVIDENCE
    assert found.sentence.startswith("no requests of loans are logged from 1 to 8 March 2024: looked below `memory/inference-log/loans`")
    assert [evidence.sentence for evidence in found.evidence] == [found.sentence]
    assert [sentence for sentence in said if "one object is passed over" in sentence and "march.csv" in sentence]


def test_a_heal_by_hand_is_about_the_window_that_a_person_names(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.at(200)
    run = open_by_hand(here.site, end=START + 7 * DAY)
    assert (run.incident.window.start, run.incident.window.end) == (START, START + 7 * DAY)
    with pytest.raises(BadInput, match=f"incident {run.incident.id} of loans is open, .*expected no --end until"):
        open_by_hand(here.site, end=START + 14 * DAY)


def test_what_was_noted_to_have_changed_is_named_beside_it(tmp_path: Path) -> None:
    here = monitored_site(tmp_path)
    here.aliases.known = ModelVersion("loans", "1", "d1" * 32, "models/1")
    here.at(7)
    incident = open_by_hand(here.site)
    at = incident.incident.window.start + timedelta(hours=20)
    note_change(here.site.store, here.site.clock, ChangeEvent(at, ChangeKind.JOB, "the gateway was moved", "loans", by="ops"))
    named = [each.sentence for each in conclude(incident).diagnosis.evidence if each.name == "change.noted"]
    assert named == ["job change 20 h after the window begins, noted by ops: the gateway was moved"]

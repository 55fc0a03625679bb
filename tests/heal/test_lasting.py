"""A quarantine lasts where incidents without a gap set rows aside for the same cause, and what
people count as good again is set aside no more while the same version serves.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.approval.quarantine_release import release
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.heal.lasting import lasting_quarantine, released_before, trusted_columns
from modelmedic.steps.heal.quarantine import quarantine
from modelmedic.steps.runtime.run import Run, Site
from tests.worlds import results
from tests.worlds.played import NOW, policy, site

WEEK = timedelta(days=7)
BROKEN = Diagnosis(Cause.DATA_QUALITY, 0.9, ("age",), sentence="age is in another unit")
LABELS = Diagnosis(Cause.LABEL_QUALITY, 0.9, ("left",), sentence="labels are mixed")


def opened(at: Site, when: datetime) -> Run:
    assert isinstance(at.clock, PlayedClock)
    at.clock.sleep(max(when - at.clock.now(), timedelta(0)))
    incident, _ = at.ledger.open_incident(at.model, at.policy.hash, Window(when - WEEK, when), "test", {})
    return Run(at, incident)


def lived(work: Path, days: Sequence[float], found: Sequence[Diagnosis] = (), outcome: Outcome = Outcome.QUARANTINED) -> Run:
    """A quarantine on each of these days but the last, on which the next incident is opened."""
    at = site(work, rules=policy(detect={"window": "7d"}))
    for number, day in enumerate(days[:-1]):
        run = opened(at, NOW + timedelta(days=day))
        run.record(results.diagnosed(Remedy.QUARANTINE, found=found[number] if found else BROKEN, champion="1"))
        quarantine(run)
        at.ledger.close(run.incident, Closing(outcome, at.clock.now(), ""))
    return opened(at, NOW + timedelta(days=days[-1]))


def test_the_second_window_in_a_row_is_when_a_person_is_asked(tmp_path: Path) -> None:
    run = lived(tmp_path, [0, 6, 13, 14])
    lasting = lasting_quarantine(run, BROKEN)
    assert lasting is not None
    assert (lasting.since, lasting.cause, lasting.columns) == (NOW, Cause.DATA_QUALITY, ("age",))
    assert lasting.spans == tuple(Window(end - WEEK, end) for end in (NOW + timedelta(days=day) for day in (0, 6, 13, 14)))


@pytest.mark.parametrize(
    ("days", "found", "outcome"),
    [
        ([0, 6, 13], (), Outcome.QUARANTINED),
        ([0, 6, 14, 15], (), Outcome.QUARANTINED),
        ([0, 6, 13, 14], (BROKEN, LABELS, BROKEN), Outcome.QUARANTINED),
        ([0, 6, 13, 14], (), Outcome.REJECTED),
    ],
    ids=["not two windows yet", "a gap", "another cause in between", "people rejected"],
)
def test_anything_else_does_not_last(tmp_path: Path, days: list[float], found: tuple[Diagnosis, ...], outcome: Outcome) -> None:
    assert lasting_quarantine(lived(tmp_path, days, found, outcome), BROKEN) is None


def test_what_is_not_broken_is_no_quarantine(tmp_path: Path) -> None:
    assert lasting_quarantine(lived(tmp_path, [0, 6, 13, 14]), Diagnosis(Cause.CONCEPT_DRIFT, 0.9)) is None


def test_released_rows_are_good_for_the_same_cause_columns_and_version_alone(tmp_path: Path) -> None:
    run = lived(tmp_path, [0, 6])
    first = run.site.ledger.incidents(run.site.model)[0]
    assert trusted_columns(run, "1") == frozenset()
    release(run.site.store, run.site.clock, run.site.policy, first.id, by="ann", why="months it is")
    assert "ann counted such rows as good" in released_before(run, BROKEN, "1")
    assert trusted_columns(run, "1") == {"age"}
    for found, champion in (
        (LABELS, "1"),
        (Diagnosis(Cause.DATA_QUALITY, 0.9, ("age", "plan")), "1"),
        (Diagnosis(Cause.CONCEPT_DRIFT, 0.9, ("age",)), "1"),
        (BROKEN, "2"),
    ):
        assert released_before(run, found, champion) == ""
    assert trusted_columns(run, "2") == frozenset()


def test_released_labels_are_trusted_by_the_name_of_the_target(tmp_path: Path) -> None:
    nameless = Diagnosis(Cause.LABEL_QUALITY, 0.9, (), sentence="labels are mixed")
    run = lived(tmp_path, [0, 6], (nameless,))
    release(run.site.store, run.site.clock, run.site.policy, run.site.ledger.incidents(run.site.model)[0].id, by="ann", why="x")
    assert trusted_columns(run, "1") == {"left"}
    assert released_before(run, nameless, "1")

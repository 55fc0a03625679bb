"""Rows that were set aside count as good again once as many people said so as the policy asks for,
and not before.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.approval.quarantine_release import GivenRelease, release
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.results import LastingQuarantine
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Remedy
from modelmedic.steps.heal.quarantine import quarantine
from modelmedic.steps.runtime.run import Run, Site
from tests.worlds import results
from tests.worlds.played import NOW, WINDOW, policy, run, site

BEFORE = Window(WINDOW.start - timedelta(days=7), WINDOW.start)
BROKEN = Diagnosis(Cause.DATA_QUALITY, 0.9, ("age",), sentence="age is in another unit")


def quarantined(work: Path, **approval: Any) -> Run:
    here = run(site(work, rules=policy(approval=approval)))
    here.record(results.diagnosed(Remedy.QUARANTINE, found=BROKEN))
    quarantine(here)
    return here


def said(here: Run, by: str, **more: Any) -> GivenRelease:
    at = here.site
    return release(at.store, at.clock, at.policy, here.incident.id, by=by, why="the unit is new for good", **more)


def aside(at: Site) -> tuple[Window, ...]:
    return at.history.quarantined(at.model)


def test_released_rows_are_set_aside_no_more_and_the_trail_says_by_whom(tmp_path: Path) -> None:
    here = quarantined(tmp_path)
    assert aside(here.site) == (WINDOW,)
    assert said(here, "alice").ruling.decision == "approved"
    assert aside(here.site) == ()
    (kept,) = here.site.history.quarantines(here.site.model)
    assert kept.release is not None
    assert (kept.release.by, kept.release.reason, kept.release.cause) == (("alice",), "the unit is new for good", Cause.DATA_QUALITY)
    events = [f"{record.event} {record.phase}" for record in here.site.trail.records() if record.actor == "alice"]
    assert events == [f"{event} {phase}" for event in ("answer.given", "quarantine.released") for phase in ("intent", "outcome")]


def test_the_heal_that_set_them_aside_does_not_do_it_again_when_it_goes_on(tmp_path: Path) -> None:
    here = quarantined(tmp_path)
    said(here, "alice")
    assert quarantine(Run(here.site, here.incident)) == {"outcome": "quarantined"}
    assert aside(here.site) == ()


def test_a_question_is_about_every_span_that_it_names(tmp_path: Path) -> None:
    at = site(tmp_path)
    for number, window in enumerate((BEFORE, WINDOW)):
        at.history.quarantine(at.model, window, columns=("age",), reason="broken", incident=f"churn-00000000-{number + 7}")
    at.history.quarantine(at.model, Window(NOW - timedelta(days=70), NOW - timedelta(days=69)), reason="another fault")
    asked = run(at)
    asked.record(results.diagnosed(lasting=LastingQuarantine(Cause.DATA_QUALITY, BEFORE.end, (BEFORE, WINDOW))))
    assert said(asked, "alice").spans == (BEFORE, WINDOW)
    assert [span.reason for span in at.history.quarantined_spans(at.model)] == ["another fault"]


def test_two_persons_are_needed_where_the_policy_says_so(tmp_path: Path) -> None:
    here = quarantined(tmp_path, twoPerson=True, approvers=["alice", "bob"])
    assert said(here, "alice").ruling.decision == "waiting"
    assert said(here, "alice").ruling.decision == "waiting"
    assert aside(here.site) == (WINDOW,)
    assert said(here, "bob").ruling.by == ("alice", "bob")
    assert aside(here.site) == ()


def test_an_answer_of_long_ago_counts_no_more(tmp_path: Path) -> None:
    here = quarantined(tmp_path, twoPerson=True, approvers=["alice", "bob"], timeout="1d")
    said(here, "alice")
    assert isinstance(here.site.clock, PlayedClock)
    here.site.clock.sleep(timedelta(days=2))
    assert said(here, "bob").ruling.decision == "waiting"


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    here = quarantined(tmp_path)
    before = set(here.site.store.list(""))
    assert said(here, "alice", dry_run=True).ruling.decision == "approved"
    assert set(here.site.store.list("")) == before


def test_whom_the_policy_does_not_list_may_not_release(tmp_path: Path) -> None:
    here = quarantined(tmp_path, approvers=["bob"])
    with pytest.raises(Refused, match="alice may not release rows of churn; its policy lists bob"):
        said(here, "alice")


def test_an_incident_without_rows_set_aside_is_named(tmp_path: Path) -> None:
    here = quarantined(tmp_path)
    said(here, "alice")
    with pytest.raises(BadInput, match="has no rows set aside that are not released"):
        said(here, "alice")


def test_the_policy_of_another_model_is_refused(tmp_path: Path) -> None:
    here = quarantined(tmp_path)
    other = policy(metadata={"name": "loans", "owner": "x"})
    with pytest.raises(BadInput, match=r"is of model churn; expected one of loans"):
        release(here.site.store, here.site.clock, other, here.incident.id, by="alice", why="x")

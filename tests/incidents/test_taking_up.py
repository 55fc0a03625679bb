"""A suggestion can be taken up by a person, and then the loop may do it; an observation cannot."""

from dataclasses import replace
from pathlib import Path

import pytest

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.words import Autonomy, Cause, Outcome, Remedy
from modelmedic.steps.core.decision.rules import ask_about_rows, decide
from modelmedic.steps.heal.close import close
from modelmedic.steps.incidents.opening import open_by_hand
from modelmedic.steps.incidents.taking_up import take_up
from modelmedic.steps.runtime.run import Run, Site
from tests.worlds import results
from tests.worlds.played import policy, run, site

DRIFT = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, harm="shown")
ESTIMATED = Diagnosis(Cause.COVARIATE_SHIFT, 0.9, harm="estimated")


def ended(folder: Path, autonomy: str = "suggest") -> Run:
    """An incident whose remedy autonomy did not allow."""
    here = run(site(folder, rules=policy(autonomy={"retrain": autonomy})))
    here.record(replace(results.diagnosed(found=DRIFT), decision=decide(DRIFT, here.site.policy)))
    close(here)
    return here


def told(at: Site) -> list[str]:
    return [notification.summary + notification.description for notification in at.notifier.notifications]  # type: ignore[attr-defined]


def test_a_suggestion_names_the_command_that_takes_it_up(tmp_path: Path) -> None:
    here = ended(tmp_path)
    assert [f"`modelmedic heal {here.incident.id} --take-up --by NAME`" in said for said in told(here.site)] == [True]


def test_an_observation_is_recorded_and_told_to_nobody(tmp_path: Path) -> None:
    here = ended(tmp_path, "observe")
    closing = here.site.ledger.closing(here.incident)
    assert closing is not None
    assert (closing.outcome, told(here.site)) == (Outcome.OBSERVED, [])
    assert [record.facts["outcome"] for record in here.site.trail.records() if record.event == "incident.closed"] == ["observed"]


def test_it_is_taken_up_in_an_incident_of_the_persons_own_that_the_trail_records(tmp_path: Path) -> None:
    here = ended(tmp_path)
    taken = take_up(here.site, here.incident, "ann").incident
    assert (taken.epoch, taken.window, taken.started_by, taken.taken_up) == (2, here.incident.window, "ann", Remedy.RETRAIN)
    (opened,) = [record for record in here.site.trail.records(taken.id) if record.event == "incident.opened"]
    assert (opened.facts["person"], opened.facts["took_up"]) == ("ann", here.incident.id)


def test_a_dry_run_opens_nothing(tmp_path: Path) -> None:
    here = ended(tmp_path)
    assert take_up(here.site, here.incident, "ann", keep=False).incident.taken_up is Remedy.RETRAIN
    assert here.site.ledger.current("churn") is None


def test_what_was_observed_is_refused(tmp_path: Path) -> None:
    here = ended(tmp_path, "observe")
    with pytest.raises(Refused, match=r"only observed \(autonomy.retrain is observe\); expected a suggestion"):
        take_up(here.site, here.incident, "ann")


@pytest.mark.parametrize("outcome", [Outcome.HEALED, Outcome.NO_ACTION, Outcome.ESCALATED])
def test_what_ended_otherwise_is_refused(tmp_path: Path, outcome: Outcome) -> None:
    here = run(site(tmp_path))
    here.site.ledger.close(here.incident, Closing(outcome, here.site.clock.now(), "so"))
    with pytest.raises(Refused, match=f"ended as {outcome.value}; expected one that ended as suggested"):
        take_up(here.site, here.incident, "ann")


def test_an_open_incident_and_one_that_another_came_after_are_refused(tmp_path: Path) -> None:
    here = ended(tmp_path)
    later = open_by_hand(here.site).incident
    with pytest.raises(Refused, match=f"incident {later.id} came after"):
        take_up(here.site, here.incident, "ann")
    with pytest.raises(Refused, match="is open"):
        take_up(here.site, later, "ann")


@pytest.mark.parametrize(
    ("found", "approval", "autonomy"),
    [
        (DRIFT, {}, Autonomy.ACT),
        (DRIFT, {"approvers": ["ann", "ben"]}, Autonomy.APPROVE),
        (DRIFT, {"twoPerson": True}, Autonomy.APPROVE),
        (ESTIMATED, {}, Autonomy.APPROVE),
    ],
    ids=["one person's word", "named approvers", "two people", "a rule that allows no more"],
)
def test_the_loop_may_do_what_was_taken_up_as_far_as_people_and_rule_allow(
    found: Diagnosis, approval: dict[str, object], autonomy: Autonomy
) -> None:
    rules = policy(autonomy={"retrain": "suggest"}, approval=approval)
    assert decide(found, rules).acted is Remedy.NONE
    made = decide(found, rules, taken_up=Remedy.RETRAIN)
    assert (made.acted, made.autonomy, made.needs_approval) == (Remedy.RETRAIN, autonomy, autonomy is Autonomy.APPROVE)


def test_nothing_else_that_is_only_suggested_is_done_with_it() -> None:
    rules = policy(autonomy={"retrain": "suggest", "rollback": "suggest"})
    assert decide(DRIFT, rules, taken_up=Remedy.ROLLBACK).acted is Remedy.NONE
    assert decide(DRIFT, policy(autonomy={"retrain": "observe"}), taken_up=Remedy.RETRAIN).acted is Remedy.NONE


def test_a_question_about_rows_that_was_taken_up_is_asked() -> None:
    made = ask_about_rows(policy(autonomy={"retrain": "suggest"}), "x", Remedy.RETRAIN)
    assert (made.acted, made.needs_approval) == (Remedy.RETRAIN, True)

"""The outcome of an incident is read off the results of its stages, the last word counting."""

from typing import Any

import pytest

from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.core.incidents.outcome import ending


def diagnosed(remedy: str, acted: str | None = None, autonomy: str = "act", cause: str = "concept_drift") -> dict[str, Any]:
    return {
        "diagnosis": {"sentence": "AUC fell", "cause": cause},
        "decision": {"remedy": remedy, "sentence": "rule x", "autonomy": autonomy},
        "outputs": {"remedy": acted or remedy, "approval": "not-needed"},
    }


TRAINED = {"trained": True, "sentence": "", "outputs": {"trained": "yes"}}
UNTRAINED = {**TRAINED, "trained": False, "plan": {"enough": True}, "tried": []}
PASSED = {"validation": {"gates": []}, "outputs": {"passed": "yes"}}
NO = {"decision": "rejected", "sentence": "no"}
FAILED = {"validation": {"gates": [{"passed": False, "sentence": "AUC fell"}]}, "outputs": {"passed": "no"}}


def said(outcome: str) -> dict[str, Any]:
    return {"outcome": outcome, "sentence": "so"}


def test_an_escalation_says_what_was_found_and_not_the_rule_alone() -> None:
    assert ending({"diagnose": diagnosed("escalate")}).sentence == "a person has to look, because AUC fell (rule x)"


@pytest.mark.parametrize(
    ("stages", "outcome"),
    [
        ({"diagnose": diagnosed("none")}, Outcome.NO_ACTION),
        ({"diagnose": diagnosed("escalate")}, Outcome.ESCALATED),
        ({"diagnose": diagnosed("retrain", acted="none", autonomy="suggest")}, Outcome.SUGGESTED),
        ({"diagnose": diagnosed("retrain", acted="none", autonomy="observe")}, Outcome.OBSERVED),
        ({"diagnose": diagnosed("quarantine"), "quarantine": said("quarantined")}, Outcome.QUARANTINED),
        ({"diagnose": diagnosed("rollback"), "rollback": said("rolled_back")}, Outcome.ROLLED_BACK),
        ({"diagnose": diagnosed("rollback"), "rollback": said("escalated")}, Outcome.ESCALATED),
        ({"diagnose": diagnosed("retrain"), "retrain": UNTRAINED}, Outcome.ESCALATED),
        ({"diagnose": diagnosed("retrain"), "retrain": {**UNTRAINED, "plan": {"enough": False}}}, Outcome.NO_ACTION),
        (
            {"diagnose": {**diagnosed("retrain"), "lasting": {"since": "2026"}}, "retrain": {**UNTRAINED, "plan": {"enough": False}}},
            Outcome.ESCALATED,
        ),
        ({"diagnose": diagnosed("retrain", cause="ageing"), "retrain": UNTRAINED}, Outcome.NO_ACTION),
        ({"diagnose": diagnosed("retrain"), "retrain": TRAINED, "validate": FAILED}, Outcome.REJECTED),
        (
            {
                "diagnose": diagnosed("retrain"),
                "retrain": TRAINED,
                "validate": PASSED,
                "approve": {"decision": "rejected", "sentence": "no"},
            },
            Outcome.REJECTED,
        ),
        ({"diagnose": diagnosed("retrain"), "retrain": TRAINED, "validate": PASSED, "deploy": said("healed")}, Outcome.HEALED),
        ({"diagnose": diagnosed("retrain"), "retrain": TRAINED, "validate": PASSED, "deploy": said("withdrawn")}, Outcome.WITHDRAWN),
    ],
)
def test_the_last_stage_that_has_a_say_decides(stages: dict[str, Any], outcome: Outcome) -> None:
    found = ending(stages)
    assert (found.outcome, found.by_error) == (outcome, False)


@pytest.mark.parametrize("cause", ["ageing", "concept_drift"])
def test_a_training_that_failed_is_an_error(cause: str) -> None:
    found = ending({"diagnose": diagnosed("retrain", cause=cause), "retrain": {**UNTRAINED, "tried": [{}], "sentence": "it crashed"}})
    assert (found.outcome, found.by_error, found.sentence) == (Outcome.ESCALATED, True, "it crashed")


def test_what_broke_the_heal_is_the_last_word() -> None:
    found = ending({"diagnose": diagnosed("none")}, "validate: out of memory")
    assert (found.outcome, found.by_error) == (Outcome.ESCALATED, True)
    assert "out of memory" in found.sentence


@pytest.mark.parametrize("stages", [{}, {"diagnose": diagnosed("retrain")}], ids=["no diagnosis", "remedy never begun"])
def test_a_heal_that_stopped_without_a_word_is_an_error(stages: dict[str, Any]) -> None:
    assert ending(stages).by_error


def test_a_remedy_that_broke_off_says_how_far_it_came() -> None:
    stages = {"diagnose": diagnosed("retrain"), "retrain": {"trained": True}, "validate": {"outputs": {"passed": "yes"}}}
    found = ending(stages)
    assert (found.outcome, found.by_error) == (Outcome.ESCALATED, True)
    assert found.sentence == "the remedy retrain broke off after validate"

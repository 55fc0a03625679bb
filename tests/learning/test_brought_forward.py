"""What protects stands; what the world did brings the question of the price forward."""

from datetime import UTC, datetime, timedelta

import pytest

from modelmedic.steps.contracts.ageing import AgeingLook
from modelmedic.steps.contracts.decision import Objection, PastHeal
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.policy import Limits
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.core.decision.limits import objections
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.learning.brought_forward import too_dear, weighed

NOW = datetime(2024, 3, 1, tzinfo=UTC)


def look(*, due: bool, weeks: int = 10, at: datetime = NOW) -> AgeingLook:
    return AgeingLook(at, "churn", "1", due, "in 41 days its age has cost 104 %-days and a training costs 100", weeks=weeks)


def found(cause: Cause) -> Diagnosis:
    return Diagnosis(cause, 0.9, columns=("age",), sentence=f"it is {cause}")


@pytest.mark.parametrize("cause", [Cause.DATA_QUALITY, Cause.LABEL_QUALITY, Cause.BAD_RELEASE])
def test_what_is_broken_stands_though_a_training_is_due(cause: Cause) -> None:
    assert weighed(found(cause), Remedy.QUARANTINE, look(due=True), aged=True) == found(cause)


@pytest.mark.parametrize("cause", [Cause.NONE, Cause.SEASONAL, Cause.CONCEPT_DRIFT, Cause.COVARIATE_SHIFT, Cause.INSUFFICIENT_EVIDENCE])
def test_an_incident_of_age_is_taught_again_whatever_the_world_does(cause: Cause) -> None:
    aged = weighed(found(cause), Remedy.ESCALATE, look(due=True), aged=True)
    assert (aged.cause, decide(aged).remedy) == (Cause.AGEING, Remedy.RETRAIN)
    assert "104 %-days" in aged.sentence
    assert aged.runners_up[0].cause is cause


def test_a_drift_alarm_brings_a_due_training_forward() -> None:
    drift = found(Cause.COVARIATE_SHIFT)
    assert weighed(drift, Remedy.NONE, look(due=True), aged=False).cause is Cause.AGEING
    assert weighed(drift, Remedy.RETRAIN, look(due=True), aged=False) == drift, "its own rule trains already"
    assert weighed(drift, Remedy.NONE, look(due=False), aged=False) == drift
    assert weighed(found(Cause.SEASONAL), Remedy.NONE, look(due=True), aged=False).cause is Cause.SEASONAL


def test_a_training_that_does_not_pay_yet_is_held_back_and_calls_nobody() -> None:
    drift = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, harm="shown")
    dear = too_dear(drift, look(due=False), NOW)
    held = objections(Limits(), (), NOW, remedy=Remedy.RETRAIN, open_heals=0, frozen=None, settle=timedelta(0), price=dear)
    assert [each.limit for each in held] == ["price"]
    decision = decide(drift, None, held)
    assert (decision.wanted, decision.remedy) == (Remedy.RETRAIN, Remedy.NONE)
    assert "does not pay yet" in decision.sentence


def test_want_of_evidence_calls_nobody_while_a_training_would_not_pay() -> None:
    unsure = found(Cause.INSUFFICIENT_EVIDENCE)
    dear = too_dear(unsure, look(due=False), NOW)
    asked = {"open_heals": 0, "frozen": None, "settle": timedelta(0)}
    held = objections(Limits(), (), NOW, remedy=Remedy.ESCALATE, price=dear, **asked)  # type: ignore[arg-type]
    assert decide(unsure, None, held).remedy is Remedy.NONE
    assert objections(Limits(), (), NOW, remedy=Remedy.ESCALATE, price="", **asked) == ()  # type: ignore[arg-type]
    assert decide(unsure).remedy is Remedy.ESCALATE


def test_another_objection_beside_the_price_still_reaches_people() -> None:
    held = (Objection("budget", "the budget is spent"), Objection("price", "it does not pay yet"))
    assert decide(Diagnosis(Cause.CONCEPT_DRIFT, 0.9, harm="shown"), None, held).remedy is Remedy.ESCALATE


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (None, Cause.CONCEPT_DRIFT),
        (look(due=True), Cause.CONCEPT_DRIFT),
        (look(due=False, weeks=2), Cause.CONCEPT_DRIFT),
        (look(due=False, at=NOW - timedelta(days=20)), Cause.CONCEPT_DRIFT),
        (look(due=False), Cause.DATA_QUALITY),
    ],
)
def test_no_price_speaks_against_a_training_that_is_due_or_not_measured(seen: AgeingLook | None, cause: Cause) -> None:
    assert too_dear(found(cause), seen, NOW) == ""


def test_a_due_training_waits_neither_to_settle_nor_for_patience() -> None:
    past = (PastHeal("churn-1", Outcome.HEALED, NOW - timedelta(days=3)), PastHeal("churn-2", Outcome.REJECTED, NOW - timedelta(days=2)))
    asked = {"remedy": Remedy.RETRAIN, "open_heals": 0, "frozen": None, "settle": timedelta(days=14)}
    assert [each.limit for each in objections(Limits(), past, NOW, **asked)] == ["budget", "settle", "patience"]  # type: ignore[arg-type]
    roomy = Limits(healsPerWeek=3)
    assert objections(roomy, past, NOW, due=True, **asked) == ()  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", ["settle", "cooldown", "patience", "price", "cap"])
def test_what_passes_by_itself_calls_nobody(limit: str) -> None:
    assert decide(Diagnosis(Cause.CONCEPT_DRIFT, 0.9, harm="shown"), None, (Objection(limit, "wait"),)).remedy is Remedy.NONE


@pytest.mark.parametrize("limit", ["budget", "breaker", "freeze"])
def test_what_a_person_set_or_has_to_lift_calls_one(limit: str) -> None:
    assert decide(Diagnosis(Cause.CONCEPT_DRIFT, 0.9, harm="shown"), None, (Objection(limit, "wait"),)).remedy is Remedy.ESCALATE

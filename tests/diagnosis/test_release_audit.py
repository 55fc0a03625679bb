"""A comparison that accuses the release decides the cause; broken data outweighs one that took days
of losses to see.
"""

import pytest

from modelmedic.steps.contracts.comparison import Accusation
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.words import Autonomy, Cause, Remedy
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.diagnosis.release_audit import unsettled, with_accusation, with_win

BACKWARDS = Accusation("1", "shown", "version 2 loses 300% more per row than version 1", 3.0)


@pytest.mark.parametrize("cause", [Cause.CONCEPT_DRIFT, Cause.NONE, Cause.DATA_QUALITY])
def test_a_version_that_answers_backwards_is_a_bad_release_whatever_the_window_shows(cause: Cause) -> None:
    found = with_accusation(Diagnosis(cause, 0.9, ("age",), sentence="seen"), "2", BACKWARDS)
    assert (found.cause, found.version, found.instead, found.harm) == (Cause.BAD_RELEASE, "2", "1", "shown")
    assert found.runners_up[0].cause is cause
    assert (cause in found.also) == (cause is not Cause.NONE)
    assert decide(found).remedy is Remedy.ROLLBACK


def test_broken_data_outweighs_days_of_losses() -> None:
    slow = Accusation("1", "shown", "version 2 loses 9% more per row than version 1", 0.09, slow=True)
    broken = Diagnosis(Cause.DATA_QUALITY, 0.9)
    assert with_accusation(broken, "2", slow) is broken
    assert with_accusation(Diagnosis(Cause.CONCEPT_DRIFT, 0.9), "2", slow).cause is Cause.BAD_RELEASE


def test_a_person_is_asked_about_answers_that_are_only_strange() -> None:
    found = with_accusation(Diagnosis(Cause.NONE, 0.9), "2", Accusation("1", "estimated", "version 2 answers far from version 1"))
    decision = decide(found)
    assert (decision.remedy, decision.autonomy, decision.rule) == (Remedy.ROLLBACK, Autonomy.APPROVE, "suspect-release")
    assert found.confidence < 0.9


def test_nothing_is_learnt_from_a_window_in_which_a_release_began_that_nothing_acquits() -> None:
    drift = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, ("age",), harm="shown", sentence="labels behave differently")
    found = unsettled(drift, "2")
    assert (found.cause, decide(found).remedy) == (Cause.INSUFFICIENT_EVIDENCE, Remedy.ESCALATE)
    assert found.runners_up[0].cause is Cause.CONCEPT_DRIFT
    harmless = Diagnosis(Cause.COVARIATE_SHIFT, 0.9, ("age",), harm="none", sentence="age moved")
    assert unsettled(harmless, "2") is harmless


def test_a_challenger_that_won_in_the_dark_is_taken_for_age_unless_something_is_broken() -> None:
    found = with_win(Diagnosis(Cause.CONCEPT_DRIFT, 0.9), "version 7, kept in the dark, loses 4% less")
    assert (found.cause, decide(found).remedy) == (Cause.AGEING, Remedy.RETRAIN)
    assert found.sentence.startswith("version 7")
    broken = Diagnosis(Cause.DATA_QUALITY, 0.9)
    assert with_win(broken, "so") is broken

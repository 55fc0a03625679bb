"""Before what learnt from rows that stay set aside serves, a person is asked, whatever the policy
allows the loop to do by itself.
"""

import pytest

from modelmedic.steps.contracts.words import Remedy
from modelmedic.steps.core.decision.rules import ask_about_rows
from tests.worlds.played import policy


@pytest.mark.parametrize(("allowed", "decided", "acted"), [("act", "approve", "retrain"), ("approve", "approve", "retrain")])
def test_a_person_is_asked_where_the_policy_would_not(allowed: str, decided: str, acted: str) -> None:
    made = ask_about_rows(policy(autonomy={"retrain": allowed}), "rows have been set aside for long")
    assert (made.autonomy, made.acted, made.needs_approval) == (decided, acted, True)
    assert "rows have been set aside for long" in made.sentence


@pytest.mark.parametrize("allowed", ["observe", "suggest"])
def test_less_than_that_trains_nothing(allowed: str) -> None:
    made = ask_about_rows(policy(autonomy={"retrain": allowed}), "x")
    assert (made.autonomy, made.acted, made.needs_approval) == (allowed, Remedy.NONE, False)

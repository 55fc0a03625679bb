"""At the cap the heal of more harm has its turn first, then the one that has waited for longer; and
after its longest wait a person is told how long it was.
"""

from datetime import UTC, datetime, timedelta

import pytest

from modelmedic.steps.contracts.decision import Decision, Objection
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.words import Autonomy, Cause, Remedy
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.decision.turns import Waiting, ahead, at_cap, held_at_cap, severity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DRIFT = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, harm="shown")


def waits(model: str, *, severity: int = 1, hours: int = 1, left: int = 5) -> Waiting:
    return Waiting(model, severity, NOW - hours * HOUR, NOW + left * HOUR)


def test_more_harm_has_its_turn_first_and_then_the_longer_wait() -> None:
    mine = waits("mine", severity=2, hours=3)
    assert ahead([waits("a", severity=3), waits("b", severity=2, hours=4), waits("c", severity=1, hours=9)], mine, NOW) == 2


def test_a_wait_that_is_over_and_the_own_one_are_not_ahead() -> None:
    assert ahead([waits("a", severity=3, left=0), waits("mine", severity=3)], waits("mine"), NOW) == 0


def test_the_queue_has_one_order_whatever_is_the_same() -> None:
    every = [waits(name) for name in "cab"]
    assert sorted(ahead(every, each, NOW) for each in every) == [0, 1, 2]


@pytest.mark.parametrize(("harm", "cause", "rank"), [("shown", Cause.LABEL_SHIFT, 3), ("estimated", Cause.COVARIATE_SHIFT, 2)])
def test_known_harm_outranks_estimated_harm_and_age(harm: str, cause: Cause, rank: int) -> None:
    assert severity(Diagnosis(cause, 0.9, harm=harm)) == rank
    assert severity(Diagnosis(Cause.AGEING, 0.9, harm=harm)) == 0


def test_there_is_room_below_the_cap_for_those_whose_turn_it_is() -> None:
    assert at_cap(2, 0, 3, NOW, HOUR, NOW) is None
    assert at_cap(1, 2, 3, NOW, HOUR, NOW) is not None


def test_at_the_cap_a_heal_waits_and_does_nothing_until_it_is_told_how_long() -> None:
    full = at_cap(3, 0, 3, NOW - 2 * HOUR, 12 * HOUR, NOW)
    assert full is not None
    assert (full.limit, full.since, full.until) == ("cap", NOW - 2 * HOUR, NOW + 10 * HOUR)
    decided = decide(DRIFT, None, (full,))
    assert (decided.remedy, held_at_cap(decided)) == (Remedy.NONE, full)


def test_after_the_longest_wait_a_person_is_told_how_long_it_was() -> None:
    over = at_cap(3, 0, 3, NOW - 12 * HOUR - timedelta(minutes=7), 12 * HOUR, NOW)
    assert over is not None
    decided = decide(DRIFT, None, (over,))
    assert (decided.remedy, held_at_cap(decided)) == (Remedy.ESCALATE, None)
    assert "it has waited 12 h 7 min for its turn, and 3 other heals are under way over all models; 3 are allowed" in decided.sentence


@pytest.mark.parametrize("others", [(), ("cap", "cooldown"), ("cooldown",)])
def test_what_another_limit_holds_back_waits_for_no_turn(others: tuple[str, ...]) -> None:
    held = tuple(Objection(limit, "wait", NOW, NOW) for limit in others)
    assert held_at_cap(Decision(Remedy.NONE, Remedy.RETRAIN, "r", Autonomy.ACT, objections=held)) is None

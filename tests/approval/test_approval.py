"""An approval counts when it is in time, about this model, and from somebody who may give it;
anything else is a rejection or no answer.
"""

from datetime import UTC, datetime, timedelta

import pytest

from modelmedic.steps.contracts.incident import Answer
from modelmedic.steps.contracts.policy import Approval
from modelmedic.steps.core.decision.approval import rule_on_answers

ASKED = datetime(2026, 3, 1, 9, tzinfo=UTC)
SOON = ASKED + timedelta(hours=1)
DIGEST = "d1"


def answer(by: str = "ana", *, approved: bool = True, digest: str = DIGEST, at: datetime = SOON, verified: bool = False) -> Answer:
    return Answer(approved, by, at, digest, verified=verified)


def decided(*answers: Answer, approval: Approval | None = None, now: datetime = SOON) -> str:
    return rule_on_answers(answers, approval or Approval(), DIGEST, ASKED, now).decision


def test_one_approval_suffices() -> None:
    assert decided(answer()) == "approved"


def test_no_answer_waits_and_then_rejects() -> None:
    assert decided() == "waiting"
    assert decided(now=ASKED + timedelta(hours=24)) == "rejected"


def test_a_rejection_outweighs_every_approval() -> None:
    assert decided(answer("ana"), answer("ben", approved=False)) == "rejected"


@pytest.mark.parametrize(
    "useless",
    [answer(digest="another"), answer("eve"), answer(at=ASKED + timedelta(hours=25))],
    ids=["about another model", "from somebody who may not", "too late"],
)
def test_an_answer_that_does_not_count_changes_nothing(useless: Answer) -> None:
    assert decided(useless, approval=Approval(approvers=("ana", "ben"))) == "waiting"


def test_two_people_means_two_different_people() -> None:
    both = Approval(twoPerson=True)
    assert decided(answer("ana"), answer("ana"), approval=both) == "waiting"
    assert decided(answer("ana"), answer("ben"), approval=both) == "approved"


def test_an_approval_in_time_stands_after_the_timeout() -> None:
    assert decided(answer(), now=ASKED + timedelta(days=3)) == "approved"


def test_who_did_not_prove_who_they_are_is_called_unverified() -> None:
    unverified = rule_on_answers((answer("ana"),), Approval(), DIGEST, ASKED, SOON)
    assert (unverified.verified, "ana (unverified)" in unverified.sentence) == (False, True)
    assert rule_on_answers((answer("ana", verified=True),), Approval(), DIGEST, ASKED, SOON).verified

"""Past incidents decided again: what the records tell ends for certain, what was never measured is
not known.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from modelmedic.steps.contracts.incident import Answer
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.results import CanaryStep, ChallengerRequest, DeployResult
from modelmedic.steps.contracts.training import Gate
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.core.review.past import PastIncident
from modelmedic.steps.core.review.replay import replay, unanswered
from tests.worlds.past import ACTS, GATES, healed, judged, past, quarantined
from tests.worlds.played import policy

ESCALATES = {"id": "drift-asks", "cause": "concept_drift", "remedy": "escalate"}


def ended(one: PastIncident, **sections: object) -> Outcome | None:
    """How the incident ends under a policy with these sections."""
    (row,) = replay([one], policy(**{"autonomy": ACTS, **sections}))
    return row.after


def test_under_its_own_policy_every_incident_ends_as_it_did() -> None:
    broke = past(4, day=90, outcome=Outcome.ESCALATED)
    broke = replace(broke, closing=replace(broke.closing, by_error=True))
    refused = judged(past(3, day=60, outcome=Outcome.REJECTED), Gate("worth_it", False, "no gain", -0.01, 0.0, -0.02, 0.01))
    rows = replay([healed(), quarantined(2, day=30), refused, broke], policy(autonomy=ACTS))
    assert [row.otherwise or row.unknown for row in rows] == [False] * 4


@pytest.mark.parametrize(
    ("sections", "outcome"),
    [
        ({"autonomy": {"retrain": "suggest"}}, Outcome.SUGGESTED),
        ({"autonomy": {"retrain": "observe"}}, Outcome.OBSERVED),
        ({"autonomy": {"retrain": "approve"}}, None),
        ({"rules": [ESCALATES]}, Outcome.ESCALATED),
        ({"rules": [{**ESCALATES, "minConfidence": 0.95}]}, Outcome.HEALED),
        ({"rules": [{**ESCALATES, "remedy": "rollback"}]}, None),
        ({"rules": [{**ESCALATES, "remedy": "quarantine"}]}, Outcome.QUARANTINED),
        ({"limits": {"healsPerWeek": 0}}, Outcome.ESCALATED),
        ({"validate": {"minGain": 0.05}}, Outcome.REJECTED),
        ({"validate": {"minGain": 0.01}}, Outcome.HEALED),
        ({"validate": {"latencyP95Ms": 30}}, Outcome.REJECTED),
        ({"validate": {"confidence": 0.9}}, None),
        ({"retrain": {"risk": "cautious"}}, Outcome.HEALED),
        ({"retrain": {"minRows": 2000}}, None),
        ({"rollout": {"maxErrorShare": 0.001}}, Outcome.WITHDRAWN),
        ({"rollout": {"maxErrorShare": 0.005}}, Outcome.HEALED),
        ({"rollout": {"steps": [10, 50]}}, None),
    ],
    ids=str,
)
def test_a_heal_ends_by_what_the_policy_makes_of_its_records(sections: dict[str, object], outcome: Outcome | None) -> None:
    assert ended(healed(), **sections) is outcome


@pytest.mark.parametrize(
    ("sections", "outcome"),
    [({"validate": {"minGain": 0.0}}, None), ({"autonomy": {"retrain": "suggest"}}, Outcome.SUGGESTED)],
    ids=["the gate passes now", "nothing is tried"],
)
def test_a_challenger_that_no_caller_asked_has_no_known_end(sections: dict[str, object], outcome: Outcome | None) -> None:
    strict = policy(autonomy=ACTS, validate={"minGain": 0.05})
    failed = replace(GATES[1], passed=False, threshold=0.05)
    refused = judged(past(outcome=Outcome.REJECTED, rules=strict), GATES[0], failed)
    assert ended(refused, validate={"minGain": 0.05}) is Outcome.REJECTED
    assert ended(refused, **{"retrain": {"risk": "eager"}, **sections}) is outcome


def asked(one: PastIncident, *, approved: bool, after: timedelta) -> PastIncident:
    """The incident with a question to people that ann answered."""
    at = one.at + timedelta(minutes=10)
    answer = Answer(approved, "ann", at + after, "d" * 64)
    return replace(one, asked=ChallengerRequest(at, "d" * 64), answers=(answer,))


@pytest.mark.parametrize(
    ("approval", "outcome"),
    [
        ({}, Outcome.HEALED),
        ({"approvers": ["ben", "eva"]}, None),
        ({"twoPerson": True}, None),
        ({"timeout": timedelta(minutes=5)}, Outcome.REJECTED),
    ],
    ids=["as it was", "somebody else answers", "two people", "too late"],
)
def test_answers_count_by_the_policy_that_they_are_held_against(approval: dict[str, object], outcome: Outcome | None) -> None:
    rules = policy()
    answered = asked(healed(rules=rules), approved=True, after=timedelta(minutes=20))
    (row,) = replay([answered], policy(approval=approval))
    assert row.after is outcome


def test_what_a_person_rejected_was_never_asked_by_callers() -> None:
    rules = policy()
    refused = replace(judged(past(outcome=Outcome.REJECTED, rules=rules)), deployed=None)
    rejected = asked(refused, approved=False, after=timedelta(minutes=20))
    assert [row.after for row in (*replay([rejected], rules), *replay([rejected], policy(autonomy=ACTS)))] == [Outcome.REJECTED, None]


def test_a_heal_that_would_not_have_been_leaves_room_for_the_next() -> None:
    first, second = healed(), past(2, day=3, outcome=Outcome.ESCALATED)
    limits = {"healsPerWeek": 1, "cooldown": timedelta(hours=1), "settle": timedelta(0)}
    spent = policy(autonomy=ACTS, limits=limits)
    assert [row.after for row in replay([first, second], spent)] == [Outcome.HEALED, Outcome.ESCALATED]
    without = policy(autonomy=ACTS, limits=limits, validate={"latencyP95Ms": 30}, retrain={"minRows": 2000})
    assert [row.after for row in replay([first, second], without)] == [None, None]


def test_what_depends_on_an_end_that_is_not_known_is_not_known() -> None:
    limits = {"healsPerWeek": 1, "cooldown": timedelta(hours=1), "settle": timedelta(0)}
    rules = policy(autonomy=ACTS, limits=limits, rollout={"steps": [10, 50]})
    near, far = replay([healed(), healed(2, day=3)], rules)[1], replay([healed(), quarantined(2, day=3)], rules)[1]
    assert (near.after, near.sentence) == (None, "it depends on how an earlier heal would have ended, which is not known")
    assert far.after is Outcome.QUARANTINED


def test_two_policies_can_be_held_against_each_other() -> None:
    (row,) = replay([healed()], policy(autonomy={"retrain": "observe"}), policy(autonomy={"retrain": "suggest"}))
    assert (row.before, row.after, row.otherwise) == (Outcome.SUGGESTED, Outcome.OBSERVED, True)


def test_a_canary_that_was_taken_back_and_would_be_given_more_has_no_known_end() -> None:
    withdrawn = replace(
        judged(past(outcome=Outcome.WITHDRAWN)), deployed=DeployResult("withdrawn", "1", "1", "so", (CanaryStep(20, 400, 8),))
    )
    assert ended(withdrawn) is Outcome.WITHDRAWN
    assert ended(withdrawn, rollout={"maxErrorShare": 0.1}) is None


@pytest.mark.parametrize(
    ("sections", "named"),
    [({"detect": {"window": timedelta(days=3)}}, ("detect",)), ({"limits": {"healsPerWeek": 1}}, ())],
    ids=["other windows", "other limits"],
)
def test_what_records_cannot_answer_is_named(sections: dict[str, object], named: tuple[str, ...]) -> None:
    was: Policy = policy()
    assert unanswered(policy(**sections), [was]) == named

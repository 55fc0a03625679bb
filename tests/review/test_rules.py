"""Rules are reviewed by what came of their decisions; what the past carries is proposed, and
nothing else.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.incident import BY_HAND, Answer, Assessment
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.results import ChallengerRequest, RetrainResult
from modelmedic.steps.contracts.training import TrainingPlan
from modelmedic.steps.contracts.words import Cause, Outcome
from modelmedic.steps.core.review.past import PastIncident
from modelmedic.steps.core.review.proposals import Proposal, propose
from modelmedic.steps.core.review.rules import Judged, RuleReview, judged, review
from tests.worlds.past import ACTS, DAY, DRIFT, START, healed, past, quarantined
from tests.worlds.played import policy

UNCLEAR = Diagnosis(Cause.INSUFFICIENT_EVIDENCE, 0.5, harm="shown", sentence="either or")
TODAY = START + 400 * DAY
OWN = {"id": "own-drift", "cause": "concept_drift", "remedy": "retrain", "owner": "risk"}


def assessed(one: PastIncident, effective: bool, told_apart: bool = True) -> PastIncident:
    return replace(one, assessment=Assessment(effective, "so", one.closing.at + DAY, told_apart))


def rejected(number: int, day: int, confidence: float = 0.9, rules: Policy | None = None) -> PastIncident:
    """A challenger that a person did not want."""
    one = past(number, day=day, found=replace(DRIFT, confidence=confidence), outcome=Outcome.REJECTED, rules=rules)
    return replace(one, asked=ChallengerRequest(one.at, "d" * 64), answers=(Answer(False, "ann", one.at, "d" * 64),))


def by_hand(number: int, day: int, **facts: str) -> PastIncident:
    """A heal that ann started."""
    one = healed(number, day=day)
    return replace(one, incident=replace(one.incident, alert=BY_HAND, facts={"person": "ann", **facts}))


def of(identity: str, incidents: list[PastIncident], rules: Policy | None = None) -> RuleReview:
    """The review of the rule of this id."""
    return next(rule for rule in review(incidents, rules or policy(autonomy=ACTS), TODAY).rules if rule.id == identity)


def proposed(incidents: list[PastIncident], rules: Policy | None = None) -> tuple[Proposal, ...]:
    rules = rules or policy(autonomy=ACTS)
    return propose(incidents, review(incidents, rules, TODAY), rules)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (assessed(healed(), True), Judged.HELPED),
        (assessed(healed(), False), Judged.HARMED),
        (assessed(healed(), True, told_apart=False), Judged.NO_DIFFERENCE),
        (replace(assessed(healed(), True), undone=True), Judged.OVERRIDDEN),
        (healed(), Judged.NOT_JUDGED),
        (quarantined(), Judged.RIGHT),
        (rejected(1, 0), Judged.OVERRIDDEN),
        (past(outcome=Outcome.REJECTED), Judged.NOT_JUDGED),
        (past(outcome=Outcome.NO_ACTION), Judged.RIGHT),
    ],
    ids=["helped", "harmed", "not told apart", "undone", "too early", "set aside", "a person's no", "a gate's no", "nothing"],
)
def test_a_decision_is_judged_by_what_came_of_it(one: PastIncident, expected: Judged) -> None:
    assert judged(one, [one]) is expected


def test_doing_nothing_was_not_right_where_harm_of_the_same_cause_followed() -> None:
    calm, harmed = past(1, found=replace(DRIFT, harm="none"), outcome=Outcome.NO_ACTION), healed(2, day=3)
    assert judged(calm, [calm, harmed]) is Judged.NOT_JUDGED
    assert judged(calm, [calm, healed(2, day=60)]) is Judged.RIGHT


def test_a_person_who_says_another_cause_overrides_the_decision() -> None:
    unclear = past(1, found=UNCLEAR, outcome=Outcome.ESCALATED)
    assert judged(unclear, [unclear, by_hand(2, 1, ruled_on=unclear.incident.id)]) is Judged.OVERRIDDEN


def test_a_rule_is_counted_with_its_trainings_its_calls_and_the_time_of_harm() -> None:
    trained = replace(healed(), retrained=RetrainResult(TrainingPlan((), START, True), trained=True))
    rule = of("proved-drift", [trained, rejected(2, 30)])
    assert (rule.fired, rule.trainings, rule.pages, rule.degraded) == (2, 1, 1, timedelta(hours=4))
    assert rule.judged == {Judged.OVERRIDDEN: 1, Judged.NOT_JUDGED: 1}


def test_harm_without_an_answer_and_harm_that_a_person_saw_first_were_missed() -> None:
    unclear = past(1, found=UNCLEAR, outcome=Outcome.ESCALATED)
    first, taken = by_hand(2, 30), by_hand(3, 60, took_up="x")
    missed = review([unclear, first, taken, quarantined(4, day=90)], policy(autonomy=ACTS), TODAY).missed
    assert [each.incident for each in missed] == [unclear.incident.id, first.incident.id]


def test_heals_that_made_things_worse_lower_the_rule_by_one_step() -> None:
    (proposal,) = proposed([assessed(healed(), False), assessed(healed(2, day=30), True)])
    assert (proposal.rule, proposal.incidents) == ("proved-drift", (healed().incident.id,))
    assert proposal.change is not None
    assert proposal.change.fields["maxAutonomy"] == "approve"
    assert (proposal.change.new, proposal.change.fields["cause"], proposal.change.fields["harm"]) == (True, "concept_drift", "shown")


def test_what_people_keep_taking_back_asks_for_the_confidence_that_sets_it_apart() -> None:
    unsure = [rejected(number, 20 * number, 0.6) for number in (1, 2, 3)]
    sure = [assessed(healed(4, day=100), True), assessed(healed(5, day=130), True)]
    (proposal,) = proposed(unsure + sure)
    assert proposal.change is not None
    assert proposal.change.fields["minConfidence"] == 0.9


def test_what_people_keep_taking_back_at_any_confidence_may_do_less() -> None:
    (proposal,) = proposed([rejected(number, 20 * number) for number in (1, 2, 3)])
    assert proposal.change is not None
    assert proposal.change.fields["maxAutonomy"] == "approve"


def test_two_rejections_are_no_habit() -> None:
    assert proposed([rejected(1, 0), rejected(2, 30)]) == ()


def test_what_people_keep_doing_by_hand_becomes_a_rule_that_suggests_it() -> None:
    pairs = [(past(n, day=20 * n, found=UNCLEAR, outcome=Outcome.ESCALATED), by_hand(n + 1, 20 * n + 1)) for n in (1, 3, 5)]
    (proposal,) = [each for each in proposed([one for pair in pairs for one in pair]) if each.change is not None and each.change.new]
    assert proposal.change is not None
    assert dict(proposal.change.fields) == {
        "id": "insufficient-evidence-retrain",
        "cause": "insufficient_evidence",
        "remedy": "retrain",
        "maxAutonomy": "suggest",
    }


def test_a_rule_that_never_fired_and_one_that_nobody_looked_at_are_named() -> None:
    rules = policy(autonomy=ACTS, rules=[{**OWN, "cause": "seasonal", "remedy": "none"}])
    sentences = [each.sentence for each in proposed([quarantined(number, day=9 * number) for number in range(1, 12)], rules)]
    assert sentences == [
        "own-drift never fired in 11 incidents: is it still wanted?",
        "own-drift of risk was never looked at; every 180 days are asked: look, and set its `reviewed`",
    ]


def test_a_good_past_proposes_nothing() -> None:
    assert proposed([assessed(healed(number, day=20 * number), True) for number in range(1, 6)] + [quarantined(6, day=200)]) == ()

"""Autonomy falls at once after harm, whoever was killed, and only a person gives it back."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.contracts.autonomy import AutonomyRestore
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.incident import Assessment
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Autonomy, Cause, Outcome, Remedy
from modelmedic.steps.core.decision.rules import ask_about_rows, decide
from modelmedic.steps.core.review.autonomy import Harm, falls, levels
from modelmedic.steps.core.review.past import PastIncident
from modelmedic.steps.core.review.replay import replay
from modelmedic.steps.review.autonomy import harms, note_falls, restore, standing_falls
from modelmedic.steps.runtime.run import Site
from tests.worlds.past import ACTS, BROKEN, DAY, DRIFT, START, healed, kept, past
from tests.worlds.played import policy, site

FALLEN = "autonomy.fell"


def harmed(number: int = 1, *, day: int = 0, rules: Policy | None = None) -> PastIncident:
    one = healed(number, day=day, rules=rules)
    return replace(one, assessment=Assessment(False, "worse", one.closing.at + 7 * DAY))


def harm(number: int, stated: Autonomy = Autonomy.ACT, remedy: Remedy = Remedy.RETRAIN) -> Harm:
    return Harm(remedy, f"churn-{number}", START + number * DAY, stated, "so", "key")


def after(*found: Harm, restores: Iterable[AutonomyRestore] = ()) -> dict[Remedy, Autonomy]:
    return dict(levels(falls(found, tuple(restores))))


def lifting(*incidents: str, remedy: Remedy = Remedy.RETRAIN) -> AutonomyRestore:
    return AutonomyRestore("churn", remedy, incidents, "ann", "mended", START + 300 * DAY)


@pytest.fixture
def at(tmp_path: Path) -> Site:
    return site(tmp_path, rules=policy(autonomy=ACTS))


def of(at: Site, *incidents: PastIncident) -> dict[Remedy, Autonomy]:
    """What is left after these incidents."""
    kept(at.store, incidents)
    return dict(levels(standing_falls(at.store, at.clock, at.model)))


def test_each_harm_lowers_by_one_step_and_none_below_a_suggestion() -> None:
    assert after(harm(1)) == {Remedy.RETRAIN: Autonomy.APPROVE}
    assert after(harm(1), harm(2)) == {Remedy.RETRAIN: Autonomy.SUGGEST}
    assert after(harm(1), harm(2), harm(3)) == {Remedy.RETRAIN: Autonomy.SUGGEST}


def test_a_fall_begins_at_the_level_of_the_policy_and_concerns_its_remedy_alone() -> None:
    assert after(harm(1, Autonomy.APPROVE)) == {Remedy.RETRAIN: Autonomy.SUGGEST}
    assert after(harm(1, Autonomy.SUGGEST), harm(2, Autonomy.OBSERVE)) == {}
    assert after(harm(1), harm(2, remedy=Remedy.ROLLBACK)) == {Remedy.RETRAIN: Autonomy.APPROVE, Remedy.ROLLBACK: Autonomy.APPROVE}


def test_a_restore_lifts_the_falls_that_it_names_and_no_later_one() -> None:
    assert after(harm(1), restores=[lifting("churn-1")]) == {}
    assert after(harm(1), harm(2), restores=[lifting("churn-1")]) == {Remedy.RETRAIN: Autonomy.APPROVE}
    assert after(harm(1), restores=[lifting("churn-1", remedy=Remedy.ROLLBACK)]) == {Remedy.RETRAIN: Autonomy.APPROVE}


def test_a_decision_is_held_to_the_level_to_which_its_remedy_fell() -> None:
    rules, fallen = policy(autonomy=ACTS), {Remedy.RETRAIN: Autonomy.APPROVE}
    held, free = decide(DRIFT, rules, fallen=fallen), decide(BROKEN, rules, fallen=fallen)
    assert (held.autonomy, held.needs_approval, held.fallen) == (Autonomy.APPROVE, True, fallen)
    assert "its autonomy has fallen to approve" in held.sentence
    assert (free.autonomy, "fallen" in free.sentence) == (Autonomy.ACT, False)


def test_a_fall_never_raises_what_the_policy_or_its_rule_allows() -> None:
    rules = policy(autonomy={"retrain": "suggest"})
    assert decide(DRIFT, rules, fallen={Remedy.RETRAIN: Autonomy.APPROVE}).autonomy is Autonomy.SUGGEST
    suspect = Diagnosis(Cause.BAD_RELEASE, 0.9, harm="estimated", sentence="suspect")
    assert decide(suspect, policy(), fallen={Remedy.ROLLBACK: Autonomy.APPROVE}).autonomy is Autonomy.APPROVE


def test_a_person_may_still_take_up_what_has_fallen_to_a_suggestion() -> None:
    fallen = {Remedy.RETRAIN: Autonomy.SUGGEST}
    assert decide(DRIFT, policy(autonomy=ACTS), fallen=fallen).acted is Remedy.NONE
    assert decide(DRIFT, policy(autonomy=ACTS), taken_up=Remedy.RETRAIN, fallen=fallen).acted is Remedy.RETRAIN
    assert ask_about_rows(policy(autonomy=ACTS), "so", fallen=fallen).acted is Remedy.NONE


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (harmed(), {Remedy.RETRAIN: Autonomy.APPROVE}),
        (replace(healed(), undone=True), {Remedy.RETRAIN: Autonomy.APPROVE}),
        (replace(harmed(), undone=True), {Remedy.RETRAIN: Autonomy.APPROVE}),
        (replace(healed(), assessment=Assessment(False, "alike", START + 9 * DAY, told_apart=False)), {}),
        (replace(healed(), assessment=Assessment(True, "better", START + 9 * DAY)), {}),
        (healed(), {}),
    ],
    ids=["harmed", "undone", "undone after harm", "not told apart", "helped", "too early"],
)
def test_what_was_judged_harmful_or_undone_lowers_once(at: Site, one: PastIncident, expected: dict[Remedy, Autonomy]) -> None:
    assert of(at, one) == expected


@pytest.mark.parametrize(("cause", "lowers"), [(Cause.BAD_RELEASE, True), (Cause.CONCEPT_DRIFT, False)])
def test_a_heal_whose_version_is_taken_back_as_a_bad_release_did_harm(at: Site, cause: Cause, lowers: bool) -> None:
    one = healed()
    one = replace(one, closing=replace(one.closing, champion_before="1", champion_after="2"))
    back = past(2, day=3, found=Diagnosis(cause, 0.9, harm="shown", sentence="so"), outcome=Outcome.ROLLED_BACK)
    back = replace(back, closing=replace(back.closing, champion_before="2", champion_after="1"))
    assert of(at, one, back) == ({Remedy.RETRAIN: Autonomy.APPROVE} if lowers else {})


def test_a_fall_holds_before_anybody_recorded_it_and_is_recorded_and_told_once(at: Site) -> None:
    assert of(at, harmed()) == {Remedy.RETRAIN: Autonomy.APPROVE}
    (sentence,) = note_falls(at)
    assert sentence.startswith("autonomy of retrain falls from act to approve: heal ")
    assert note_falls(at) == ()
    records = [record for record in at.trail.records() if record.event == FALLEN]
    assert [list(record.documents) for record in records] == [[harm.document for harm in harms(at.store, at.clock, at.model)]]
    assert at.notifier.events == [FALLEN]  # type: ignore[attr-defined]


def test_only_a_person_with_a_reason_gives_autonomy_back(at: Site) -> None:
    assert of(at, harmed(), harmed(2, day=30)) == {Remedy.RETRAIN: Autonomy.SUGGEST}
    with pytest.raises(BadInput, match="no reason"):
        restore(at.store, at.clock, at.model, Remedy.RETRAIN, by="ann", reason="")
    given = restore(at.store, at.clock, at.model, Remedy.RETRAIN, by="ann", reason="the labels are mended")
    assert standing_falls(at.store, at.clock, at.model) == ()
    assert [(record.actor, record.phase.value) for record in at.trail.records()] == [("ann", "intent"), ("ann", "outcome")]
    assert len(given.incidents) == 2
    assert of(at, harmed(3, day=60)) == {Remedy.RETRAIN: Autonomy.APPROVE}


def test_what_has_not_fallen_cannot_be_restored(at: Site) -> None:
    assert of(at, healed()) == {}
    with pytest.raises(BadInput, match="has not fallen"):
        restore(at.store, at.clock, at.model, Remedy.RETRAIN, by="ann", reason="why not")


class Killed(MemoryStore):
    """Dies at the n-th write."""

    def __init__(self, whole: MemoryStore, after: int) -> None:
        super().__init__()
        self.__dict__.update(whole.__dict__)
        self.left = after

    def _write(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt

    def create(self, key: str, data: bytes) -> str:
        self._write()
        return super().create(key, data)

    def swap(self, key: str, data: bytes, tag: str) -> str:
        self._write()
        return super().swap(key, data, tag)


@pytest.mark.parametrize("writes", range(5))
def test_a_restore_that_is_killed_between_its_writes_is_recorded_by_the_next(at: Site, writes: int) -> None:
    of(at, harmed())
    with pytest.raises(KeyboardInterrupt):
        restore(Killed(at.store, writes), at.clock, at.model, Remedy.RETRAIN, by="ann", reason="mended")  # type: ignore[arg-type]
    try:
        restore(at.store, at.clock, at.model, Remedy.RETRAIN, by="ann", reason="mended")
    except BadInput:
        assert writes == 4  # it had been recorded, and only the trail's head was left behind
    assert standing_falls(at.store, at.clock, at.model) == ()
    assert [record.phase.value for record in at.trail.records()] == ["intent", "outcome"]


def test_a_harm_under_a_policy_that_is_gone_lowers_from_the_level_that_was_decided(at: Site) -> None:
    one = harmed()
    kept(at.store, [replace(one, incident=replace(one.incident, policy_hash="0" * 64))])
    assert dict(levels(standing_falls(at.store, at.clock, at.model))) == {Remedy.RETRAIN: Autonomy.APPROVE}


def test_a_replay_holds_an_incident_to_what_had_fallen_by_then() -> None:
    rules = policy(autonomy=ACTS)
    one = past(outcome=Outcome.SUGGESTED, rules=rules)
    one = replace(one, found=replace(one.found, decision=decide(DRIFT, rules, fallen={Remedy.RETRAIN: Autonomy.SUGGEST})))
    assert [row.after for row in replay([one], rules)] == [Outcome.SUGGESTED]

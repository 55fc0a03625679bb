"""An answer proves who gave it by a signature of exactly that answer, and whoever acts on it looks
anew.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelmedic.steps.adapters.ssh import sign
from modelmedic.steps.approval.answers import give
from modelmedic.steps.approval.proof import proved, signed, unproved_answers, why_unproved
from modelmedic.steps.approval.requests import current_ruling
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.incident import Answer, Incident
from modelmedic.steps.contracts.keys import policy_key
from modelmedic.steps.contracts.policy import Approval
from modelmedic.steps.contracts.results import ChallengerApproval
from modelmedic.steps.core.decision.approval import rule_on_answers
from modelmedic.steps.core.decision.proof import document
from modelmedic.steps.heal.deploy import deploy
from modelmedic.steps.records.documents import keep
from modelmedic.steps.runtime.run import Site
from tests.cli.records import WEEK
from tests.worlds.deployed import DeployedWorld
from tests.worlds.keys import key_of, public, signers, signs
from tests.worlds.played import policy

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
INCIDENT = Incident("churn-00000000-1", "churn", 1, "hash", AT, WEEK, "drift-verdict")
APPROVAL = Approval.model_validate({"signers": signers("ann", "ben")})
YES = Answer(True, "ann", AT, "d1" * 32, "looks right")


def waiting(folder: Path, **approval: Any) -> DeployedWorld:
    world = DeployedWorld(folder, approval="needed")
    rules = policy(approval=approval, rollout=world.site.policy.rollout.model_dump(mode="json"))
    world.site.policy = rules
    return world


def test_an_answer_that_is_signed_by_a_listed_key_is_proved() -> None:
    given = signed(INCIDENT, YES, APPROVAL, signs("ann"))
    assert given.verified
    assert proved(INCIDENT, (given,), APPROVAL) == (given,)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_every_kind_of_key_that_a_policy_may_list_signs(kind: str) -> None:
    listed = Approval.model_validate({"signers": [{"name": "ann", "key": public("ann", kind)}]})
    assert signed(INCIDENT, YES, listed, lambda text: sign(text, key_of("ann", kind), "modelmedic-approval")).verified


CHANGES: dict[str, Callable[[Answer], Answer]] = {
    "from no to yes": lambda no: replace(no, approved=True),
    "another person": lambda it: replace(it, by="ben"),
    "another challenger": lambda it: replace(it, digest="e" * 64),
    "another question": lambda it: replace(it, digest="remedy"),
    "another moment": lambda it: replace(it, at=it.at + timedelta(microseconds=1)),
    "another reason": lambda it: replace(it, reason="looks wrong"),
    "no signature": lambda it: replace(it, signature=""),
    "half a signature": lambda it: replace(it, signature=it.signature[:120]),
    "a signature without its last line": lambda it: replace(it, signature=it.signature.replace("-----END SSH SIGNATURE-----", "")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_that_was_changed_is_not_proved_whatever_it_says_of_itself(change: str) -> None:
    given = signed(INCIDENT, replace(YES, approved="no to yes" not in change), APPROVAL, signs("ann"))
    changed = CHANGES[change](given)
    assert changed.verified
    assert not proved(INCIDENT, (changed,), APPROVAL)[0].verified
    assert why_unproved(INCIDENT, changed, APPROVAL)


@pytest.mark.parametrize("field", ["id", "model", "opened_at"])
def test_an_answer_speaks_for_no_other_incident(field: str) -> None:
    given = signed(INCIDENT, YES, APPROVAL, signs("ann"))
    others: dict[str, Any] = {"id": "churn-00000000-2", "model": "loans", "opened_at": AT + timedelta(seconds=1)}
    assert "not of this answer" in why_unproved(replace(INCIDENT, **{field: others[field]}), given, APPROVAL)


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (signs("eve"), "by a key that approval.signers does not list for that name"),
        (signs("ben"), "by a key that approval.signers does not list for that name"),
        (signs("ann", "git"), "made for the namespace 'git'; expected modelmedic-approval"),
        (lambda _: "", "it is not signed"),
        (lambda _: "yes", "no whole SSH signature"),
        (lambda _: signs("ann")(b"another document"), "it was made for another one"),
    ],
    ids=["a key that is not listed", "the key of somebody else", "another namespace", "nothing", "no signature", "another document"],
)
def test_a_signature_that_proves_nothing_is_refused_with_the_reason(by: Callable[[bytes], str], said: str) -> None:
    with pytest.raises(Refused, match="the answer of ann does not count") as refused:
        signed(INCIDENT, YES, APPROVAL, by)
    assert said in str(refused.value)


def test_a_signature_under_a_policy_without_keys_is_refused() -> None:
    with pytest.raises(Refused, match="lists no keys"):
        signed(INCIDENT, YES, Approval(), signs("ann"))


def test_what_is_signed_is_the_canonical_text_of_the_answer() -> None:
    assert document(INCIDENT, "approve", YES).decode() == (
        '{"approved":true,"at":"2026-03-01T09:00:00Z","by":"ann","digest":"' + "d1" * 32 + '","format":1,'
        '"incident":"churn-00000000-1","model":"churn","opened_at":"2026-03-01T09:00:00Z","reason":"looks right","stage":"approve"}'
    )


def test_two_names_without_keys_do_not_pass_the_two_person_rule() -> None:
    both = Approval.model_validate({"signers": signers("ann", "ben"), "twoPerson": True})
    typed = (replace(YES, verified=True), replace(YES, by="ben", verified=True))
    assert rule_on_answers(proved(INCIDENT, typed, both), both, YES.digest, AT, AT).decision == "waiting"
    real = tuple(signed(INCIDENT, replace(YES, by=by), both, signs(by)) for by in ("ann", "ben"))
    ruled = rule_on_answers(proved(INCIDENT, real, both), both, YES.digest, AT, AT)
    assert (ruled.decision, ruled.verified, ruled.sentence) == ("approved", True, "ann and ben approved: looks right")


def test_who_started_the_heal_may_not_approve_it_and_may_reject_it() -> None:
    anybody = Approval()
    assert rule_on_answers((YES,), anybody, YES.digest, AT, AT, started_by="ann").decision == "waiting"
    assert rule_on_answers((YES,), anybody, YES.digest, AT, AT, started_by="ben").decision == "approved"
    assert rule_on_answers((replace(YES, approved=False),), anybody, YES.digest, AT, AT, started_by="ann").decision == "rejected"


def test_a_deployment_follows_a_signed_answer_and_no_forged_one(tmp_path: Path) -> None:
    world = waiting(tmp_path, signers=signers("ann"))
    ledger, incident, approval = world.site.ledger, world.run.incident, world.site.policy.approval
    yes = Answer(True, "ann", world.clock.now(), world.second.digest, verified=True)
    ledger.answer(incident, yes)
    assert current_ruling(world.run, "approve").decision == "waiting"
    ledger.answer(incident, signed(incident, yes, approval, signs("ann")))
    assert deploy(world.run, "2") == {"outcome": "healed"}
    assert ruled_verified(world)


def ruled_verified(world: DeployedWorld) -> bool:
    return bool((world.site.ledger.stage(world.run.incident, "approve") or {})["verified"])


def test_a_key_that_is_no_file_or_no_key_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no file; expected a private SSH key"):
        sign(b"x", tmp_path / "none", "git")
    (tmp_path / "text").write_text("no key")
    with pytest.raises(BadInput, match=r"text cannot sign \("):
        sign(b"x", tmp_path / "text", "git")


def test_nothing_is_proved_where_the_program_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = signed(INCIDENT, replace(YES, reason="made while it was there"), APPROVAL, signs("ann"))
    holds_again = replace(given, reason="asked for the first time")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="ssh-keygen is not installed"):
        proved(INCIDENT, (holds_again,), APPROVAL)


def waiting_for_keys(folder: Path) -> tuple[Site, Incident]:
    """An incident that waits for an answer about digest `d2`, under a policy with ann's key."""
    site = waiting(folder, signers=signers("ann")).site
    keep(site.store, policy_key(site.policy.hash), site.policy)
    incident = site.ledger.open_incident("loans", site.policy.hash, WEEK, "drift-verdict", {})[0]
    site.ledger.record_stage(incident, "diagnose", {"outputs": {"remedy": "retrain", "approval": "needed"}})
    site.ledger.record_stage(incident, "validate", {"outputs": {"passed": "yes", "version": "2", "digest": "d2"}})
    return site, incident


def test_a_forged_answer_keeps_nobody_from_giving_the_own_one(tmp_path: Path) -> None:
    site, incident = waiting_for_keys(tmp_path)
    site.ledger.answer(incident, Answer(True, "ann", site.clock.now(), "d2", verified=True))
    given = give(site.store, site.clock, incident.id, approved=True, by="ann", sign=signs("ann"))
    assert (given.number, given.ruling.decision, given.ruling.verified) == (2, "approved", True)


def test_the_check_of_the_records_finds_forged_answers_and_approvals_that_nobody_signed(tmp_path: Path) -> None:
    site, incident = waiting_for_keys(tmp_path)
    give(site.store, site.clock, incident.id, approved=True, by="ann", sign=signs("ann"))

    def faults() -> list[str]:
        return [fault.sentence for fault in unproved_answers(site.store, site.clock, "loans")]

    assert faults() == []
    site.ledger.answer(incident, Answer(True, "ann", site.clock.now(), "d3", verified=True))
    site.ledger.record(incident, ChallengerApproval("approved", ("ann", "eve"), "both did", True))
    assert faults() == [
        f"incident {incident.id}: answer 2 by ann is stored as proved, and it is not signed",
        f"incident {incident.id}: eve approved by the record of stage approve, and no signed answer says so",
    ]

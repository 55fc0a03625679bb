"""An answer counts when something waits, when the policy lists who gives it, and only for the model
that was judged.
"""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.adapters.policy.text import policy_yaml
from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.codec import encode
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import policy_key
from tests.cli.program import run
from tests.cli.records import DIGEST, Records, policy


@pytest.fixture
def waiting(records: Records) -> Incident:
    incident = records.validated()
    records.asked(incident)
    return incident


def test_an_approval_is_bound_to_the_digest_and_recorded_before_it_counts(records: Records, waiting: Incident) -> None:
    ended = run("approve", waiting.id, "--by", "alice", "--reason", "looks right")
    assert ended.exit_code == 0
    assert f"{waiting.id}: approved by alice, about model {DIGEST[:12]}" in ended.stdout
    assert "alice (unverified) approved: looks right" in ended.stdout
    assert f"modelmedic heal {waiting.id}" in ended.stdout
    (answer,) = records.ledger.answers(waiting)
    assert (answer.approved, answer.by, answer.digest, answer.reason, answer.verified) == (True, "alice", DIGEST, "looks right", False)
    written = [r for r in records.trail.records(waiting.id) if r.event == "answer.given"]
    assert [(r.phase, r.actor, r.facts["answer"]) for r in written] == [(Phase.INTENT, "alice", "yes"), (Phase.OUTCOME, "alice", "yes")]


def test_a_no_rejects_and_stands(records: Records, waiting: Incident) -> None:
    ended = run("reject", waiting.id, "--by", "alice", "--json")
    assert json.loads(ended.stdout)["ruling"]["decision"] == "rejected"
    late = run("approve", waiting.id, "--by", "bob")
    assert late.exit_code == 77
    assert "the request is rejected already: alice (unverified) rejected" in late.stderr
    assert run("reject", waiting.id, "--by", "alice").exit_code == 0
    assert len(records.ledger.answers(waiting)) == 1


def test_an_approval_can_be_taken_back_by_a_rejection_while_the_heal_has_not_read_it(records: Records, waiting: Incident) -> None:
    run("approve", waiting.id, "--by", "alice")
    assert "bob (unverified) rejected" in run("reject", waiting.id, "--by", "bob").stdout
    assert [answer.approved for answer in records.ledger.answers(waiting)] == [True, False]


def test_who_answers_is_the_login_when_nobody_is_named(records: Records, waiting: Incident) -> None:
    run("approve", waiting.id)
    assert [answer.by for answer in records.ledger.answers(waiting)] == ["tester"]


def test_the_same_answer_twice_is_one_answer(records: Records, waiting: Incident) -> None:
    run("approve", waiting.id, "--by", "alice")
    again = run("approve", waiting.id, "--by", "alice")
    assert (again.exit_code, "was already approved" in again.stdout) == (0, True)
    assert len(records.ledger.answers(waiting)) == 1


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_a_dry_run_says_what_would_follow_and_writes_nothing(records: Records, waiting: Incident, command: str) -> None:
    before = sorted(records.root.rglob("*"))
    ended = run(command, waiting.id, "--by", "alice", "--dry-run")
    assert ended.exit_code == 0
    assert "would be " in ended.stdout
    assert sorted(records.root.rglob("*")) == before


def test_somebody_whom_the_policy_does_not_list_is_refused(records: Records) -> None:
    strict = Records(records.root, "loans", approvers=["alice", "bob"])
    incident = strict.validated()
    for command in ("approve", "reject"):
        ended = run(command, incident.id, "--by", "mallory")
        assert ended.exit_code == 77
        assert "mallory may not answer for loans; its policy lists alice, bob (approval.approvers)" in ended.stderr
    assert strict.ledger.answers(incident) == ()
    assert run("approve", incident.id, "--by", "bob").exit_code == 0


def test_two_persons_means_two_different_ones(records: Records) -> None:
    careful = Records(records.root, "loans", twoPerson=True)
    incident = careful.validated()
    careful.asked(incident)
    assert "waiting for 1 more approval until" in run("approve", incident.id, "--by", "alice").stdout
    assert "waiting for 1 more approval until" in run("approve", incident.id, "--by", "alice").stdout
    assert "alice (unverified) and bob (unverified) approved" in run("approve", incident.id, "--by", "bob").stdout


def test_after_the_timeout_nothing_can_be_answered(records: Records) -> None:
    incident = records.validated()
    records.asked(incident, ago=timedelta(hours=25))
    for command in ("approve", "reject"):
        ended = run(command, incident.id)
        assert ended.exit_code == 77
        assert "nobody approved within 1d, which counts as a rejection" in ended.stderr
    assert records.ledger.answers(incident) == ()


def test_an_answer_may_come_before_the_request_is_written(records: Records) -> None:
    incident = records.validated()
    assert run("approve", incident.id, "--by", "alice").exit_code == 0
    assert records.ledger.answers(incident)[0].digest == DIGEST


def test_a_remedy_without_a_model_is_answered_by_its_word(records: Records) -> None:
    incident = records.diagnosed("rollback")
    ended = run("approve", incident.id, "--by", "alice")
    assert "about the remedy" in ended.stdout
    assert records.ledger.answers(incident)[0].digest == "remedy"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("opened", "is not diagnosed yet; nothing waits for an answer"),
        ("diagnosed", "has no challenger that passed its gates yet"),
        ("not-needed", "needs no approval under its policy"),
        ("decided", "has its answer already (alice approved)"),
        ("closed", "is closed since"),
    ],
)
def test_when_nothing_waits_it_is_said_why(records: Records, state: str, said: str) -> None:
    if state == "opened":
        incident = records.opened()
    elif state == "diagnosed":
        incident = records.diagnosed()
    else:
        incident = records.validated(approval="not-needed" if state == "not-needed" else "needed")
    if state == "decided":
        records.ledger.record_stage(
            incident, "approve", {"decision": "approved", "sentence": "alice approved", "outputs": {"decision": "approved"}}
        )
    if state == "closed":
        records.closed(incident)
    ended = run("approve", incident.id)
    assert (ended.exit_code, said in ended.stderr) == (77, True)
    assert records.ledger.answers(incident) == ()


def test_a_policy_that_was_changed_in_the_store_opens_no_door(records: Records) -> None:
    strict = Records(records.root, "loans", approvers=["alice"])
    incident = strict.validated()
    key = policy_key(strict.policy.hash)
    strict.store.swap(key, encode(policy("loans", approvers=["alice", "mallory"])), strict.store.get(key).tag)
    ended = run("approve", incident.id, "--by", "mallory")
    assert (ended.exit_code, f"incident {incident.id} was opened under {strict.policy.hash[:12]}" in ended.stderr) == (77, True)


def test_a_policy_file_stands_in_only_when_it_is_the_same(records: Records, waiting: Incident, tmp_path: Path) -> None:
    (records.root / policy_key(records.policy.hash)).unlink()
    missing = run("approve", waiting.id)
    assert (missing.exit_code, "name its file with --policy" in missing.stderr) == (65, True)
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_text(policy_yaml(records.policy))
    other.write_text(policy_yaml(policy("flights", timeout="90d")))
    assert run("approve", waiting.id, "--policy", other).exit_code == 77
    assert run("approve", waiting.id, "--policy", same).exit_code == 0


def test_an_approval_that_cannot_be_recorded_does_not_count(records: Records, waiting: Incident) -> None:
    (head,) = (records.root / "audit").glob("*/head.json")
    head.write_text("{}")
    assert run("approve", waiting.id).exit_code == 65
    assert records.ledger.answers(waiting) == ()


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "{{x}}", "x" * 301, '"quoted"'])
def test_a_name_that_no_policy_could_list_is_refused(records: Records, waiting: Incident, name: str) -> None:
    ended = run("approve", waiting.id, f"--by={name}")
    assert (ended.exit_code, "expected a name as a policy lists it" in ended.stderr) == (65, True)
    assert records.ledger.answers(waiting) == ()

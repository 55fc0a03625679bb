"""Under a policy that lists keys, an answer counts once a key of the person signed it, here or
elsewhere; `audit verify` looks at every signature again.
"""

import json
import subprocess
from pathlib import Path

import pytest

from modelmedic.steps.adapters.policy.text import policy_yaml
from modelmedic.steps.contracts.incident import Answer, Incident
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.records.history import History
from tests.cli.program import run
from tests.cli.records import DIGEST, NOW, WEEK, Records
from tests.worlds.keys import key_of, signers


@pytest.fixture
def signed(records: Records) -> Records:
    return Records(records.root, "loans", signers=signers("ann", "ben"))


@pytest.fixture
def waiting(signed: Records) -> Incident:
    incident = signed.validated()
    signed.asked(incident)
    return incident


def test_an_answer_signed_with_a_key_is_recorded_as_verified(signed: Records, waiting: Incident) -> None:
    ended = run("approve", waiting.id, "--by", "ann", "--key", key_of("ann"), "--reason", "looks right")
    assert (ended.exit_code, "ann approved: looks right" in ended.stdout) == (0, True)
    (answer,) = signed.ledger.answers(waiting)
    assert (answer.by, answer.verified) == ("ann", True)
    facts = [record.facts for record in signed.trail.records(waiting.id) if record.event == "answer.given"]
    assert [(fact["by"], fact["verified"]) for fact in facts] == [("ann", True)] * 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "it is not signed; expected it signed by a key of ann (--key or --signature)"),
        (("--key", key_of("eve")), "by a key that approval.signers does not list for that name"),
        (("--key", key_of("ben")), "by a key that approval.signers does not list for that name"),
    ],
    ids=["no key", "a stranger's key", "somebody else's key"],
)
@pytest.mark.parametrize("command", ["approve", "reject"])
def test_an_answer_without_a_signature_of_that_person_is_refused(
    signed: Records, waiting: Incident, command: str, options: tuple[object, ...], said: str
) -> None:
    ended = run(command, waiting.id, "--by", "ann", *options)
    assert (ended.exit_code, said in ended.stderr) == (77, True)
    assert ended.stderr.count("\n") == 1
    assert signed.ledger.answers(waiting) == ()


def test_who_has_no_key_in_the_policy_may_not_answer(waiting: Incident) -> None:
    ended = run("approve", waiting.id, "--by", "eve", "--key", key_of("eve"))
    assert (ended.exit_code, "eve may not answer for loans; its policy lists ann, ben (approval.signers)" in ended.stderr) == (77, True)


def test_a_key_means_nothing_where_the_policy_lists_none(records: Records) -> None:
    incident = records.validated()
    ended = run("approve", incident.id, "--by", "ann", "--key", key_of("ann"))
    assert (ended.exit_code, "lists no keys (approval.signers)" in ended.stderr) == (77, True)


def made_elsewhere(incident: Incident, folder: Path, *options: str, command: str = "approve") -> Path:
    """The signature of the document, as a person makes it with OpenSSH's own program."""
    file = folder / "answer.json"
    assert run(command, incident.id, "--by", "ann", "--document", file, *options).exit_code == 0
    namespace = ["-Y", "sign", "-q", "-n", "modelmedic-approval"]
    subprocess.run(["ssh-keygen", *namespace, "-f", str(key_of("ann")), str(file)], check=True, capture_output=True)
    return folder / "answer.json.sig"


def test_a_document_signed_elsewhere_is_an_answer(signed: Records, waiting: Incident, tmp_path: Path) -> None:
    made = made_elsewhere(waiting, tmp_path, "--reason", "by the key in the safe")
    assert signed.ledger.answers(waiting) == ()
    assert run("approve", waiting.id, "--by", "ann", "--signature", made).exit_code == 0
    (answer,) = signed.ledger.answers(waiting)
    assert (answer.verified, answer.reason, answer.digest) == (True, "by the key in the safe", DIGEST)


def test_a_document_signed_as_a_no_is_no_yes(signed: Records, waiting: Incident, tmp_path: Path) -> None:
    made = made_elsewhere(waiting, tmp_path, command="reject")
    ended = run("approve", waiting.id, "--by", "ann", "--signature", made)
    assert (ended.exit_code, "is not the answer that this command gives (approved)" in ended.stderr) == (77, True)
    edited = tmp_path / "answer.json"
    edited.write_text(edited.read_text().replace('"approved":false', '"approved":true'))
    ended = run("approve", waiting.id, "--by", "ann", "--signature", made)
    assert (ended.exit_code, "made for another one, or changed since" in ended.stderr) == (77, True)
    assert signed.ledger.answers(waiting) == ()


def test_a_document_from_before_the_request_is_refused(waiting: Incident, tmp_path: Path) -> None:
    made = made_elsewhere(waiting, tmp_path)
    document = json.loads((tmp_path / "answer.json").read_text())
    (tmp_path / "answer.json").write_text(json.dumps({**document, "at": "2020-01-01T00:00:00Z"}))
    ended = run("approve", waiting.id, "--by", "ann", "--signature", made)
    assert (ended.exit_code, "the document that is signed is of 2020-01-01T00:00Z" in ended.stderr) == (77, True)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"at": "now", "reason": ""}', '{"at": "2026-03-01T09:00:00", "reason": ""}'])
def test_a_signature_beside_no_document_is_refused_in_a_sentence(waiting: Incident, tmp_path: Path, text: str) -> None:
    (tmp_path / "answer.json").write_text(text)
    (tmp_path / "answer.json.sig").write_text("x")
    for file in ("answer.json.sig", "nowhere.sig"):
        ended = run("approve", waiting.id, "--by", "ann", "--signature", tmp_path / file)
        assert (ended.exit_code, "cannot be used" in ended.stderr, ended.stderr.count("\n")) == (65, True, 1)


def test_who_started_the_heal_may_reject_it_and_not_approve_it(records: Records) -> None:
    incident, _ = records.ledger.open_incident("flights", records.policy.hash, WEEK, "by-hand", {"by": "alice@laptop:7"})
    records.ledger.record_stage(incident, "diagnose", {"outputs": {"remedy": "rollback", "approval": "needed"}})
    ended = run("approve", incident.id, "--by", "alice")
    assert (ended.exit_code, "alice started the heal of incident" in ended.stderr) == (77, True)
    assert run("reject", incident.id, "--by", "alice", "--dry-run").exit_code == 0
    assert run("approve", incident.id, "--by", "bob").exit_code == 0


def test_rows_are_released_by_a_signed_word_alone(signed: Records, tmp_path: Path) -> None:
    incident = signed.opened()
    History(signed.store, signed.clock).quarantine("loans", Window(WEEK.start, NOW), reason="broken", incident=incident.id)
    (file := tmp_path / "policy.yaml").write_text(policy_yaml(signed.policy))
    command = ("quarantine", "release", file, incident.id, "--by", "ann", "--why", "it was a holiday")
    ended = run(*command)
    assert (ended.exit_code, "it is not signed" in ended.stderr) == (77, True)
    assert "released" in run(*command, "--key", key_of("ann")).stdout


def test_the_check_of_the_trail_verifies_signatures_anew(signed: Records, waiting: Incident) -> None:
    run("approve", waiting.id, "--by", "ann", "--key", key_of("ann"))
    assert run("audit", "verify", "loans").exit_code == 0
    signed.ledger.answer(waiting, Answer(True, "ben", NOW, DIGEST, verified=True))
    ended = run("audit", "verify", "loans")
    assert (ended.exit_code, "answer 2 by ben is stored as proved, and it is not signed" in ended.stdout) == (77, True)

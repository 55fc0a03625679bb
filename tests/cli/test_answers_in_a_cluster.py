"""With --kube an answer reaches the heal in the cluster as well, after it is in the ledger, and
says so when it does not.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelmedic.steps.adapters.kube.workflows import document
from modelmedic.steps.approval.answers import deliver, give
from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.places import workflow_name
from tests.cli.program import run
from tests.cli.records import Records
from tests.fakes.workflows import FakeArgo, FakeWorkflows
from tests.worlds.triage import decision, point_at


@pytest.fixture
def argo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeArgo]:
    server = FakeArgo()
    point_at(server, tmp_path, monkeypatch)
    yield server
    server.close()


def healing(argo: FakeArgo, incident: Incident) -> None:
    """The heal in the cluster has come to its approval."""
    argo.call("POST", "/apis/argoproj.io/v1alpha1/namespaces/ml/workflows", document("heal-flights", incident, "triage", "ml"))
    argo.suspend(workflow_name(incident.id), "approve")


@pytest.mark.parametrize(("command", "said"), [("approve", "approved"), ("reject", "rejected")])
def test_the_heal_goes_on_with_the_answer(argo: FakeArgo, records: Records, command: str, said: str) -> None:
    incident = records.validated()
    healing(argo, incident)
    ended = run(command, incident.id, "--by", "alice", "--kube", "--namespace", "ml")
    assert (ended.exit_code, f"goes on: {said}" in ended.stderr) == (0, True)
    assert decision(argo.objects[workflow_name(incident.id)]) == said
    assert "modelmedic heal" not in ended.stdout


def test_the_first_of_two_people_lets_nothing_go_on(argo: FakeArgo, records: Records) -> None:
    both = Records(records.root, "loans", twoPerson=True)
    incident = both.validated()
    healing(argo, incident)
    run("approve", incident.id, "--by", "alice", "--kube", "--namespace", "ml")
    assert decision(argo.objects[workflow_name(incident.id)]) is None
    run("approve", incident.id, "--by", "bob", "--kube", "--namespace", "ml")
    assert decision(argo.objects[workflow_name(incident.id)]) == "approved"


def test_who_may_not_answer_moves_nothing_in_the_cluster(argo: FakeArgo, records: Records) -> None:
    strict = Records(records.root, "loans", approvers=["alice"])
    incident = strict.validated()
    healing(argo, incident)
    assert run("approve", incident.id, "--by", "mallory", "--kube", "--namespace", "ml").exit_code == 77
    assert decision(argo.objects[workflow_name(incident.id)]) is None


def test_a_dry_run_and_an_answer_without_kube_leave_the_cluster_alone(argo: FakeArgo, records: Records) -> None:
    incident = records.validated()
    healing(argo, incident)
    run("approve", incident.id, "--kube", "--namespace", "ml", "--dry-run")
    ended = run("approve", incident.id)
    assert decision(argo.objects[workflow_name(incident.id)]) is None
    assert "this command again with --kube" in ended.stdout


def test_the_same_answer_again_reaches_a_heal_that_the_first_one_missed(argo: FakeArgo, records: Records) -> None:
    incident = records.validated()
    run("approve", incident.id, "--by", "alice")
    healing(argo, incident)
    assert run("approve", incident.id, "--by", "alice", "--kube", "--namespace", "ml").exit_code == 0
    assert decision(argo.objects[workflow_name(incident.id)]) == "approved"
    assert len(records.ledger.answers(incident)) == 1


def test_an_answer_waits_for_a_heal_that_is_on_its_way_and_gives_up_after_a_minute(records: Records) -> None:
    incident = records.validated()
    given = give(records.store, records.clock, incident.id, approved=True, by="alice")
    workflows, slept = FakeWorkflows(), []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            workflows.waits[incident.id] = "approve"

    deliver(workflows, given, sleep)
    assert workflows.answers == [(incident.id, "approve", "approved", "alice")]
    slept.clear()
    with pytest.raises(Transient, match="the answer is recorded, but no heal"):
        deliver(FakeWorkflows(), given, slept.append)
    assert sum(slept) == 60

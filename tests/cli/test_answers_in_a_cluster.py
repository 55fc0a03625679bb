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


@pytest.fixture
def proving(argo: FakeArgo, records: Records) -> tuple[Records, Incident]:
    """A heal whose approval the cluster is to prove, where this KUBECONFIG is the user `fake`."""
    strict = Records(records.root, "loans", kubernetes=True, approvers=["fake", "alice"])
    incident = strict.validated()
    healing(argo, incident)
    return strict, incident


def test_the_cluster_says_who_answers_and_proves_it(argo: FakeArgo, proving: tuple[Records, Incident]) -> None:
    records, incident = proving
    assert run("approve", incident.id, "--kube", "--namespace", "ml").exit_code == 0
    (answer,) = records.ledger.answers(incident)
    assert (answer.by, answer.verified) == ("fake", True)
    workflow = argo.objects[workflow_name(incident.id)]
    assert decision(workflow) == "approved"
    assert workflow["metadata"]["annotations"][answer.signature] == "fake"


def test_nobody_answers_under_another_name_than_the_clusters(argo: FakeArgo, proving: tuple[Records, Incident]) -> None:
    records, incident = proving
    ended = run("approve", incident.id, "--kube", "--namespace", "ml", "--by", "alice")
    assert ended.exit_code == 77
    assert "--by is alice, and the cluster knows these credentials as fake" in ended.stderr
    assert records.ledger.answers(incident) == ()
    assert decision(argo.objects[workflow_name(incident.id)]) is None


def test_without_the_cluster_an_answer_that_it_is_to_prove_is_refused(proving: tuple[Records, Incident]) -> None:
    records, incident = proving
    ended = run("approve", incident.id, "--by", "alice")
    assert ended.exit_code == 77
    assert "nothing here asks the cluster's API server who gave it" in ended.stderr
    assert records.ledger.answers(incident) == ()


def test_a_dry_run_writes_no_answer_on_the_workflow(argo: FakeArgo, proving: tuple[Records, Incident]) -> None:
    _, incident = proving
    before = dict(argo.objects[workflow_name(incident.id)]["metadata"]["annotations"])
    assert run("approve", incident.id, "--kube", "--namespace", "ml", "--dry-run").exit_code == 0
    assert argo.objects[workflow_name(incident.id)]["metadata"]["annotations"] == before


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

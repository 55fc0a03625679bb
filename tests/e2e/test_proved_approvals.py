"""Who approves is proved by the cluster's API server: the person's own credentials let a challenger
through, and an answer in another's name is refused or counts for nothing.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from modelmedic.examples.cluster import runs
from modelmedic.examples.cluster.kubectl import Cluster, wait_until
from modelmedic.steps.adapters.kube.answers import annotation
from modelmedic.steps.adapters.kube.client import connect
from modelmedic.steps.adapters.kube.workflows import ArgoWorkflows
from modelmedic.steps.contracts.incident import Answer, Incident
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.core.decision.proof import document
from tests.e2e.stage import Stage, evidence, variant

PERSON = "ada"
_RIGHTS = {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["list", "patch"]}


@pytest.fixture
def kubeconfig(stage: Stage, tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig of a user of the cluster who may list and patch Workflows, and no more."""
    api, named = "rbac.authorization.k8s.io", {"name": PERSON, "namespace": stage.cluster.namespace}
    subject = {"kind": "ServiceAccount", **named}
    stage.cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named},
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": named, "rules": [_RIGHTS]},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": named,
            "roleRef": {"apiGroup": api, "kind": "Role", "name": PERSON},
            "subjects": [subject],
        },
    )
    yield _as_person(stage.cluster, tmp_path / "kubeconfig")
    for kind in ("rolebinding", "role", "serviceaccount"):
        stage.cluster.run("delete", kind, PERSON, check=False)


def _as_person(cluster: Cluster, file: Path) -> Path:
    known: dict[str, Any] = json.loads(cluster.run("config", "view", "--minify", "--raw", "-o", "json", namespaced=False))
    token = cluster.run("create", "token", PERSON).strip()
    known["users"] = [{"name": PERSON, "user": {"token": token}}]
    known["contexts"][0]["context"]["user"] = PERSON
    file.write_text(json.dumps(known))
    return file


def _user(stage: Stage) -> str:
    return f"system:serviceaccount:{stage.cluster.namespace}:{PERSON}"


def _asked(stage: Stage) -> tuple[Incident, str]:
    """A heal that waits for an approval that the cluster is to prove, and its Workflow."""
    stage.flights()
    approval = {"timeout": "5m", "kubernetes": True, "approvers": [_user(stage)]}
    rules = variant(stage.policy, autonomy={"retrain": "approve"}, approval=approval, rollout={"hold": "5s"})
    incident = stage.opened(rules)
    workflow = stage.start(incident)
    wait_until(lambda: _waits(stage, workflow), 200, "the request for an answer")
    return incident, workflow


def _waits(stage: Stage, workflow: str) -> bool | None:
    assert runs.phase(stage.cluster, workflow) not in runs.ENDED, runs.logs(stage.cluster, workflow)[-800:]
    return True if any(node.name == "approve" and node.phase == "Running" for node in runs.nodes(stage.cluster, workflow)) else None


def _approve(incident: Incident, kubeconfig: Path, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MODELMEDIC_STORE": "s3://modelmedic", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "modelmedic.workflows.cli", "approve", incident.id, "--kube", *more]
    return subprocess.run(
        command, env={**environment, "KUBECONFIG": str(kubeconfig)}, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow
def test_an_approval_with_the_persons_own_credentials_is_proved_and_let_through(stage: Stage, kubeconfig: Path) -> None:
    incident, workflow = _asked(stage)
    refused = _approve(incident, kubeconfig, "--by", "eve")
    assert refused.returncode == 77, refused.stdout + refused.stderr
    with stage.asking():
        given = _approve(incident, kubeconfig)
        assert given.returncode == 0, given.stdout + given.stderr
        runs.succeed(stage.cluster, workflow, 300)
    closing = stage.closing(incident)
    assert closing.outcome is Outcome.HEALED, closing.sentence
    decided = [record.facts for record in stage.records() if record.event == "approval.decided" and record.incident == incident.id]
    assert [(list(each["by"]), each["verified"]) for each in decided] == [([_user(stage)], True)]
    evidence("m: approval proved by the cluster", {"by": _user(stage), "serves": stage.served()})


@pytest.mark.slow
def test_an_approval_in_anothers_name_is_refused_and_one_in_the_store_alone_counts_for_nothing(stage: Stage) -> None:
    before = stage.alias(), stage.served()
    incident, workflow = _asked(stage)
    digest = (stage.ledger.outputs(incident, "validate") or {})["digest"]
    forged = Answer(True, _user(stage), datetime.now(UTC), digest, "forged", verified=True)
    note = f"{annotation(document(incident, 'approve', forged))}={_user(stage)}"
    with pytest.raises(RuntimeError, match="an answer is given in the own name alone"):
        stage.cluster.run("annotate", "workflow", workflow, note)
    stage.ledger.answer(incident, forged)
    assert ArgoWorkflows(connect(), stage.cluster.namespace).answer(incident.id, "approve", "approved", "eve")
    wait_until(lambda: stage.ended(workflow), 300, "the end of the heal")
    assert stage.closing(incident).outcome is not Outcome.HEALED
    assert (stage.alias(), stage.served()) == before
    evidence("m: approval forged", {"sentence": stage.closing(incident).sentence})

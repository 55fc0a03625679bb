"""Heals that change what serves: from a Prometheus alert, with a person's yes, and back from a
release that does harm.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelmedic.examples.cluster import runs
from modelmedic.examples.cluster.kubectl import wait_until
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Outcome
from tests.e2e.stage import Stage, evidence, variant


def _waiting(stage: Stage, workflow: str) -> bool | None:
    """True while the heal waits for a person; fails at once when it has ended."""
    assert runs.phase(stage.cluster, workflow) not in runs.ENDED, runs.logs(stage.cluster, workflow)[-800:]
    return True if any(node.name == "approve" and node.phase == "Running" for node in runs.nodes(stage.cluster, workflow)) else None


def asks(policy: Policy) -> Policy:
    return variant(policy, autonomy={"retrain": "approve"}, approval={"timeout": "3m"}, rollout={"hold": "5s"})


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["reject", None])
def test_without_an_approval_nothing_is_deployed(stage: Stage, answer: str | None) -> None:
    """A rejection, and no answer within the time: the same."""
    before = stage.alias(), stage.served()
    stage.flights()
    incident = stage.opened(asks(stage.policy))
    workflow = stage.start(incident)
    wait_until(lambda: _waiting(stage, workflow), 200, "the request for an answer")
    if answer:
        _say(answer, incident.id)
    runs.succeed(stage.cluster, workflow, 300)
    assert stage.closing(incident).outcome is Outcome.REJECTED
    assert (stage.alias(), stage.served()) == before
    assert stage.pods("deploy") == []
    evidence(f"k: approval {answer or 'expired'}", {"sentence": stage.closing(incident).sentence})


@pytest.mark.slow
def test_an_approval_lets_the_challenger_through_and_the_record_says_whose_it_was(stage: Stage) -> None:
    stage.flights()
    incident = stage.opened(asks(stage.policy))
    with stage.asking() as passengers:
        workflow = stage.start(incident)
        wait_until(lambda: _waiting(stage, workflow), 200, "the request for an answer")
        _say("approve", incident.id)
        runs.succeed(stage.cluster, workflow, 300)
    _agree(stage, Outcome.HEALED, incident.id)
    assert any(record.event == "answer.given" and "ada" in f"{record.key}" for record in stage.records())
    assert passengers.failures == []
    evidence("k: approval given", {"by": "ada", "requests": passengers.requests, "failed": 0, "serves": stage.served()})


def test_from_the_alert_to_healed_with_no_request_failed(stage: Stage) -> None:
    """Prometheus fires, Alertmanager posts, Argo Events triggers, Argo heals, KServe takes the
    canary, the alias moves.
    """
    before = stage.served()
    stage.flights()
    with stage.asking() as passengers:
        assert stage.look() in ("degraded", "drifted")
        incident = stage.ledger.current(stage.model)
        assert incident is not None
        wait_until(lambda: _closed(stage, incident.id), 400, "the end of the heal that the alert started")
    heals = [each["metadata"]["name"] for each in stage.cluster.listed("workflows") if each["metadata"]["name"].startswith("heal-")]
    assert heals == [f"heal-{incident.id}"]
    _agree(stage, Outcome.HEALED, incident.id)
    assert stage.served() != before
    assert passengers.failures == []
    times = [(node.name, node.started, node.finished) for node in runs.nodes(stage.cluster, heals[0])]
    evidence("a: alert to healed", {"requests": passengers.requests, "failed": 0, "from": before, "to": stage.served(), "nodes": times})


def _closed(stage: Stage, identity: str) -> bool | None:
    return True if stage.ledger.closing(stage.ledger.find(identity)) is not None else None


def _agree(stage: Stage, outcome: Outcome, identity: str) -> None:
    """Alias, served version and the last word of the record are one."""
    closing = stage.closing(stage.ledger.find(identity))
    assert closing.outcome is outcome, closing.sentence
    stage.agrees()


def _say(what: str, identity: str) -> None:
    """As a person does, from their own machine."""
    environment = {**os.environ, "MODELMEDIC_STORE": "s3://modelmedic", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "modelmedic.workflows.cli", what, identity, "--kube", "--by", "ada", "--reason", "e2e"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

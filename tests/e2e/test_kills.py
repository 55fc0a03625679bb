"""Pods that are killed in the middle, and a heal that somebody terminates: nothing disagrees afterwards."""

import pytest

from examples.cluster import runs
from examples.cluster.place import until
from steps.contracts.words import Outcome
from tests.e2e.stage import Stage, evidence
from tests.e2e.test_a_no_is_a_result import variant

pytestmark = pytest.mark.slow


def _pod_of(stage: Stage, workflow: str, step: str) -> str | None:
    """The running pod of a step; fails at once when the workflow has ended."""
    assert runs.phase(stage.cluster, workflow) not in runs.ENDED, runs.logs(stage.cluster, workflow)[-800:]
    pods = stage.cluster.listed("pods", f"workflows.argoproj.io/workflow={workflow}")
    named = [pod for pod in pods if f"-{step}-" in pod["metadata"]["name"] and pod["status"]["phase"] == "Running"]
    return str(named[0]["metadata"]["name"]) if named else None


def _canary(stage: Stage) -> bool | None:
    service = stage.cluster.get("inferenceservice", stage.policy.serving.inferenceService) or {}
    return True if service["spec"].get("canary") else None


@pytest.mark.parametrize("step", ["retrain", "validate", "deploy"])
def test_a_pod_that_is_killed_is_started_again_and_the_heal_ends_well(stage: Stage, step: str) -> None:
    stage.flights()
    incident = stage.opened(variant(stage.policy, rollout={"hold": "15s"}))
    with stage.asking() as passengers:
        workflow = stage.start(incident)
        pod = until(lambda: _pod_of(stage, workflow, step), 240, f"the pod of {step}")
        if step == "deploy":
            until(lambda: _canary(stage), 60, "the canary")
        stage.cluster.run("delete", "pod", pod, "--grace-period=0", "--force", check=False)
        runs.succeed(stage.cluster, workflow, 420)
    closing = stage.closing(incident)
    assert closing.outcome in (Outcome.HEALED, Outcome.REJECTED), closing.sentence
    assert stage.alias() == stage.served()
    assert _canary(stage) is None
    assert passengers.failures == []
    assert [record.event for record in stage.records()].count("incident.closed") == 1
    evidence(f"g: pod of {step} killed", {"outcome": closing.outcome.value, "requests": passengers.requests, "failed": 0})


def test_a_heal_that_is_terminated_in_its_canary_is_taken_back_by_the_sweep(stage: Stage) -> None:
    before = stage.alias(), stage.served()
    stage.flights()
    incident = stage.opened(variant(stage.policy, rollout={"hold": "60s"}))
    with stage.asking() as passengers:
        workflow = stage.start(incident)
        until(lambda: _canary(stage), 300, "the canary")
        stage.cluster.run("patch", "workflow", workflow, "--type=merge", "-p", '{"spec":{"shutdown":"Terminate"}}')
        until(lambda: True if runs.phase(stage.cluster, workflow) in runs.ENDED else None, 120, "the end of the terminated heal")
        runs.succeed(stage.cluster, runs.at_once(stage.cluster, "reconcile"), 240)
    assert stage.closing(incident).outcome is Outcome.ESCALATED
    assert (stage.alias(), stage.served()) == before
    assert _canary(stage) is None
    assert passengers.failures == []
    evidence("g: terminated by hand", {"sentence": stage.closing(incident).sentence, "requests": passengers.requests, "failed": 0})

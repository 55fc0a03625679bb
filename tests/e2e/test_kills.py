"""Pods, processes and the controller that are killed in the middle, and a heal that somebody
terminates: nothing disagrees afterwards.
"""

import os
import subprocess

import pytest

from modelmedic.examples.cluster import runs
from modelmedic.examples.cluster.kubectl import wait_until
from modelmedic.steps.contracts.words import Outcome
from tests.e2e.stage import Stage, evidence, variant

pytestmark = pytest.mark.slow

_KILL_STEP = """
import os, pathlib
for entry in pathlib.Path("/proc").iterdir():
    if entry.name.isdigit() and int(entry.name) not in (1, os.getpid()) and b"steps" in (entry / "cmdline").read_bytes():
        os.kill(int(entry.name), 9)
"""
_RESTART = "kubectl -n argo delete pod -l app=workflow-controller"  # where Argo's own manifests run it; elsewhere E2E_RESTART_CONTROLLER


@pytest.mark.parametrize("step", ["diagnose", "retrain", "validate", "deploy"])
def test_a_pod_that_is_killed_is_started_again_and_the_heal_ends_well(stage: Stage, step: str) -> None:
    """A deploy that is killed in the middle of a change has left its lease behind, and then its
    canary is taken back.
    """
    stage.flights()
    incident = stage.opened(variant(stage.policy, rollout={"hold": "15s"}))
    with stage.asking() as passengers:
        workflow = stage.start(incident)
        pod = wait_until(lambda: stage.step_pod(workflow, step), 240, f"the pod of {step}")
        if step == "deploy":
            wait_until(stage.canary, 60, "the canary")
        stage.cluster.run("delete", "pod", pod, "--grace-period=0", "--force", check=False)
        runs.succeed(stage.cluster, workflow, 420)
    closing = stage.closing(incident)
    withdrawn = [Outcome.WITHDRAWN] if step == "deploy" else []
    assert closing.outcome in (Outcome.HEALED, Outcome.REJECTED, *withdrawn), closing.sentence
    assert passengers.failures == []
    _closed_once(stage)
    evidence(f"g: pod of {step} deleted", {"outcome": closing.outcome.value, "requests": passengers.requests, "failed": 0})


@pytest.mark.parametrize("step", ["diagnose", "retrain", "validate", "deploy", "close"])
def test_a_step_that_is_killed_by_signal_leaves_nothing_that_disagrees(stage: Stage, step: str) -> None:
    """-9 may be the kernel's answer to too little memory, so Argo does not try again: the close or
    the sweep ends the heal.
    """
    before = stage.alias(), stage.served()
    stage.flights()
    incident = stage.opened(variant(stage.policy, rollout={"hold": "30s"}))
    with stage.asking() as passengers:
        workflow = stage.start(incident)
        pod = wait_until(lambda: stage.step_pod(workflow, step), 400, f"the pod of {step}", 0.2)
        if step == "deploy":
            wait_until(stage.share, 90, "the canary's share")
        stage.cluster.run("exec", pod, "-c", "main", "--", "python", "-c", _KILL_STEP, check=False)
        wait_until(lambda: stage.ended(workflow), 400, "the end of the heal")
        stage.swept()
    closing = stage.closing(incident)
    if step != "close":
        assert (stage.alias(), stage.served()) == before
    assert passengers.failures == []
    _closed_once(stage)
    evidence(f"g: {step} killed by -9", {"outcome": closing.outcome.value, "sentence": closing.sentence, "requests": passengers.requests})


def test_a_controller_that_restarts_goes_on_with_the_heal(stage: Stage) -> None:
    stage.flights()
    incident = stage.opened(variant(stage.policy, rollout={"hold": "20s"}))
    with stage.asking() as passengers:
        workflow = stage.start(incident)
        wait_until(lambda: stage.step_pod(workflow, "retrain"), 240, "the pod of retrain")
        _restart_controller()
        wait_until(stage.canary, 300, "the canary")
        _restart_controller()
        runs.succeed(stage.cluster, workflow, 420)
    closing = stage.closing(incident)
    assert closing.outcome is Outcome.HEALED, closing.sentence
    assert passengers.failures == []
    _closed_once(stage)
    evidence("g: controller restarted twice", {"outcome": "healed", "requests": passengers.requests, "failed": 0})


def test_a_heal_that_is_terminated_in_its_canary_is_taken_back_by_the_sweep(stage: Stage) -> None:
    before = stage.alias(), stage.served()
    stage.flights()
    incident = stage.opened(variant(stage.policy, rollout={"hold": "60s"}))
    with stage.asking() as passengers:
        workflow = stage.start(incident)
        wait_until(stage.canary, 300, "the canary")
        stage.cluster.run("patch", "workflow", workflow, "--type=merge", "-p", '{"spec":{"shutdown":"Terminate"}}')
        wait_until(lambda: stage.ended(workflow), 120, "the end of the terminated heal")
        stage.swept()
    assert stage.closing(incident).outcome is Outcome.ESCALATED
    assert (stage.alias(), stage.served()) == before
    assert passengers.failures == []
    _closed_once(stage)
    evidence("g: terminated by hand", {"sentence": stage.closing(incident).sentence, "requests": passengers.requests, "failed": 0})


def _closed_once(stage: Stage) -> None:
    stage.agrees()
    assert [record.event for record in stage.records()].count("incident.closed") == 1


def _restart_controller() -> None:
    command = os.environ.get("E2E_RESTART_CONTROLLER", _RESTART)
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"

"""A newer render under a running heal, and everything taken away again. The last of the suite:
nothing is there afterwards.
"""

import json
from pathlib import Path

import pytest

from modelmedic.examples.cluster import runs
from modelmedic.examples.cluster.install import OURS, render_tree, settings, uninstall
from modelmedic.examples.cluster.kubectl import Cluster, wait_until
from modelmedic.steps.contracts.words import Outcome
from tests.e2e.stage import Stage, evidence, variant

pytestmark = pytest.mark.slow


def test_a_newer_render_under_a_running_heal_does_not_break_it(stage: Stage, tmp_path: Path) -> None:
    """The heal goes on by the rules that its incident was opened under; the next one follows the
    newer ones.
    """
    platform, images = settings()
    newer = variant(stage.policy, metadata={"owner": "somebody-else"}, validate={"minGain": 0.4})
    stage.flights()
    incident = stage.opened(variant(stage.policy, rollout={"hold": "20s"}))
    with stage.asking() as passengers:
        workflow = stage.start(incident)
        wait_until(lambda: stage.step_pod(workflow, "retrain"), 240, "the pod of retrain")
        folder = render_tree([newer], platform, images, tmp_path / "tree")
        stage.cluster.run("apply", "--server-side", "--force-conflicts", "-k", str(folder), namespaced=False)
        runs.succeed(stage.cluster, workflow, 420)
    assert stage.closing(incident).outcome is Outcome.HEALED, stage.closing(incident).sentence
    stage.agrees()
    assert passengers.failures == []
    template = stage.cluster.get("workflowtemplate", f"heal-{stage.model}") or {}
    assert template["metadata"]["annotations"]["modelmedic.io/policy-hash"] == newer.hash
    suspended = stage.cluster.get("cronworkflow", f"monitor-{stage.model}") or {}
    facts = {"monitor": suspended["spec"].get("suspend"), "requests": passengers.requests, "failed": 0}
    evidence("7: upgrade under a running heal", {"outcome": "healed", **facts})


def test_what_is_uninstalled_leaves_nothing_behind(stage: Stage, tmp_path: Path) -> None:
    """But for the data, which on a platform lie elsewhere; the quickstart's lie in its pods."""
    platform, images = settings()
    there = _ours(stage.cluster)
    assert len(there) > 50
    uninstall(stage.cluster, render_tree([stage.policy], platform, images, tmp_path / "tree"), print)
    wait_until(
        lambda: True if stage.cluster.run("get", "namespace", stage.cluster.namespace, check=False) == "" else None, 180, "no namespace"
    )
    assert _ours(stage.cluster) == []
    evidence("7: uninstall", {"objects before": len(there), "after": 0})


def _ours(cluster: Cluster) -> list[str]:
    """Every object of any kind, in any namespace or none, that says it is part of us."""
    kinds = cluster.run("api-resources", "--verbs=list,delete", "-o", "name", namespaced=False).split()
    kinds = [kind for kind in kinds if not kind.startswith(("events", "metrics"))]
    text = cluster.run("get", ",".join(kinds), "-A", "-l", OURS, "-o", "json", namespaced=False)
    return [f"{each['kind']}/{each['metadata']['name']}" for each in json.loads(text)["items"]]

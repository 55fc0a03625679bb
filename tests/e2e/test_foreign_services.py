"""A bootstrap beside an InferenceService of somebody else, under the very name that the policy
gives.
"""

import json
from typing import Any

from modelmedic.examples.cluster import runs
from tests.e2e.stage import Stage, evidence

_PREDICTOR = {
    "minReplicas": 1,
    "model": {"modelFormat": {"name": "sklearn"}, "runtime": "somebody-elses", "storageUri": "s3://somebody-elses/iris"},
}


def _document(stage: Stage) -> dict[str, Any]:
    described = {"name": stage.policy.serving.inferenceService, "namespace": stage.cluster.namespace}
    api = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
    return {**api, "metadata": described, "spec": {"predictor": _PREDICTOR}}


def _spec(stage: Stage) -> bytes:
    found = stage.cluster.get("inferenceservice", stage.policy.serving.inferenceService)
    assert found is not None
    return json.dumps({"spec": found["spec"], "generation": found["metadata"]["generation"]}, sort_keys=True).encode()


def test_a_bootstrap_leaves_a_foreign_service_byte_for_byte_as_it_is(stage: Stage) -> None:
    """The first part refuses, so that no pod trains anything."""
    stage.cluster.run("delete", "inferenceservices", "--all", "--wait=true", "--timeout=90s", check=False)
    stage.cluster.create(_document(stage))
    try:
        before = _spec(stage)
        workflow = runs.start(stage.cluster, f"bootstrap-{stage.model}")
        assert runs.wait(stage.cluster, workflow, 180) == "Failed"
        assert _spec(stage) == before
        said = runs.logs(stage.cluster, workflow)
        assert "was not made by modelmedic" in said
        assert "runtime somebody-elses, storageUri s3://somebody-elses/iris" in said
        ran = [node.name.partition("(")[0] for node in runs.nodes(stage.cluster, workflow) if node.phase not in ("Omitted", "Skipped")]
        assert "train" not in ran
        evidence("foreign service", {"nodes": ran, "sentence": said[-600:]})
    finally:
        stage.cluster.run("delete", "inferenceservices", "--all", "--wait=true", "--timeout=90s", check=False)
        stage.begin_again()

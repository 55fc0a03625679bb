"""The parts that all workflows share: how long they are kept, who reports their results, what may
never be mounted.
"""

from typing import Any, Final

from hera.workflows import models as m

from modelmedic.workflows.argo import hardening
from modelmedic.workflows.inputs.labels import annotations, argo_annotations, labels, selector
from modelmedic.workflows.inputs.model import Model
from modelmedic.workflows.inputs.names import account

ARTIFACTS: Final = "modelmedic-artifacts"
ARTIFACT_GC: Final = "artifact-gc"
_DAY: Final = 86400
KEPT: Final = {"success": 14 * _DAY, "failure": 30 * _DAY}  # longer than any alert repeats; the ledger remembers for ever


def common(
    name: str, namespace: str, component: str, title: str, description: str, step_class: str, model: Model | None = None
) -> dict[str, Any]:
    """Keyword arguments of a Hera WorkflowTemplate or CronWorkflow."""
    return {
        "name": name,
        "namespace": namespace,
        "labels": labels(component, model),
        "annotations": annotations(model) | argo_annotations(title, description),
        "service_account_name": account(step_class),
        "automount_service_account_token": False,
        "executor": hardening.executor(),
        "security_context": hardening.pod(),
        "pod_metadata": m.Metadata(labels=labels(component, model)),
        "workflow_metadata": m.WorkflowMetadata(labels=labels(component, model), annotations=argo_annotations(title, description)),
        "pod_gc": m.PodGC(strategy="OnPodSuccess", delete_delay_duration="10m"),
        "ttl_strategy": m.TTLStrategy(seconds_after_success=KEPT["success"], seconds_after_failure=KEPT["failure"]),
    }


def artifacts() -> dict[str, Any]:
    """Of workflows that write an artifact: where to, and that it goes when the workflow goes."""
    return {
        "artifact_repository_ref": m.ArtifactRepositoryRef(config_map=ARTIFACTS, key="modelmedic"),
        "artifact_gc": m.WorkflowLevelArtifactGC(
            strategy="OnWorkflowDeletion",
            force_finalizer_removal=True,
            service_account_name=account(ARTIFACT_GC),
            pod_metadata=m.Metadata(labels=dict(selector(ARTIFACT_GC))),
        ),
    }

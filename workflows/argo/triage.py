"""`triage`: the one entrance of alerts. The whole body comes in as a file, encoded; out go
incidents, and a Workflow for each.
"""

from typing import Any, Final

from hera.workflows import WorkflowTemplate
from hera.workflows import models as m

from modelmedic.workflows.argo.step import Call, container, document
from modelmedic.workflows.argo.workflow import common
from modelmedic.workflows.inputs.platform import Platform

TRIAGE: Final = "triage"
PAYLOAD: Final = "payload"
_PATH: Final = "/payload"
_SECONDS: Final = 600


def triage(platform: Platform, policies: str) -> dict[str, Any]:
    """Its only argument is the raw artifact `payload`: base64, so that nothing in an alert is ever
    read as a template.
    """
    call = Call(
        name=TRIAGE,
        step=TRIAGE,
        step_class=TRIAGE,
        image=platform.images.steps,
        seconds=_SECONDS,
        flags=(),
        fixed=(f"--payload={_PATH}",),
        inputs=(),
        artifacts=[m.Artifact(name=PAYLOAD, path=_PATH)],
        outputs=("opened", "attached", "refused"),
        mounted=policies,
    )
    description = "Alerts to incidents: validated, deduplicated, written down, one Workflow per incident."
    workflow = WorkflowTemplate(
        **common(TRIAGE, platform.namespace, TRIAGE, "Triage alerts", description, TRIAGE),
        entrypoint=TRIAGE,
        arguments=[m.Artifact(name=PAYLOAD, raw=m.RawArtifact(data="e30="))],  # {}, because a template has to say where its artifacts are
        active_deadline_seconds=_SECONDS,
        templates=[container(call)],
    )
    return document(workflow)

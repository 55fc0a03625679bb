"""`note-change`: the entrance of changes beside the models. One event comes in as a file, encoded;
an object of the inbox goes out.
"""

from typing import Any, Final

from hera.workflows import WorkflowTemplate
from hera.workflows import models as m

from modelmedic.workflows.argo.step import Call, container, document
from modelmedic.workflows.argo.triage import PAYLOAD
from modelmedic.workflows.argo.workflow import common
from modelmedic.workflows.inputs.platform import Platform

NOTE_CHANGE: Final = "note-change"
_CLASS: Final = "triage"  # light, and it reads what strangers sent as well
_PATH: Final = "/payload"
_SECONDS: Final = 300


def note_change(platform: Platform, policies: str) -> dict[str, Any]:
    """Its only argument is the raw artifact `payload`, as that of `triage`."""
    call = Call(
        name=NOTE_CHANGE,
        step=NOTE_CHANGE,
        step_class=_CLASS,
        image=platform.images.steps,
        seconds=_SECONDS,
        flags=(),
        fixed=(f"--payload={_PATH}",),
        inputs=(),
        artifacts=[m.Artifact(name=PAYLOAD, path=_PATH)],
        outputs=("new",),
        mounted=policies,
    )
    description = "A change beside a model, noted for whoever is told of its next incident."
    workflow = WorkflowTemplate(
        **common(NOTE_CHANGE, platform.namespace, NOTE_CHANGE, "Note a change", description, _CLASS),
        entrypoint=NOTE_CHANGE,
        arguments=[m.Artifact(name=PAYLOAD, raw=m.RawArtifact(data="e30="))],
        active_deadline_seconds=_SECONDS,
        templates=[container(call)],
    )
    return document(workflow)

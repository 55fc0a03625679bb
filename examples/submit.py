"""Start a heal from Python, with Hera's WorkflowsService, and wait for its end.

    export ARGO_SERVER=https://argo.example.com ARGO_TOKEN=…
    python examples/submit.py flights-delay flights-delay-1a2b3c4d-1

The same as `modelmedic submit heal flights-delay --incident flights-delay-1a2b3c4d-1`, written out.
Only the name of the template and the incident's id are sent, because everything else is read from
the object store and checked there.
"""

import os
import sys
import time

from hera.workflows import Workflow, WorkflowsService
from hera.workflows.models import WorkflowTemplateRef

NAMESPACE = os.environ.get("MODELMEDIC_NAMESPACE", "modelmedic")


def heal(model: str, incident: str, service: WorkflowsService) -> str:
    """Start the heal; the name of its Workflow. Raises hera.exceptions.AlreadyExists when the
    incident has one already.
    """
    workflow = Workflow(
        name=f"heal-{incident}",
        namespace=NAMESPACE,
        annotations={"workflows.argoproj.io/title": f"Incident {incident.rpartition('-')[2]} of {model}"},
        workflow_template_ref=WorkflowTemplateRef(name=f"heal-{model}"),
        arguments={"incident": incident},
        workflows_service=service,
    )
    return str(workflow.create().metadata.name)


def wait(name: str, service: WorkflowsService, seconds: float = 5.0) -> str:
    """The phase that the Workflow ends in: Succeeded, also when the heal did nothing, Failed or
    Error.
    """
    while True:
        status = service.get_workflow(name, namespace=NAMESPACE).status
        if status and status.phase in ("Succeeded", "Failed", "Error"):
            return str(status.phase)
        time.sleep(seconds)


def main() -> int:
    if len(sys.argv) != 3:
        sys.stderr.write("usage: python examples/submit.py MODEL INCIDENT\n")
        return 2
    service = WorkflowsService(host=os.environ["ARGO_SERVER"], token=os.environ.get("ARGO_TOKEN"), namespace=NAMESPACE)
    name = heal(sys.argv[1], sys.argv[2], service)
    sys.stderr.write(f"{name}: started\n")
    phase = wait(name, service)
    sys.stdout.write(f"{name}: {phase}\n")
    return 0 if phase == "Succeeded" else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""Starting a monitor, a heal or a bootstrap by hand through the Argo server, and following it to
its end.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelmedic.steps.contracts.errors import BadInput, Conflict, Transient
from modelmedic.steps.contracts.keys import incident_place
from modelmedic.workflows.inputs import names
from modelmedic.workflows.inputs.labels import TITLE

_EVERY: Final = 3.0  # seconds between two looks
_ENDED: Final = ("Succeeded", "Failed", "Error")
_CODES: Final = (65, 75, 77, 78)
MONITOR, HEAL, BOOTSTRAP = "monitor", "heal", "bootstrap"


@dataclass(frozen=True, slots=True)
class Request:
    """A template or CronWorkflow to start, with its parameters."""

    kind: str
    name: str
    parameters: tuple[str, ...] = ()
    run: str = ""  # the new Workflow's name, of which there is one at a time; made from the template's when empty
    title: str = ""  # what Argo's lists show in place of the name
    incident: str = ""  # by which the heals of one incident are found


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a workflow. `code` is 0, or the exit code of the step that ended it; `outputs` are
    those of its last step.
    """

    name: str
    phase: str
    code: int
    sentence: str
    outputs: Mapping[str, str]


def request(what: str, model: str, incident: str | None = None) -> Request:
    """Raises BadInput for a heal without an incident's id, or anything else with one."""
    if what == HEAL:
        if incident is None:
            raise BadInput("heal needs --incident; `modelmedic incidents` lists those there are, and a monitor's alarm opens one")
        _, epoch = incident_place(incident)
        title = f"Incident {epoch} of {model}"
        return Request("WorkflowTemplate", names.heal(model), (f"incident={incident}",), f"heal-{incident}", title, incident)
    if incident is not None:
        raise BadInput(f"{what} takes no --incident; expected it with heal alone")
    if what == MONITOR:
        return Request("CronWorkflow", names.monitor(model))
    return Request("WorkflowTemplate", names.bootstrap(model))


def submit(service: Any, wanted: Request, namespace: str) -> str:
    """The new Workflow's name. `service` is Hera's WorkflowsService.

    Raises Conflict for a heal whose incident has its Workflow already, whoever started that;
    BadInput when the server refuses, Transient when it is away.
    """
    from hera.exceptions import AlreadyExists
    from hera.workflows.models import SubmitOpts, WorkflowSubmitRequest

    options = SubmitOpts(
        parameters=list(wanted.parameters) or None,
        labels="modelmedic.io/submitted-by=hand" + (f",modelmedic.io/incident={wanted.incident}" if wanted.incident else ""),
        annotations=f"{TITLE}={wanted.title}" if wanted.title else None,
        name=wanted.run or None,
    )
    asked = WorkflowSubmitRequest(namespace=namespace, resource_kind=wanted.kind, resource_name=wanted.name, submit_options=options)

    def send() -> Any:
        try:
            return service.submit_workflow(asked, namespace=namespace)
        except AlreadyExists as error:
            raise Conflict(f"Workflow {wanted.run} is there already; expected one heal for incident {wanted.incident}") from error

    return str(_answer(send, f"{wanted.kind} {wanted.name}").metadata.name)


def follow(service: Any, name: str, namespace: str, sleep: Callable[[float], None] = time.sleep) -> Iterator[str | Ended]:
    """A sentence for each node that changes, and at last how it ended."""
    said: dict[str, str] = {}
    while True:
        workflow = _answer(lambda: service.get_workflow(name, namespace=namespace), f"Workflow {name}")
        nodes = (workflow.status and workflow.status.nodes) or {}
        for identity, node in sorted(nodes.items(), key=lambda pair: str(pair[1].started_at)):
            if said.get(identity) != node.phase and node.type in ("Pod", "Suspend"):
                said[identity] = str(node.phase)
                yield f"{_title(node)}: {node.phase}" + (f" ({node.message})" if node.message else "")
        phase = workflow.status and workflow.status.phase
        if phase in _ENDED:
            yield _ended(name, str(phase), list(nodes.values()), str(workflow.status.message or ""))
            return
        sleep(_EVERY)


def service(server: str, token: str | None, *, verify: bool = True) -> Any:
    """Hera's client of the Argo server at this address."""
    from hera.workflows import WorkflowsService

    return WorkflowsService(host=server, token=token, verify_ssl=verify)


def _ended(name: str, phase: str, nodes: list[Any], message: str) -> Ended:
    outputs = {
        parameter.name: str(parameter.value)
        for node in sorted(nodes, key=lambda node: str(node.finished_at))
        if node.type == "Pod" and node.outputs
        for parameter in node.outputs.parameters or []
        if parameter.value is not None  # a step that failed has its outputs declared, and nothing in them
    }
    if phase == "Succeeded":
        return Ended(name, phase, 0, message, outputs)
    broken = [node for node in nodes if node.type == "Pod" and node.phase in ("Failed", "Error")]
    codes = [int(node.outputs.exit_code) for node in broken if node.outputs and node.outputs.exit_code]
    code = next((each for each in codes if each in _CODES), 1)
    said = "; ".join(f"{_title(node)}: {node.message}" for node in broken if node.message)
    return Ended(name, phase, code, said or message, outputs)


def _title(node: Any) -> str:
    """A try of a step is `retrain(0)` to Argo; the first one is meant when no number is said."""
    name, _, attempt = str(node.display_name).removesuffix(")").partition("(")
    return f"{name}, attempt {int(attempt) + 1}" if attempt not in ("", "0") else name


def _answer(ask: Callable[[], Any], what: str) -> Any:
    from hera.exceptions import HeraException, InternalServerError

    try:
        return ask()
    except InternalServerError as error:
        raise Transient(f"Argo server failed on {what}: {error}") from error
    except HeraException as error:
        raise BadInput(f"Argo server refuses {what}: {error}") from error
    except OSError as error:
        raise Transient(f"Argo server cannot be reached for {what}: {error}; expected its address in --server or ARGO_SERVER") from error

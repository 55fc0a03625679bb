"""`bootstrap-<model>`: the first champion, trained, registered and served, each by the step class
that may do it, after a look at what serves; started by hand.
"""

from dataclasses import dataclass
from typing import Any, Final

from hera.workflows import DAG, Parameter, Task, WorkflowTemplate

from modelmedic.steps.contracts.stage import Account
from modelmedic.workflows.argo.step import Call, container, document
from modelmedic.workflows.argo.workflow import common
from modelmedic.workflows.inputs.model import Model
from modelmedic.workflows.inputs.platform import Platform

ENTRY: Final = "bootstrap"


@dataclass(frozen=True, slots=True)
class Part:
    """One of the steps: what it is given by the one before, and what it passes on."""

    name: str
    account: Account
    image: str
    seconds: int
    takes: str | None = None
    gives: str | None = None


def bootstrap(model: Model, platform: Platform) -> dict[str, Any]:
    """No arguments: the policy says everything, and the labelled rows lie in the object store."""
    parts = (
        Part("check", Account.DEPLOY, platform.images.steps, model.step_seconds),  # alone it may look at what serves
        Part("train", Account.TRAIN, model.train_image, model.train_seconds, gives="candidate"),
        Part("register", Account.VALIDATE, platform.images.predictor, model.step_seconds, takes="candidate", gives="version"),
        Part("serve", Account.DEPLOY, platform.images.steps, model.deploy_seconds, takes="version"),
    )
    refused = "refused when one serves already, or what serves is not ours"
    description = f"Trains, registers and serves the first champion; {refused}. {model.about} Owner: {model.owner}."
    workflow = WorkflowTemplate(
        **common(model.bootstrap, platform.namespace, "bootstrap", f"Bootstrap {model.name}", description, "observe", model),
        entrypoint=ENTRY,
        active_deadline_seconds=model.heal_seconds,
        templates=[container(_call(part, model)) for part in parts],
    )
    with workflow, DAG(name=ENTRY):
        for before, part in zip((None, *parts), parts, strict=False):
            _task(before, part)
    built = document(workflow)
    built["spec"]["templates"].sort(key=lambda template: template["name"] != ENTRY)
    return built


def _call(part: Part, model: Model) -> Call:
    taken = (part.takes,) if part.takes else ()
    return Call(
        name=part.name,
        step="bootstrap",
        step_class=part.account.value,
        image=part.image,
        seconds=part.seconds,
        flags=taken,
        fixed=(f"--part={part.name}",),
        inputs=tuple(Parameter(name=name, description="From the part before.") for name in taken),
        outputs=(part.gives,) if part.gives else (),
        mounted=model.policy_map,
    )


def _task(before: Part | None, part: Part) -> None:
    arguments = {part.takes: f"{{{{tasks.{before.name}.outputs.parameters.{part.takes}}}}}"} if before and part.takes else None
    Task(name=part.name, template=part.name, depends=f"{before.name}.Succeeded" if before else None, arguments=arguments)

"""`bootstrap-<model>`: the first champion, trained, registered and served, each by the step class that may do it; started by hand."""

from typing import Any, Final

from hera.workflows import DAG, Task, WorkflowTemplate

from steps.contracts.stage import Account
from workflows.model import Model
from workflows.platform import Platform
from workflows.step import Call, container, document
from workflows.workflow import common

ENTRY: Final = "bootstrap"


def bootstrap(model: Model, platform: Platform) -> dict[str, Any]:
    """No arguments: the policy says everything."""
    parts = {
        "train": (Account.TRAIN, model.train_image, model.train_seconds),
        "register": (Account.VALIDATE, platform.images.predictor, model.step_seconds),
        "serve": (Account.DEPLOY, platform.images.steps, model.deploy_seconds),
    }
    description = f"Trains, registers and serves the first champion; refused when one serves already. {model.about} Owner: {model.owner}."
    workflow = WorkflowTemplate(
        **common(model.bootstrap, platform.namespace, "bootstrap", f"Bootstrap {model.name}", description, "observe", model),
        entrypoint=ENTRY,
        active_deadline_seconds=model.heal_seconds,
        templates=[
            container(
                Call(
                    name=part,
                    step="bootstrap",
                    step_class=account.value,
                    image=image,
                    seconds=seconds,
                    flags=(),
                    fixed=(f"--part={part}",),
                    inputs=(),
                    mounted=model.policy_map,
                )
            )
            for part, (account, image, seconds) in parts.items()
        ],
    )
    with workflow, DAG(name=ENTRY):
        before = None
        for part in parts:
            Task(name=part, template=part, depends=f"{before}.Succeeded" if before else None)
            before = part
    built = document(workflow)
    built["spec"]["templates"].sort(key=lambda template: template["name"] != ENTRY)
    return built

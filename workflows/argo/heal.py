"""`heal-<model>`: the stage table as an Argo DAG, so that the cluster walks what the laptop
walks.
"""

from collections.abc import Mapping
from typing import Any, Final

from hera.workflows import DAG, Container, Parameter, Suspend, Task, WorkflowTemplate
from hera.workflows import models as m

from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.stage import Account, Condition, Image, Kind, Output, Stage
from modelmedic.workflows.argo.step import INCIDENT, OUTPUTS, Call, container, document
from modelmedic.workflows.argo.workflow import artifacts, common
from modelmedic.workflows.inputs.labels import DESCRIPTION, labels
from modelmedic.workflows.inputs.model import Model
from modelmedic.workflows.inputs.platform import Platform

ENTRY: Final = "heal"
CLOSING: Final = "closing"  # Argo names an exit itself; the step inside it keeps its own name
EXPIRED: Final = "rejected"  # the answer of an approval that times out
_BY_NAME: Final = {stage.name: stage for stage in HEAL}


def heal(model: Model, platform: Platform) -> dict[str, Any]:
    """The WorkflowTemplate of one model. Its only argument is the incident's id."""
    runbook = f"[Runbook]({platform.links.runbooks}/ModelmedicHealFailed.md)"
    dashboard = f"[Dashboard]({platform.links.grafana}/d/modelmedic-model?var-model={model.name})"
    versions = f"[Versions]({platform.links.mlflow}/#/models/{model.registered}) " if platform.links.mlflow else ""
    description = f"{dashboard} {runbook} {versions}One incident, from diagnosis to its close. {model.about} Owner: {model.owner}."
    workflow = WorkflowTemplate(
        **common(model.heal, platform.namespace, "heal", f"Heal {model.name}", description, Account.OBSERVE.value, model),
        **artifacts(),
        entrypoint=ENTRY,
        hooks={"exit": m.LifecycleHook(template=CLOSING, arguments=_incident())},
        arguments=[INCIDENT],
        active_deadline_seconds=model.heal_seconds,
        templates=[_template(stage, model, platform) for stage in HEAL],
    )
    workflow.workflow_metadata = _run(model, description)
    for name, exits in ((ENTRY, False), (CLOSING, True)):
        with workflow, DAG(name=name, inputs=[INCIDENT]):
            for stage in HEAL:
                if (stage.kind is Kind.EXIT) is exits:
                    _task(stage)
    return _entry_first(document(workflow))


def depends(stage: Stage) -> str | None:
    """Every clause names a result: a bare name would follow a skipped stage as well.

    What was skipped or succeeded had what it follows itself, so that need not be said again: the
    graph stays a tree of few branches, which Argo's UI draws whole.
    """
    known = {name for each in stage.after_or_skipped for name in _BY_NAME[each].after}
    clauses = [f"{name}.Succeeded" for name in stage.after if name not in known]
    clauses += [f"({name}.Succeeded || {name}.Skipped)" for name in stage.after_or_skipped]
    return " && ".join(clauses) or None


def when(stage: Stage) -> str | None:
    return " && ".join(_holds(condition) for condition in stage.when) or None


def _holds(condition: Condition) -> str:
    """An empty value means that the stage was skipped, which Argo says in its status; its outputs
    then hold nothing to rely on.
    """
    output = f"'{{{{tasks.{condition.stage}.outputs.parameters.{condition.output}}}}}'"
    tests = [f"'{{{{tasks.{condition.stage}.status}}}}' == 'Skipped'"] if "" in condition.values else []
    tests += [f"{output} == '{value}'" for value in condition.values if value]
    return f"({' || '.join(tests)})" if len(tests) > 1 else tests[0]


def _task(stage: Stage) -> Task:
    if stage.kind is Kind.APPROVAL:
        return Task(name=stage.name, template=stage.name, depends=depends(stage), when=when(stage))
    taken = {given.name: f"{{{{tasks.{given.stage}.outputs.parameters.{given.output}}}}}" for given in stage.inputs}
    arguments: Mapping[str, str] = {"incident": "{{inputs.parameters.incident}}", **taken}
    return Task(name=stage.name, template=stage.name, depends=depends(stage), when=when(stage), arguments=dict(arguments))


def _template(stage: Stage, model: Model, platform: Platform) -> Container | Suspend:
    return _approval(stage, model) if stage.kind is Kind.APPROVAL else container(_call(stage, model, platform))


def _call(stage: Stage, model: Model, platform: Platform) -> Call:
    taken = [Parameter(name=given.name, description=f"From {given.stage}.") for given in stage.inputs]
    return Call(
        name=stage.name,
        step=stage.step,
        step_class=stage.account.value,
        image=_image(stage, model, platform),
        seconds=_seconds(stage, model),
        flags=("incident", *(given.name for given in stage.inputs)),
        inputs=[INCIDENT, *taken],
        outputs=tuple(output.name for output in stage.outputs),
        reports=[_page()] if stage.kind is Kind.EXIT else (),
        mounted=model.policy_map,
        annotations={"modelmedic.io/title": stage.title},
    )


def _image(stage: Stage, model: Model, platform: Platform) -> str:
    """The stage's image on this platform; a model may have a training image of its own."""
    images = {
        Image.STEPS: platform.images.steps,
        Image.TRAIN: model.train_image,
        Image.REPORT: platform.images.report,
        Image.PREDICTOR: platform.images.predictor,
    }
    return images[stage.image]


def _seconds(stage: Stage, model: Model) -> int:
    special = {"retrain": model.train_seconds, "deploy": model.deploy_seconds}
    return special.get(stage.step, model.step_seconds)


def _approval(stage: Stage, model: Model) -> Suspend:
    """Waits without a pod. It ends as Succeeded when its time is over, with a rejection."""
    decision: Output = stage.outputs[0]
    text = (
        "`modelmedic incidents` shows what it is about, `modelmedic approve` answers in your name; an answer here is unattributed "
        "and counts only where the policy says approval.form. "
        f"The toolbar's Resume says {EXPIRED}. {stage.description}"
    )
    return Suspend(
        name=stage.name,
        duration=model.approval,
        inputs=[Parameter(name=decision.name, default=EXPIRED, enum=list(decision.values), description=text)],
        outputs=[Parameter(name=decision.name, value_from=m.ValueFrom(supplied=m.SuppliedValueFrom(), default=EXPIRED))],
    )


def _run(model: Model, description: str) -> m.WorkflowMetadata:
    """Of each run: no title, so that lists show its name, which says the incident; and the incident
    as a label to look for.
    """
    incident = {"modelmedic.io/incident": m.LabelValueFrom(expression="workflow.parameters.incident")}
    annotated = {DESCRIPTION: description}
    return m.WorkflowMetadata(labels=labels("heal", model), labels_from=incident, annotations=annotated)


def _incident() -> m.Arguments:
    """The incident for the exit, which sees no task's inputs."""
    return m.Arguments(parameters=[m.Parameter(name="incident", value="{{workflow.parameters.incident}}")])


def _page() -> m.Artifact:
    """The incident report, which Argo's UI shows as a page."""
    plain = m.ArchiveStrategy(none=m.NoneStrategy())
    return m.Artifact(name="incident", path=f"{OUTPUTS}/incident.html", optional=True, archive=plain)


def _entry_first(built: dict[str, Any]) -> dict[str, Any]:
    templates = built["spec"]["templates"]
    templates.sort(key=lambda template: template["name"] != ENTRY)
    return built

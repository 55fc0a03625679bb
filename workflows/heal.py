"""`heal-<model>`: the stage table as an Argo DAG, so that the cluster walks what the laptop walks."""

from collections.abc import Mapping
from typing import Any, Final

from hera.workflows import DAG, Container, Parameter, Suspend, Task, WorkflowTemplate
from hera.workflows import models as m

from steps.contracts.stage import Account, Condition, Kind, Output, Stage
from steps.stages import HEAL
from workflows.model import Model
from workflows.platform import Platform
from workflows.step import INCIDENT, OUTPUTS, Call, container, document
from workflows.workflow import artifacts, common

ENTRY: Final = "heal"
EXPIRED: Final = "rejected"  # what an approval says that nobody answered
_BY_NAME: Final = {stage.name: stage for stage in HEAL}


def heal(model: Model, platform: Platform) -> dict[str, Any]:
    """The WorkflowTemplate of one model. Its only argument is the incident's id."""
    exits = [stage.name for stage in HEAL if stage.kind is Kind.EXIT]
    description = (
        f"{model.about} Owner: {model.owner}. One incident, from diagnosis to its close. "
        f"[Dashboard]({platform.links.grafana}/d/modelmedic-model?var-model={model.name}) "
        f"[What to do when it fails]({platform.links.runbooks}/ModelmedicHealFailed.md)"
    )
    workflow = WorkflowTemplate(
        **common(model.heal, platform.namespace, "heal", f"Heal {model.name}", description, Account.OBSERVE.value, model),
        **artifacts(),
        entrypoint=ENTRY,
        hooks={"exit": m.LifecycleHook(template=exits[0], arguments=_incident())},
        arguments=[INCIDENT],
        active_deadline_seconds=model.heal_seconds,
        templates=[_template(stage, model, platform) for stage in HEAL],
    )
    with workflow, DAG(name=ENTRY, inputs=[INCIDENT]):
        for stage in HEAL:
            if stage.kind is not Kind.EXIT:
                _task(stage)
    return _entry_first(document(workflow))


def depends(stage: Stage) -> str | None:
    """Every clause names a result: a bare name would follow a skipped stage as well."""
    clauses = [f"{name}.Succeeded" for name in stage.after]
    clauses += [f"({name}.Succeeded || {name}.Skipped)" for name in stage.after_or_skipped]
    return " && ".join(clauses) or None


def when(stage: Stage) -> str | None:
    return " && ".join(_holds(condition) for condition in stage.when) or None


def _holds(condition: Condition) -> str:
    """An empty value means that the stage was skipped, which Argo says in its status; its outputs then hold nothing to rely on."""
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
    """Judged in the image that will serve it: that it loads there is part of the judgement."""
    special = {Account.TRAIN: model.train_image, Account.VALIDATE: platform.images.predictor}
    return special.get(stage.account, platform.images.steps)


def _seconds(stage: Stage, model: Model) -> int:
    special = {"retrain": model.train_seconds, "deploy": model.deploy_seconds}
    return special.get(stage.step, model.step_seconds)


def _approval(stage: Stage, model: Model) -> Suspend:
    """Waits without a pod. It ends as Succeeded when its time is over, and then says no."""
    decision: Output = stage.outputs[0]
    text = f"{stage.description} Look first: the incident report, `modelmedic incidents`; answer with `modelmedic approve`."
    return Suspend(
        name=stage.name,
        duration=model.approval,
        inputs=[Parameter(name=decision.name, default=EXPIRED, enum=list(decision.values), description=text)],
        outputs=[Parameter(name=decision.name, value_from=m.ValueFrom(supplied=m.SuppliedValueFrom(), default=EXPIRED))],
    )


def _incident() -> m.Arguments:
    """For the exit, which sees no task's inputs."""
    return m.Arguments(parameters=[m.Parameter(name="incident", value="{{workflow.parameters.incident}}")])


def _page() -> m.Artifact:
    """The incident report, which Argo's UI shows as a page."""
    plain = m.ArchiveStrategy(none=m.NoneStrategy())
    return m.Artifact(name="incident", path=f"{OUTPUTS}/incident.html", optional=True, archive=plain)


def _entry_first(built: dict[str, Any]) -> dict[str, Any]:
    templates = built["spec"]["templates"]
    templates.sort(key=lambda template: template["name"] != ENTRY)
    return built

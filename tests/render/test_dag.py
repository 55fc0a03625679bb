"""The rendered DAG and the stage table say the same, whatever the stages answer."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import product
from typing import Any, cast
from unittest.mock import Mock

import pytest

from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.stage import Kind, Stage
from modelmedic.steps.heal import engine
from modelmedic.steps.reconcile.sweep import deadline
from modelmedic.steps.runtime.run import Run
from modelmedic.workflows.argo.heal import heal
from modelmedic.workflows.inputs.model import model_of
from modelmedic.workflows.inputs.platform import Platform
from tests.render.argo import AbsentOptionalError, walk
from tests.render.policies import NAMED, policy

Answers = dict[str, dict[str, str]]
STEPS = [stage for stage in HEAL if stage.kind is not Kind.EXIT]


@pytest.fixture(scope="module")
def rendered() -> dict[str, Any]:
    platform = Platform()
    return heal(model_of(policy(), platform), platform)


@pytest.mark.parametrize("name", NAMED)
def test_no_heal_is_ended_before_what_its_policy_allows_is_over(name: str) -> None:
    """A pod outlasts both of its trainings, which end by themselves; a Workflow outlasts its pods
    and the wait for a person, and the sweep closes nothing that a Workflow may still do.
    """
    chosen = policy(name)
    model = model_of(chosen, Platform())
    assert model.train_seconds > 2 * chosen.retrain.timeout.total_seconds()
    pods = model.train_seconds + model.deploy_seconds + chosen.approval.timeout.total_seconds()
    assert pods < model.heal_seconds < deadline(chosen).total_seconds()


def every_answer() -> Iterator[Answers]:
    """All combinations of what the stages may answer; an output without a list of values says
    something.
    """
    places = [(stage.name, output.name, output.values or ("7",)) for stage in STEPS for output in stage.outputs]
    for values in product(*(allowed for _, _, allowed in places)):
        answers: Answers = {stage.name: {} for stage in STEPS}
        for (stage, output, _), value in zip(places, values, strict=True):
            answers[stage][output] = value
        yield answers


def by_the_table(answers: Answers, table: list[Stage]) -> dict[str, str]:
    """As `modelmedic.steps.contracts.stage` defines it."""
    phases: dict[str, str] = {}
    for stage in table:
        ready = all(phases[name] == "Succeeded" for name in stage.after)
        ready = ready and all(phases[name] in ("Succeeded", "Skipped") for name in stage.after_or_skipped)
        holds = all((answers[test.stage][test.output] if phases[test.stage] == "Succeeded" else "") in test.values for test in stage.when)
        phases[stage.name] = "Omitted" if not ready else "Succeeded" if holds else "Skipped"
    return phases


def test_dag_and_table_run_the_same_stages_for_all_outputs(rendered: dict[str, Any]) -> None:
    seen = 0
    for answers in every_answer():
        assert walk(rendered, answers) == by_the_table(answers, STEPS), answers
        seen += 1
    assert seen >= 6 * 2 * 2 * 2 * 2 * 2


class Recorder:
    """As much of a `Run` as the local engine needs: approvals are answered already, and what is
    asked for is remembered.
    """

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.ran: list[str] = []
        self.site = self
        self.trail = Mock()
        self.incident = Mock()

    def say(self, sentence: str) -> None:
        pass

    def alone(self, doing: str) -> AbstractContextManager[None]:
        assert doing
        return nullcontext()

    def outputs(self, name: str) -> dict[str, str] | None:
        if next(stage for stage in STEPS if stage.name == name).kind is not Kind.APPROVAL:
            return None
        self.ran.append(name)
        return self.answers[name]

    def step(self, name: str, _: Any, inputs: Mapping[str, str]) -> Mapping[str, str]:
        self.ran.append(name)
        assert all(inputs.values())
        return self.answers.get(name, {"outcome": "closed"})


def test_the_engine_of_the_laptop_runs_what_the_dag_runs(rendered: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "note_results", lambda _: None)  # the recorder keeps none,
    monkeypatch.setattr(engine, "end_left_open", lambda *_: None)  # and leaves nothing open
    for answers in every_answer():
        recorder = Recorder(answers)
        engine.heal(cast(Run, recorder), step=recorder.step)
        ran = {name for name, phase in walk(rendered, answers).items() if phase == "Succeeded"}
        assert set(recorder.ran) == {*ran, "close"}


def test_an_approval_that_nobody_answers_lets_nothing_through(rendered: dict[str, Any]) -> None:
    for stage in HEAL:
        if stage.kind is Kind.APPROVAL:
            template = template_of(rendered, stage.name)
            assert template["outputs"]["parameters"] == [{"name": "decision", "valueFrom": {"supplied": {}, "default": "rejected"}}]
            assert template["inputs"]["parameters"][0]["enum"] == ["approved", "rejected"]
            assert template["inputs"]["parameters"][0]["default"] == "rejected"


def test_a_decision_of_reject_stops_at_the_approval(rendered: dict[str, Any]) -> None:
    says = {
        "diagnose": {"remedy": "retrain", "approval": "needed"},
        "retrain": {"trained": "yes"},
        "validate": {"passed": "yes", "version": "7", "digest": "d"},
        "approve": {"decision": "rejected"},
        "report": {"written": "yes"},
    }
    assert walk(rendered, says)["deploy"] == "Skipped"


def test_the_simulated_controller_refuses_what_a_real_one_would(rendered: dict[str, Any]) -> None:
    """A `when` that needs a skipped stage's output is an error in Argo 4.1 unless the output has a
    default.
    """
    broken = {**rendered, "spec": {**rendered["spec"], "templates": [dict(each) for each in rendered["spec"]["templates"]]}}
    template_of(broken, "approve")["outputs"] = {"parameters": [{"name": "decision", "valueFrom": {"supplied": {}}}]}
    says = {
        "diagnose": {"remedy": "retrain", "approval": "not-needed"},
        "retrain": {"trained": "yes"},
        "validate": {"passed": "yes", "version": "7", "digest": "d"},
        "report": {"written": "yes"},
    }
    with pytest.raises(AbsentOptionalError):
        walk(broken, says)


def test_every_stage_has_its_template_and_its_command(rendered: dict[str, Any]) -> None:
    for stage in HEAL:
        template = template_of(rendered, stage.name)
        if stage.kind is Kind.APPROVAL:
            assert "container" not in template
            continue
        flags = ["--incident={{inputs.parameters.incident}}"]
        flags += [f"--{given.name}={{{{inputs.parameters.{given.name}}}}}" for given in stage.inputs]
        assert template["container"]["command"] == ["python", "-m", "modelmedic.steps", stage.step]
        assert template["container"]["args"] == [*flags, "--outputs=/tmp/outputs"]
        assert [each["name"] for each in template["outputs"]["parameters"]] == [output.name for output in stage.outputs]
        assert template["serviceAccountName"] == f"modelmedic-{stage.account.value}"


def test_closing_runs_whatever_happened(rendered: dict[str, Any]) -> None:
    assert [stage.name for stage in HEAL if stage.kind is Kind.EXIT] == ["close"]
    assert [task["name"] for task in template_of(rendered, rendered["spec"]["hooks"]["exit"]["template"])["dag"]["tasks"]] == ["close"]
    given = {each["name"]: each["value"] for each in rendered["spec"]["hooks"]["exit"]["arguments"]["parameters"]}
    assert given == {"incident": "{{workflow.parameters.incident}}"}
    report = template_of(rendered, "close")["outputs"]["artifacts"][0]
    assert (report["path"], report["archive"], report["optional"]) == ("/tmp/outputs/incident.html", {"none": {}}, True)


def test_no_stage_has_more_branches_than_the_ui_draws(rendered: dict[str, Any]) -> None:
    """Of more than three that follow one node, Argo's UI folds those in the middle away."""
    followers: dict[str, set[str]] = {}
    for task in template_of(rendered, "heal")["dag"]["tasks"]:
        for before in re.findall(r"([a-z-]+)\.Succeeded", task.get("depends", "")):
            followers.setdefault(before, set()).add(task["name"])
    assert followers["diagnose"] == {"approve-remedy", "retrain", "report"}
    assert max(map(len, followers.values())) == 3


def test_a_run_says_which_incident_it_is(rendered: dict[str, Any]) -> None:
    run = rendered["spec"]["workflowMetadata"]
    assert run["labelsFrom"] == {"modelmedic.io/incident": {"expression": "workflow.parameters.incident"}}
    assert "workflows.argoproj.io/title" not in run["annotations"]


def test_only_exit_code_75_and_a_lost_pod_are_tried_again(rendered: dict[str, Any]) -> None:
    for template in rendered["spec"]["templates"]:
        if "container" in template:
            again = template["retryStrategy"]
            assert again["expression"] == (
                'asInt(lastRetry.exitCode) == 75 || (lastRetry.status == "Error" && asInt(lastRetry.exitCode) == -1)'
            )
            assert again["limit"] == 3
            assert again["backoff"]["duration"]


def template_of(rendered: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in rendered["spec"]["templates"] if each["name"] == name)
    return found

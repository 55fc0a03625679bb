"""The local engine follows the stage table, goes on where it stopped, and never leaves an incident
open behind a fault.
"""

from pathlib import Path

import pytest

from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.contracts.errors import Refused, Transient
from modelmedic.steps.contracts.heal_stages import HEAL
from modelmedic.steps.contracts.incident import Answer
from modelmedic.steps.contracts.results import ReportResult
from modelmedic.steps.contracts.serving import ServingState
from modelmedic.steps.heal.engine import Walk, heal
from modelmedic.steps.runtime.run import Run
from tests.worlds.played import NOW, Steps, run, site

CLOSE = {"close": {"outcome": "healed"}}
REPORT = {"report": {"written": "yes"}}
RETRAIN = {
    "diagnose": {"remedy": "retrain", "approval": "not-needed"},
    "retrain": {"trained": "yes"},
    "validate": {"passed": "yes", "version": "2", "digest": "d2"},
    "deploy": {"outcome": "healed"},
    **REPORT,
    **CLOSE,
}
WITH_APPROVAL = {**RETRAIN, "diagnose": {"remedy": "retrain", "approval": "needed"}}


class Idle:
    """A serving port on which nothing was begun."""

    def state(self) -> ServingState:
        return ServingState(1, None)


class NoAlias:
    def alias(self, _alias: str) -> None:
        return None


@pytest.fixture
def healing(tmp_path: Path) -> Run:
    return run(site(tmp_path, serving=Idle(), registry=NoAlias()))


@pytest.mark.parametrize(
    ("answers", "called"),
    [
        (RETRAIN, ["diagnose", "retrain", "validate", "deploy", "report", "close"]),
        ({**RETRAIN, "validate": {"passed": "no", "version": "2", "digest": "d2"}}, ["diagnose", "retrain", "validate", "report", "close"]),
        ({**RETRAIN, "retrain": {"trained": "no"}}, ["diagnose", "retrain", "report", "close"]),
        (
            {"diagnose": {"remedy": "quarantine", "approval": "not-needed"}, "quarantine": {"outcome": "quarantined"}, **REPORT, **CLOSE},
            ["diagnose", "quarantine", "report", "close"],
        ),
        (
            {"diagnose": {"remedy": "rollback", "approval": "not-needed"}, "rollback": {"outcome": "rolled_back"}, **REPORT, **CLOSE},
            ["diagnose", "rollback", "report", "close"],
        ),
        ({"diagnose": {"remedy": "none", "approval": "not-needed"}, **REPORT, **CLOSE}, ["diagnose", "report", "close"]),
        ({"diagnose": {"remedy": "escalate", "approval": "not-needed"}, **REPORT, **CLOSE}, ["diagnose", "report", "close"]),
    ],
    ids=["healed", "gate failed", "not trained", "quarantined", "rolled back", "nothing to do", "escalated"],
)
def test_only_the_stages_of_the_chosen_remedy_run(healing: Run, answers: dict[str, dict[str, str]], called: list[str]) -> None:
    steps = Steps(answers)
    assert heal(healing, step=steps) == Walk("healed")
    assert steps.called == called


def test_deploy_is_told_the_version_that_validate_names(healing: Run) -> None:
    steps = Steps(RETRAIN)
    heal(healing, step=steps)
    assert steps.inputs["deploy"] == {"version": "2"}


def test_a_heal_that_needs_an_approval_waits_and_goes_on_after_it(healing: Run) -> None:
    first, second = Steps(WITH_APPROVAL), Steps(WITH_APPROVAL)
    assert heal(healing, step=first) == Walk(None, waiting_at="approve")
    assert "deploy" not in first.called
    healing.site.ledger.answer(healing.incident, Answer(True, "ana", NOW, "d2"))
    assert heal(healing, step=second) == Walk("healed")
    assert second.called == ["deploy", "report", "close"]


def test_a_no_ends_the_heal_without_a_deployment(healing: Run) -> None:
    steps = Steps(WITH_APPROVAL)
    no = Answer(False, "ana", NOW, "d2")
    heal(healing, step=steps, ask=lambda run, _stage: run.site.ledger.answer(run.incident, no) and None)
    assert "deploy" not in steps.called
    assert steps.called[-1] == "close"


def test_silence_rejects(tmp_path: Path) -> None:
    clock = PlayedClock(NOW)
    healing = run(site(tmp_path, clock=clock, serving=Idle(), registry=NoAlias()))
    heal(healing, step=Steps(WITH_APPROVAL))
    clock.sleep(healing.site.policy.approval.timeout)
    later = Steps(WITH_APPROVAL)
    heal(healing, step=later)
    assert later.called == ["report", "close"]


def test_what_may_go_through_later_leaves_the_incident_open_and_goes_on_there(healing: Run) -> None:
    with pytest.raises(Transient):
        heal(healing, step=Steps({**RETRAIN, "validate": Transient("MLflow is away")}))
    assert healing.site.ledger.closing(healing.incident) is None
    again = Steps(RETRAIN)
    assert heal(healing, step=again) == Walk("healed")
    assert again.called == ["validate", "deploy", "report", "close"]


@pytest.mark.parametrize("fault", [Refused("no lease"), RuntimeError("a bug")])
def test_a_fault_closes_the_incident_with_what_broke(healing: Run, fault: Exception) -> None:
    steps = Steps({**RETRAIN, "retrain": fault})
    if isinstance(fault, RuntimeError):
        with pytest.raises(RuntimeError):
            heal(healing, step=steps)
    else:
        heal(healing, step=steps)
    assert steps.called[-1] == "close"
    assert "retrain" in steps.inputs["close"]["error"]


def test_what_waits_for_the_diagnosis_alone_begins_right_after_it_and_once(healing: Run) -> None:
    steps, begun = Steps({**RETRAIN, "validate": Transient("MLflow is away")}), list[tuple[str, list[str]]]()
    with pytest.raises(Transient):
        heal(healing, step=steps, begin=lambda step, _run: begun.append((step, list(steps.called))))
    assert begun == [("report", ["diagnose"])]
    healing.record(ReportResult(("page",)))
    heal(healing, step=Steps(RETRAIN), begin=lambda step, _run: begun.append((step, [])))
    assert len(begun) == 1


def test_every_condition_of_the_table_names_a_stage_before_it_and_an_output_that_it_has() -> None:
    seen: dict[str, dict[str, tuple[str, ...]]] = {}
    for stage in HEAL:
        for condition in stage.when:
            values = seen[condition.stage][condition.output]
            assert set(condition.values) <= {*values, ""}, (stage.name, condition)
        assert {*stage.after, *stage.after_or_skipped} <= set(seen), stage.name
        assert all(wanted.output in seen[wanted.stage] for wanted in stage.inputs)
        seen[stage.name] = {output.name: output.values for output in stage.outputs}

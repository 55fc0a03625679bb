"""People who are asked are told what they need to answer by, and are reminded once."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from modelmedic.steps.approval.pending import request_approval
from modelmedic.steps.approval.question import question
from modelmedic.steps.approval.reach import reach
from modelmedic.steps.contracts.keys import policy_key
from modelmedic.steps.contracts.notification import Notification
from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.words import Remedy
from modelmedic.steps.reconcile.sweep import sweep
from modelmedic.steps.records.documents import keep
from modelmedic.steps.runtime.run import Run
from tests.approval.test_in_a_cluster import answer, waiting
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import NOW, WINDOW
from tests.worlds.results import diagnosed, validated

HOUR = timedelta(hours=1)


def told(world: DeployedWorld) -> list[Notification]:
    return list(world.site.notifier.notifications)  # type: ignore[attr-defined]


def test_the_question_has_the_cause_the_reach_the_deadline_and_the_way_back(tmp_path: Path) -> None:
    world = waiting(tmp_path, timeout="6h")
    (asked,) = told(world)
    assert asked.summary == "churn: may version 2 serve instead of 1?"
    assert asked.description.startswith("concept_drift (90% sure): made up. 1 of 1 gates passed. After a dark run it gets ")
    identity, until = world.run.incident.id, f"{NOW + 6 * HOUR:%Y-%m-%d %H:%MZ}"
    assert f"`modelmedic approve {identity}` or `modelmedic reject {identity}`; no answer by {until} is a rejection." in asked.description
    assert asked.description.endswith(f"`modelmedic undo {identity}` takes it back later.")


def test_the_two_models_are_compared_in_the_question(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path, approval="needed")
    metric, incident = world.site.policy.metric, world.site.ledger.open_incident("churn-other", "hash", WINDOW, "test", {})[0]
    other = Run(world.site, incident)
    other.record(diagnosed(approval=True, champion="1"))
    other.record(validated("2", world.second.digest, metrics={f"challenger_{metric}": 0.7123, f"champion_{metric}": 0.644}))
    request_approval(other)
    assert f"On the newest labelled rows its {metric} is 0.7123, the champion's 0.644." in told(world)[-1].description


def test_a_rollback_is_named_as_what_it_is(tmp_path: Path) -> None:
    (asked,) = told(waiting(tmp_path, Remedy.ROLLBACK.value))
    assert asked.summary == "churn: may version 1 be taken back?"


def test_a_rollback_says_that_it_moves_all_of_the_traffic_and_a_quarantine_none(tmp_path: Path) -> None:
    for remedy, moved in ((Remedy.ROLLBACK, "gets all of the traffic at once"), (Remedy.QUARANTINE, "No traffic moves")):
        folder = tmp_path / remedy.value
        folder.mkdir()
        (asked,) = told(waiting(folder, remedy.value))
        assert moved in asked.description


def test_the_question_names_the_requests_and_the_models_that_read_the_same_rows(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path, approval="needed")
    mine = world.site.policy
    for name, rows in (("loans", mine.labels_prefix), ("fraud", "labels/fraud")):
        metadata, labels = (
            part.model_copy(update=new) for part, new in ((mine.metadata, {"name": name}), (mine.data.labels, {"prefix": rows}))
        )
        other = mine.model_copy(update={"metadata": metadata, "data": mine.data.model_copy(update={"labels": labels})})
        keep(world.site.store, policy_key(other.hash), other)
    asked = question(world.run, "approve", NOW)[1]
    assert "The same rows are read by loans." in asked
    result = world.run.result(DiagnoseResult)
    assert list(reach(world.run, replace(result, rows=1234, window=WINDOW)))[1].startswith("It answered at least 1234 requests in the ")


def test_the_owner_and_the_deputy_are_reminded_once(tmp_path: Path) -> None:
    world = waiting(tmp_path, remindAfter="2h", deputy="the second line")
    world.clock.sleep(HOUR)
    sweep(world.site)
    assert len(told(world)) == 1, "too early"
    world.clock.sleep(1.5 * HOUR)
    said = [sentence for _ in range(2) for sentence in sweep(world.site).sentences]
    reminders = told(world)[1:]
    assert [each.event for each in reminders] == ["approval.reminded"] * 2
    assert [each.to for each in reminders] == [world.site.policy.metadata.owner, "the second line"]
    assert reminders[0].summary == "churn: may version 2 serve instead of 1? It has waited for 2h30m"
    assert len([each for each in said if "were reminded of the approval" in each]) == 1


def test_nobody_is_reminded_of_what_is_answered_or_past_its_time_or_by_a_policy_that_does_not(tmp_path: Path) -> None:
    for number, (approval, answered, hours) in enumerate((({}, True, 5), ({"timeout": "4h"}, False, 5), ({"remindAfter": "0s"}, False, 5))):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        world = waiting(folder, **approval)
        if answered:
            answer(world)
        world.clock.sleep(hours * HOUR)
        sweep(world.site)
        assert "approval.reminded" not in [each.event for each in told(world)]

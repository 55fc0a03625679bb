"""Approvals for which Argo waits instead of us: asked by the step before, judged by the step
behind, and a silence written down at the close.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from modelmedic.steps.approval.pending import pending, request_approval
from modelmedic.steps.approval.requests import FORM, REMEDY
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.incident import Answer
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.heal.close import close
from modelmedic.steps.heal.deploy import deploy
from modelmedic.steps.heal.quarantine import quarantine
from modelmedic.steps.heal.rollback import rollback
from modelmedic.steps.runtime.run import Outputs, Run
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import NOW, WINDOW, policy
from tests.worlds.results import diagnosed

FOUND = Diagnosis(Cause.BAD_RELEASE, 0.9, version="1", sentence="it was the release")


def waiting(folder: Path, remedy: str = "retrain", **approval: Any) -> DeployedWorld:
    """A heal whose challenger, or whose remedy, needs an approval."""
    world = DeployedWorld(folder, approval="needed")
    world.site.policy = policy(approval=approval, rollout=world.site.policy.rollout.model_dump(mode="json"))
    if remedy != "retrain":
        incident, _ = world.site.ledger.open_incident(f"churn-{remedy}", "hash", WINDOW, "test", {})
        world.run = Run(world.site, incident)
        world.run.record(diagnosed(Remedy(remedy), found=FOUND, approval=True, champion="2"))
    request_approval(world.run)
    return world


def answer(world: DeployedWorld, *, approved: bool = True, digest: str | None = None) -> None:
    world.site.ledger.answer(world.run.incident, Answer(approved, "ana", world.clock.now(), digest or world.second.digest))


def ruled(world: DeployedWorld, stage: str = "approve") -> tuple[str, list[str], bool]:
    document = world.run.site.ledger.stage(world.run.incident, stage) or {}
    return document["decision"], document["by"], document["verified"]


def test_people_are_asked_when_the_step_before_is_done_and_only_once(tmp_path: Path) -> None:
    world = waiting(tmp_path)
    request_approval(world.again())
    asked = pending(world.site.ledger, world.run.incident)
    assert asked is not None
    assert (asked.stage, asked.asked_at) == ("approve", NOW)
    assert world.site.notifier.events == ["approval.requested"]  # type: ignore[attr-defined]


def test_an_approval_in_the_ledger_is_deployed_and_written_down(tmp_path: Path) -> None:
    world = waiting(tmp_path)
    answer(world)
    assert deploy(world.run, "2") == {"outcome": "healed"}
    assert ruled(world) == ("approved", ["ana"], False)


def test_an_approval_in_argos_form_alone_is_refused(tmp_path: Path) -> None:
    world = waiting(tmp_path)
    assert deploy(world.run, "2") == {"outcome": "rejected"}
    assert "without an answer in the ledger" in (world.run.site.ledger.stage(world.run.incident, "deploy") or {})["sentence"]
    assert world.serving.state().generation == 1


def test_an_approval_in_argos_form_counts_where_the_policy_opens_it_and_is_unattributed(tmp_path: Path) -> None:
    world = waiting(tmp_path, form=True)
    assert deploy(world.run, "2") == {"outcome": "healed"}
    assert ruled(world) == ("approved", [FORM], False)
    assert "(unverified)" in (world.run.site.ledger.stage(world.run.incident, "approve") or {})["sentence"]


def test_a_no_in_the_ledger_outweighs_argos_form(tmp_path: Path) -> None:
    world = waiting(tmp_path, form=True)
    answer(world, approved=False)
    assert deploy(world.run, "2") == {"outcome": "rejected"}
    assert ruled(world)[0] == "rejected"


def test_argos_form_comes_too_late_after_the_timeout(tmp_path: Path) -> None:
    world = waiting(tmp_path, form=True, timeout="1h")
    world.clock.sleep(timedelta(hours=2))
    assert deploy(world.run, "2") == {"outcome": "rejected"}


def test_an_approval_in_argos_form_survives_a_retry_after_the_timeout(tmp_path: Path) -> None:
    """The first try took the approval and died."""
    world = waiting(tmp_path, form=True, timeout="1h")
    world.clock.meanwhile = _die
    with pytest.raises(KeyboardInterrupt):
        deploy(world.run, "2")
    world.clock.meanwhile = world._meanwhile
    world.clock.sleep(timedelta(hours=2))
    assert deploy(world.again(), "2") == {"outcome": "healed"}


@pytest.mark.parametrize("together", [{"approvers": ["ana"]}, {"twoPerson": True}], ids=str)
def test_argos_form_is_not_open_where_it_matters_who_approves(together: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"approval\.form is true beside"):
        policy(approval={"form": True, **together})


@pytest.mark.parametrize("step", [quarantine, rollback])
def test_a_remedy_without_an_approval_in_the_ledger_is_not_begun(tmp_path: Path, step: Callable[[Run], Outputs]) -> None:
    world = waiting(tmp_path, step.__name__)
    assert step(world.run) == {"outcome": "rejected"}
    assert world.serving.state().generation == 1
    assert world.site.history.quarantined("churn") == ()
    close(world.run)
    closing = world.site.ledger.closing(world.run.incident)
    assert closing is not None
    assert closing.outcome is Outcome.REJECTED


@pytest.mark.parametrize(("step", "outcome"), [(quarantine, "quarantined"), (rollback, "escalated")])
def test_a_remedy_with_an_approval_in_the_ledger_is_begun(tmp_path: Path, step: Callable[[Run], Outputs], outcome: str) -> None:
    world = waiting(tmp_path, step.__name__)
    answer(world, digest=REMEDY)
    assert step(world.run) == {"outcome": outcome}
    assert ruled(world, "approve-remedy") == ("approved", ["ana"], False)


@pytest.mark.parametrize("remedy", ["retrain", "rollback"])
def test_a_silence_is_a_rejection_that_the_close_writes_down(tmp_path: Path, remedy: str) -> None:
    world = waiting(tmp_path, remedy, timeout="1h")
    world.run.site.clock.sleep(timedelta(hours=1))
    close(world.run)
    closing = world.site.ledger.closing(world.run.incident)
    assert closing is not None
    assert (closing.outcome, closing.by_error) == (Outcome.REJECTED, False)
    assert "nobody approved within 1h" in closing.sentence


def test_a_rejection_in_argos_form_is_written_down_as_unattributed(tmp_path: Path) -> None:
    world = waiting(tmp_path)
    close(world.run)
    closing = world.site.ledger.closing(world.run.incident)
    assert closing is not None
    assert (closing.outcome, "an unattributed rejection" in closing.sentence) == (Outcome.REJECTED, True)


def test_an_approval_that_never_reached_the_heal_is_named_when_it_ends_rejected(tmp_path: Path) -> None:
    world = waiting(tmp_path)
    answer(world)
    close(world.run)
    assert "ana (unverified) approved" in (world.run.site.ledger.stage(world.run.incident, "approve") or {})["sentence"]
    assert ruled(world)[0] == "rejected"


def _die(*_: object) -> None:
    raise KeyboardInterrupt

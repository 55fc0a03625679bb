"""Where the cluster is to prove who approves, an approval counts by the word of its API server
alone: neither the name in the store nor what the store calls verified.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from modelmedic.steps.approval.proof import proved
from modelmedic.steps.contracts.errors import BadInput, Transient
from modelmedic.steps.contracts.incident import Answer
from modelmedic.steps.core.decision.proof import document
from modelmedic.steps.heal.close import close
from modelmedic.steps.heal.deploy import deploy
from tests.approval.test_in_a_cluster import ruled, waiting
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import policy

KUBERNETES = {"kubernetes": True, "approvers": ["ann", "ben"]}


@dataclass
class Heard:
    """What an API server knows: the users who gave each document. `error` is raised instead."""

    given: dict[tuple[str, bytes], str] = field(default_factory=dict)
    error: Exception | None = None

    def __call__(self, incident: str, said: bytes) -> Collection[str]:
        if self.error is not None:
            raise self.error
        return {user for key, user in self.given.items() if key == (incident, said)}


def asked(folder: Path, **approval: Any) -> tuple[DeployedWorld, Heard]:
    world, heard = waiting(folder, **{**KUBERNETES, **approval}), Heard()
    world.site.givers = heard
    return world, heard


def answer(world: DeployedWorld, by: str = "ann", *, approved: bool = True, verified: bool = True) -> Answer:
    """An answer as whoever may write to the store can put it there."""
    given = Answer(approved, by, world.clock.now(), world.second.digest, "", verified)
    world.site.ledger.answer(world.run.incident, given)
    return given


def heard_of(world: DeployedWorld, given: Answer) -> tuple[str, bytes]:
    return world.run.incident.id, document(world.run.incident, "approve", given)


def test_an_approval_that_the_api_server_bears_out_is_deployed_as_proved(tmp_path: Path) -> None:
    world, heard = asked(tmp_path)
    heard.given[heard_of(world, answer(world, verified=False))] = "ann"
    deploy(world.run, "2")
    assert world.agrees == "2"
    assert ruled(world) == ("approved", ["ann"], True)


@pytest.mark.parametrize("user", ["mallory", "ben", ""])
def test_an_approval_of_which_the_api_server_knows_another_giver_or_none_counts_for_nothing(tmp_path: Path, user: str) -> None:
    world, heard = asked(tmp_path)
    given = answer(world)
    if user:
        heard.given[heard_of(world, given)] = user
    deploy(world.run, "2")
    assert world.agrees == "1"


def test_a_proof_is_of_one_answer_alone(tmp_path: Path) -> None:
    world, heard = asked(tmp_path)
    given = answer(world)
    heard.given[heard_of(world, replace(given, approved=False))] = "ann"
    heard.given[heard_of(world, replace(given, digest="d" * 64))] = "ann"
    deploy(world.run, "2")
    assert world.agrees == "1"


def test_an_api_server_that_says_nothing_proves_nothing_and_one_that_is_away_is_waited_for(tmp_path: Path) -> None:
    world, heard = asked(tmp_path)
    given, approval = answer(world), world.site.policy.approval
    heard.error = BadInput("no cluster can be reached from here")
    assert not proved(world.run.incident, (given,), approval, heard)[0].verified
    assert not proved(world.run.incident, (given,), approval, None)[0].verified
    heard.error = Transient("the API server does not answer")
    with pytest.raises(Transient):
        proved(world.run.incident, (given,), approval, heard)


def test_a_rejection_needs_no_proof_because_it_holds_back(tmp_path: Path) -> None:
    world, _ = asked(tmp_path)
    answer(world, approved=False)
    world.site.givers = None  # the step that closes does not speak to the API server
    close(world.run)
    assert ruled(world) == ("rejected", ["ann"], False)


def test_two_persons_are_two_users(tmp_path: Path) -> None:
    world, heard = asked(tmp_path, twoPerson=True)
    for by, user in (("ann", "ann"), ("ben", "ann")):
        heard.given[heard_of(world, answer(world, by))] = user
    deploy(world.run, "2")
    assert world.agrees == "1"


@pytest.mark.parametrize(
    ("sections", "fault"),
    [
        ({"approval": {"kubernetes": True}}, "approval.approvers names nobody"),
        ({"approval": {**KUBERNETES, "form": True}}, "approval.form is true beside approvers"),
        ({"approval": KUBERNETES, "autonomy": {"quarantine": "approve"}}, "autonomy.quarantine is approve beside approval.kubernetes"),
    ],
)
def test_a_policy_that_nobody_could_answer_or_nothing_could_prove_is_refused(sections: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        policy(**sections)


def test_the_question_says_that_it_is_answered_through_the_cluster(tmp_path: Path) -> None:
    world, _ = asked(tmp_path)
    (message,) = world.site.notifier.notifications  # type: ignore[attr-defined]
    assert f"`modelmedic approve {world.run.incident.id} --kube`" in message.description

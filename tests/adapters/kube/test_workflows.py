"""One Workflow for an incident, and an answer that reaches the heal that waits for it: the same of
memory, a fake API and Argo.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import incident_id
from tests.worlds.played import NOW, WINDOW
from tests.worlds.triage import TEMPLATE, HealEngine, in_cluster, in_memory, over_http


@pytest.fixture(params=["memory", "http", pytest.param("argo", marks=pytest.mark.e2e)])
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HealEngine]:
    with ExitStack() as stack:
        opened = {"memory": in_memory, "http": lambda: over_http(tmp_path, monkeypatch), "argo": in_cluster}[request.param]
        yield stack.enter_context(opened())


@pytest.fixture
def incident() -> Incident:
    """An incident of a model that no other test has."""
    model = f"churn-{os.urandom(4).hex()}"
    return Incident(incident_id(model, 3), model, 3, "hash", NOW, WINDOW, "ModelmedicDrift")


def test_an_incident_is_started_once(world: HealEngine, incident: Incident) -> None:
    assert world.workflows.phase(incident.id) is None
    assert [world.workflows.start(TEMPLATE, incident, "triage") for _ in range(3)] == [True, False, False]
    assert world.workflows.phase(incident.id) in ("Pending", "Running")


@pytest.mark.parametrize("decision", ["approved", "rejected"])
def test_a_heal_goes_on_with_the_answer(world: HealEngine, incident: Incident, decision: str) -> None:
    world.workflows.start(TEMPLATE, incident, "triage")
    world.reach(incident.id, "approve")
    assert world.workflows.answer(incident.id, "approve", decision, "ana")
    assert world.decided(incident.id) == decision
    assert not world.workflows.answer(incident.id, "approve", "rejected", "ben"), "nobody waits any more"
    assert world.decided(incident.id) == decision


def test_an_answer_to_another_stage_moves_nothing(world: HealEngine, incident: Incident) -> None:
    world.workflows.start(TEMPLATE, incident, "triage")
    world.reach(incident.id, "approve")
    assert not world.workflows.answer(incident.id, "approve-remedy", "approved", "ana")
    assert world.decided(incident.id) is None


def test_an_answer_to_an_incident_without_a_heal_moves_nothing(world: HealEngine, incident: Incident) -> None:
    assert not world.workflows.answer(incident.id, "approve", "approved", "ana")

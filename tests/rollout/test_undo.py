"""Undo: the change of a heal is taken back by one command, which the incident's page names."""

import shlex
from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.errors import BadInput, Refused
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.keys import model_hash, report_key
from modelmedic.steps.contracts.results import DeployResult, RollbackResult
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.heal.deploy import deploy
from modelmedic.steps.rollout.undo import undo
from modelmedic.steps.runtime.run import Run
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import NOW, WINDOW


@pytest.fixture
def healed(tmp_path: Path) -> DeployedWorld:
    """Version 2 was deployed in place of version 1, and the incident is closed."""
    world = DeployedWorld(tmp_path)
    assert deploy(world.run, "2") == {"outcome": "healed"}, world.run.result(DeployResult).sentence
    world.site.ledger.close(world.run.incident, Closing(Outcome.HEALED, world.clock.now(), "healed", "1", "2"))
    return world


def test_what_served_before_serves_again_with_its_alias(healed: DeployedWorld) -> None:
    healed.clock.sleep(timedelta(hours=1))
    undo(healed.run, by="ana", reason="complaints")
    assert healed.agrees == "1"
    assert healed.site.history.releases("churn")[-1].version == "1"


def test_it_is_recorded_and_the_owner_is_told(healed: DeployedWorld) -> None:
    undo(healed.run, by="ana", reason="complaints")
    records = [record for record in healed.site.trail.records(healed.run.incident.id) if record.event == "heal.undone"]
    assert [(record.phase, record.facts["by"], record.facts["reason"]) for record in records] == [(Phase.NOTE, "ana", "complaints")]
    assert healed.site.trail.verify() == []
    assert healed.site.notifier.events[-2:] == ["heal.undone", "autonomy.fell"]  # type: ignore[attr-defined]


def test_undoing_twice_changes_nothing_more(healed: DeployedWorld) -> None:
    undo(healed.run, by="ana")
    generation, records = healed.serving.state().generation, healed.site.trail.length()
    undo(healed.again(), by="bob")
    assert healed.serving.state().generation == generation
    assert sum(record.event == "heal.undone" for record in healed.site.trail.records()) == 1
    assert healed.site.trail.length() - records <= 1  # a retreat's outcome is written each time it is asked for


def test_a_freeze_does_not_hold_it_back(healed: DeployedWorld) -> None:
    healed.site.freezes.freeze(None, by="ana", reason="sale")
    undo(healed.run, by="ana")
    assert healed.agrees == "1"


def test_a_dry_run_only_says_what_it_would_do(healed: DeployedWorld) -> None:
    before, records = healed.serving.state(), healed.site.trail.length()
    assert undo(healed.run, by="ana", dry_run=True) == "version 1 serves all traffic again in place of version 2"
    assert (healed.serving.state(), healed.site.trail.length()) == (before, records)


def test_while_a_heal_is_open_it_is_refused(healed: DeployedWorld) -> None:
    healed.site.ledger.open_incident("churn", healed.site.policy.hash, WINDOW, "again", {})
    with pytest.raises(Refused, match="is open"):
        undo(healed.run, by="ana")
    assert healed.agrees == "2"


def test_what_somebody_put_there_since_is_left_alone(healed: DeployedWorld) -> None:
    theirs = healed.registry.add_by_hand({})
    healed.registry.move_alias("champion", theirs, expected="2")
    with pytest.raises(Refused, match="has to be undone first"):
        undo(healed.run, by="ana")
    assert healed.registry.alias("champion") == theirs


def test_a_heal_that_changed_nothing_is_nothing_to_undo(tmp_path: Path) -> None:
    world = DeployedWorld(tmp_path)
    world.site.ledger.close(world.run.incident, Closing(Outcome.REJECTED, NOW, "a gate failed"))
    with pytest.raises(BadInput, match="changed nothing that serves"):
        undo(world.run, by="ana")


def test_going_back_to_a_version_that_was_judged_bad_is_an_advance(healed: DeployedWorld) -> None:
    """A rollback from 2 to 1 is undone only without a freeze."""
    undo(healed.run, by="ana")
    incident, _ = healed.site.ledger.open_incident("churn", healed.site.policy.hash, WINDOW, "bad release", {})
    run = Run(healed.site, incident)
    run.record(RollbackResult("rolled_back", "2", "1"))
    healed.site.ledger.close(incident, Closing(Outcome.ROLLED_BACK, healed.clock.now(), "rolled back", "2", "1"))
    healed.site.freezes.freeze("churn", by="ana", reason="looking into it")
    with pytest.raises(Refused, match="frozen"):
        undo(run, by="ana")
    assert healed.agrees == "1"
    healed.site.freezes.lift("churn", by="ana")
    undo(run, by="ana")
    assert healed.agrees == "2"


def test_the_page_says_that_it_was_undone(healed: DeployedWorld) -> None:
    healed.site.windows = healed.references  # type: ignore[assignment]
    undo(healed.run, by="ana", reason="complaints")
    page = healed.site.store.get(report_key(model_hash("churn"), 1, "incident.html")).data.decode()
    assert "undone by ana" in page
    assert "(complaints)" in page
    assert "The heal was undone already, by ana" in page


def test_the_page_names_commands_that_exist(healed: DeployedWorld) -> None:
    from modelmedic.steps.reporting.story import gather
    from modelmedic.steps.reporting.undo_advice import undo_advice
    from modelmedic.workflows.cli import main

    healed.site.windows = healed.references  # type: ignore[assignment]
    commands = [shlex.split(command) for _, command in undo_advice(gather(healed.site, healed.run.incident)).commands]
    assert ["modelmedic", "undo", healed.run.incident.id] in commands
    for name, *arguments in commands:
        assert name == "modelmedic"
        with main.make_context("modelmedic", arguments, resilient_parsing=False) as context:
            command = main.get_command(context, arguments[0])
            assert command is not None
            command.make_context(arguments[0], arguments[1:])

"""A challenger that won in the dark serves without a training and without gates a second time."""

from datetime import timedelta
from pathlib import Path

import pytest

from modelmedic.steps.contracts.comparison import WON
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.heal.deploy import deploy
from modelmedic.steps.heal.retrain import retrain
from modelmedic.steps.heal.validate import validate
from modelmedic.steps.runtime.run import Run
from tests.worlds.deployed import DeployedWorld
from tests.worlds.results import diagnosed

SENTENCE = "version 3, kept in the dark, loses 4% less"


@pytest.fixture
def world(tmp_path: Path) -> DeployedWorld:
    return DeployedWorld(tmp_path)


def about(world: DeployedWorld, version: str) -> Run:
    facts = {"version": version, "sentence": SENTENCE}
    incident, _ = world.site.ledger.open_incident("dark", "h", world.run.incident.window, WON, facts)
    run = Run(world.site, incident)
    run.record(diagnosed(champion="1"))
    return run


def test_it_serves_by_canary_like_any_other(world: DeployedWorld) -> None:
    folder = world.site.work / "dark"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}  # dark")
    kept = world.registry.register(folder, key="dark", tags={"passed": "dark"}, metrics={})
    world.references.keep(kept.version, world.references.table("2"))
    run = about(world, kept.version)
    assert retrain(run) == {"trained": "yes"}
    assert validate(run) == {"passed": "yes", "version": kept.version, "digest": kept.digest}
    assert world.site.ledger.stage(run.incident, "retrain")["candidate"] is None  # type: ignore[index]
    assert deploy(run, kept.version) == {"outcome": "healed"}
    assert world.agrees == kept.version


def test_a_version_that_no_validation_kept_is_refused(world: DeployedWorld) -> None:
    run = about(world, world.second.version)
    retrain(run)
    with pytest.raises(Refused, match="was not kept in the dark"):
        validate(run)
    assert run.site.clock.now() - run.incident.opened_at < timedelta(hours=1)

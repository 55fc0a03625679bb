"""Registries that lost or changed what they knew: a sweep never says that all agrees, people are
told, and no bootstrap buries what serves.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from modelmedic.steps.adapters.mlflow.registry import MlflowRegistry
from modelmedic.steps.bootstrap.serve import expect_no_other_champion
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.incident import Closing
from modelmedic.steps.contracts.words import Outcome
from modelmedic.steps.reconcile.sweep import sweep
from tests.adversary.attack import HELD, Attack, Result, not_held
from tests.fakes.registry import FakeRegistry
from tests.worlds.deployed import DeployedWorld
from tests.worlds.played import NOW, Told

_GROUP = "registry_emptied"


def attacks(seed: int) -> Iterator[Attack]:
    rng = random.Random(seed)
    for name in _LOSSES:
        for healing in (False, True):
            when = "during a heal" if healing else "between heals"
            if not (healing and name in _WHILE_HEALING_LEGAL):
                yield Attack(f"{name}, {when}", _GROUP, partial(_lost, name, healing, rng.random() < 0.5))
    yield Attack("MLflow's database is removed", _GROUP, _database_removed, seconds=120)


def _alias_gone(registry: FakeRegistry) -> None:
    registry._aliases.pop("champion")


def _everything(registry: FakeRegistry) -> None:
    registry._aliases.clear()
    registry._versions.clear()


def _served_version(registry: FakeRegistry) -> None:
    del registry._versions["1"]


def _another_model_under_the_number(registry: FakeRegistry) -> None:
    registry._versions["1"] = replace(registry._versions["1"], digest="0" * 64)


def _aliases_swapped(registry: FakeRegistry) -> None:
    registry._aliases["champion"] = "2"


def _numbers_swapped(registry: FakeRegistry) -> None:
    one, two = registry._versions["1"], registry._versions["2"]
    registry._versions |= {"1": replace(two, version="1"), "2": replace(one, version="2")}


def _alias_to_nowhere(registry: FakeRegistry) -> None:
    registry._aliases["champion"] = "99"


_LOSSES: dict[str, Callable[[FakeRegistry], None]] = {
    "the alias is gone": _alias_gone,
    "everything is gone": _everything,
    "the version that serves is gone": _served_version,
    "another model has its number": _another_model_under_the_number,
    "the alias was moved": _aliases_swapped,
    "two versions were swapped": _numbers_swapped,
    "the alias names a version that never was": _alias_to_nowhere,
}
_WHILE_HEALING_LEGAL = {name for name in _LOSSES if name not in ("the alias is gone", "everything is gone")}


def _lost(name: str, healing: bool, twice: bool, folder: Path) -> Result:
    world = DeployedWorld(folder)
    if not healing:
        world.site.ledger.close(world.run.incident, Closing(Outcome.ESCALATED, NOW, "it broke", by_error=True))
    _LOSSES[name](world.registry)
    reports = [sweep(world.site) for _ in range(2 if twice else 1)]
    if not all(report.disagreements for report in reports):
        return not_held("the sweep finds that all agrees")
    told = world.site.notifier
    if not isinstance(told, Told) or "alias.differs" not in told.events:
        return not_held("nobody was told")
    served = world.serving.state().champion
    return HELD if served is not None and served.version == "1" else not_held(f"{served} serves now")


def _database_removed(folder: Path) -> Result:
    world = DeployedWorld(folder)
    world.site.ledger.close(world.run.incident, Closing(Outcome.ESCALATED, NOW, "it broke", by_error=True))
    world.site.registry = MlflowRegistry(f"sqlite:///{folder / 'mlflow.db'}", world.site.policy.registry, folder)
    left = sweep(world.site).disagreements
    if not any("alias champion names no version" in sentence for sentence in left):
        return not_held(f"the sweep says {left}")
    try:
        expect_no_other_champion(world.site, None)
    except Refused:
        return HELD
    return not_held("a bootstrap would bury the version that serves")

"""A version put back to serve all traffic; used by rollback, undo and repair."""

from collections.abc import Mapping
from typing import Any

from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.runtime.run import Site


def restoration(site: Site, target: ModelVersion, key: str, direction: Direction = Direction.RETREAT, *, instead_of: str = "") -> Effect:
    """The effect that lets `target` serve all traffic, done once that digest serves and no canary
    is left. `instead_of` is the version that served before, where a record names it.
    """
    serving = site.serving

    def act() -> None:
        serving.restore(target)

    def read_back() -> Mapping[str, Any] | None:
        state = serving.state()
        restored = state.champion is not None and state.champion.digest == target.digest and state.canary is None
        return {"champion": target.version, "generation": state.generation} if restored else None

    facts = {"version": target.version, "digest": target.digest, **({"instead_of": instead_of} if instead_of else {})}
    return Effect("model.restored", key, direction, act, read_back, facts)

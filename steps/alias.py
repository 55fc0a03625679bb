"""Aliases moved as recorded effects: expected value first, the previous one kept, a human's newer value left alone."""

from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.run import Run


def moving(run: Run, alias: str, version: str, expected: str | None, direction: Direction) -> Effect:
    """The effect that moves `alias` from `expected` to `version`; it refuses when somebody else moved it meanwhile."""
    registry = run.site.registry

    def act() -> None:
        registry.move_alias(alias, version, expected=expected)

    def read_back() -> dict[str, str] | None:
        return {"alias": alias, "version": version} if registry.alias(alias) == version else None

    facts = {"alias": alias, "from": expected, "to": version}
    return Effect("alias.moved", f"alias:{run.incident.id}:{alias}:{version}", direction, act, read_back, facts)

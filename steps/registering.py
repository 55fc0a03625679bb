"""A model folder made a version: its files where servers read them, its facts in MLflow, once per key."""

from collections.abc import Mapping
from pathlib import Path

from modelmedic.steps.contracts.keys import model_prefix
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.model_files import digest, push
from modelmedic.steps.run import Site


def registering(site: Site, folder: Path, key: str, tags: Mapping[str, str], metrics: Mapping[str, float]) -> Effect:
    """The effect that does it. The files come first: a version that is registered can be served."""
    named = digest(folder)

    def act() -> None:
        push(site.store, model_prefix(named), folder)
        site.registry.register(folder, key=key, tags=tags, metrics=metrics)

    def read_back() -> dict[str, str] | None:
        found = of_key(site, key)
        return {"version": found.version, "digest": found.digest} if found else None

    return Effect("version.registered", f"register:{key}", Direction.ADVANCE, act, read_back, {"digest": named, **tags})


def of_key(site: Site, key: str) -> ModelVersion | None:
    """The version that was registered for the key."""
    return next((version for version in site.registry.versions() if version.tags.get("key") == key), None)

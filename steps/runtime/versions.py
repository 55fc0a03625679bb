"""Model versions: the files where servers read them, the facts in MLflow, and the aliases that say
which version is which. Called by bootstrap, training and the heal.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from modelmedic.steps.adapters.models.files import digest, pull, push
from modelmedic.steps.contracts.audit import Phase
from modelmedic.steps.contracts.errors import NotFound
from modelmedic.steps.contracts.keys import model_prefix
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import ModelVersion, TrainingPlan
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.runtime.run import Run, Site

_TAUGHT_UNTIL = "taught_until"  # a version's tag


def taught_tag(until: datetime) -> Mapping[str, str]:
    """The tag that says up to when the rows reach that a version has learnt, exclusive."""
    return {_TAUGHT_UNTIL: until.isoformat()}


def taught_until(model: ModelVersion | None) -> datetime | None:
    """The end of the rows that a version has learnt, exclusive; None for one that does not say."""
    said = model.tags.get(_TAUGHT_UNTIL) if model is not None else None
    return datetime.fromisoformat(said) if said else None


def of_key(site: Site, key: str) -> ModelVersion | None:
    """The version that was registered under the key."""
    return next((version for version in site.registry.versions() if version.tags.get("key") == key), None)


def version_files(site: Site, model: ModelVersion) -> Path:
    """The version's folder, from the object store, or from MLflow for a version that somebody
    registered by hand. Raises NotFound or Refused.
    """
    to = site.work / "models" / (model.digest or f"version-{model.version}")
    if not model.digest:
        return site.registry.fetch(model.version, to)
    try:
        return pull(site.store, model.uri, to, model.digest)
    except NotFound:
        return site.registry.fetch(model.version, to)


def registration(
    site: Site, folder: Path, key: str, tags: Mapping[str, str], metrics: Mapping[str, float], params: Mapping[str, str] | None = None
) -> Effect:
    """The effect that makes a model folder a version, once per key. The files come first, because a
    registered version may be served at once.
    """
    content = digest(folder)

    def act() -> None:
        push(site.store, model_prefix(content), folder)
        site.registry.register(folder, key=key, tags=tags, metrics=metrics, params=params)

    def read_back() -> dict[str, str] | None:
        found = of_key(site, key)
        return {"version": found.version, "digest": found.digest} if found else None

    return Effect("version.registered", f"register:{key}", Direction.ADVANCE, act, read_back, {"digest": content, **tags})


def training_params(policy: Policy, plan: TrainingPlan, rows: int | None) -> dict[str, str]:
    """How a version was trained, for people who compare the runs of a model."""
    retrain = policy.retrain
    facts = {
        "entrypoint": retrain.entrypoint,
        "remedy": plan.remedy.value,
        "rows": rows if rows is not None else plan.rows,
        "holdout_rows": plan.holdout_rows,
        "trained_from": plan.train.start.isoformat(),
        "trained_until": plan.train.end.isoformat(),
        "halving_days": plan.halving / timedelta(days=1) if plan.halving is not None else "",
        "excluded_spans": len(plan.excluded),
        "way": plan.reason,
        "risk": retrain.risk.value,
        "price": retrain.price,
        "policy": policy.hash,
    }
    return {name: str(fact) for name, fact in facts.items() if fact != ""}


def end_registration(site: Site, key: str) -> None:
    """Record the outcome of a registration whose process was killed before it could."""
    known = f"register:{key}"
    found = of_key(site, key)
    if found is None:
        return
    facts = {"version": found.version, "digest": found.digest}
    for record in [each for each in site.trail.open_intents(site.trail.later(None)) if each.key == known]:
        site.trail.append(record.event, Phase.OUTCOME, incident=record.incident, key=known, fence=record.fence, facts=facts)


def alias_move(run: Run, alias: str, version: str, expected: str | None, direction: Direction) -> Effect:
    """The effect that moves `alias` from `expected` to `version`; it is refused when somebody else
    moved the alias meanwhile.
    """
    registry = run.site.registry

    def act() -> None:
        registry.move_alias(alias, version, expected=expected)

    def read_back() -> dict[str, str] | None:
        return {"alias": alias, "version": version} if registry.alias(alias) == version else None

    facts = {"alias": alias, "from": expected, "to": version}
    return Effect("alias.moved", f"alias:{run.incident.id}:{alias}:{version}", direction, act, read_back, facts)

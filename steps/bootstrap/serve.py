"""The first champion's release: served, aliased and recorded. Imports no model library, because it
runs in the steps image, where no model is ever loaded.
"""

from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.errors import Refused
from modelmedic.steps.contracts.training import ModelVersion
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.runtime.anchoring import anchor
from modelmedic.steps.runtime.run import Site, advance


def serve_first(site: Site, version: str) -> ModelVersion:
    """Start the predictor, move the alias when it answers, then record the release."""
    model = site.registry.version(version)
    expect_nothing_foreign(site)
    expect_no_other_champion(site, model)
    site.say(f"starting version {model.version}, until it answers")
    _serve(site, model)
    anchor(site)
    return model


def expect_nothing_foreign(site: Site) -> None:
    """Raises Refused when somebody else's model is served under the name that the policy gives: we
    change nothing that we did not make.
    """
    stranger = site.serving.state().foreign
    if stranger is not None:
        raise Refused(stranger.sentence)


def expect_no_other_champion(site: Site, ours: ModelVersion | None) -> None:
    """Raises Refused when somebody else's version is the champion, or was released before: then the
    registry has lost its alias, and another first champion would bury what serves.
    """
    alias = site.policy.registry.champion
    champion = site.registry.alias(alias)
    released = [release.version for release in site.history.releases(site.model)]
    if champion is None and released and (ours is None or ours.version not in released):
        raise Refused(
            f"model {site.model} has a champion already: version {released[-1]} was released last, and alias {alias} names none; "
            "restore MLflow from its backup, or set the alias by `modelmedic adopt POLICY --version VERSION`"
        )
    if champion is not None and (ours is None or champion != ours.version):
        raise Refused(
            f"model {site.model} has a champion already: alias {alias} is at version {champion}; a heal replaces it, no bootstrap. "
            "`modelmedic adopt` takes it over as it is where it has no reference yet"
        )


def _serve(site: Site, version: ModelVersion) -> None:
    def started() -> dict[str, str] | None:
        champion = site.serving.state().champion
        served = champion is not None and champion.digest == version.digest and champion.ready
        return {"version": version.version, "digest": version.digest} if served else None

    def start() -> None:
        site.serving.start(version)

    def moved() -> dict[str, str] | None:
        return {"alias": alias, "version": version.version} if site.registry.alias(alias) == version.version else None

    def move() -> None:
        site.registry.move_alias(alias, version.version, expected=None)

    alias = site.policy.registry.champion
    advance(site, Effect("serving.started", f"bootstrap:serve:{version.digest[:16]}", Direction.ADVANCE, start, started))
    advance(site, Effect("alias.moved", f"bootstrap:alias:{alias}:{version.version}", Direction.ADVANCE, move, moved))
    known = next((release for release in site.history.releases(site.model) if release.version == version.version), None)
    site.record_release(known or Release(site.clock.now(), version.version, None, by="bootstrap"))

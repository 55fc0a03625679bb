"""Repair of what a crash left half done: a canary without an open incident is withdrawn, a version
that serves without the alias is replaced; called by the sweep and by a heal that broke. What only a
person can mend is told.
"""

from modelmedic.steps.contracts.errors import BadInput, NotFound
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.serving import Served, ServingState
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.rollout.restore import restoration
from modelmedic.steps.runtime.run import Site, retreat


def repair(site: Site) -> tuple[str, ...]:
    """Withdraw a canary, and take back a promotion whose alias never followed; a sentence for each.
    Call it only when no heal of the model is under way.

    The last recorded release wins over what serves. A version that a person put behind the alias
    wins over both: nothing is changed, and `disagreements` tells it.
    """
    sentences = list(withdraw_unwatched(site))
    state = site.serving.state()
    alias = site.registry.alias(site.policy.registry.champion)
    if state.champion is not None and alias is not None and state.champion.version != alias and alias == _released(site):
        sentences.append(_restore_aliased(site, state, alias))
    return tuple(sentences)


def disagreements(site: Site, *, healing: bool) -> tuple[str, ...]:
    """The sentences on what a person has to mend, because the loop cannot know who is right: the
    registry does not know what serves, nothing serves what it knows, or a person moved the alias.
    People are told. While a heal is under way (`healing`), versions differ for a while.
    """
    served, alias, released = site.serving.state().champion, site.registry.alias(site.policy.registry.champion), _released(site)
    name = site.policy.registry.champion
    found = []
    if alias is None and (served is not None or released is not None):
        what = f"version {served.version} serves" if served is not None else f"version {released} was released last and nothing serves"
        found.append(f"{what}, and alias {name} names no version: the registry lost it; restore MLflow from its backup, or set the alias")
    elif alias is not None and served is None and not healing:
        found.append(f"alias {name} says version {alias}, and nothing serves")
    elif alias is not None and served is not None and alias != served.version and not healing:
        found.append(f"alias {name} says version {alias}, and version {served.version} serves: the alias was moved by hand")
    if alias is not None and served is not None and not healing:
        found += _unknown(site, served)
    for sentence in found:
        site.tell("alias.differs", Severity.CRITICAL, site.policy.metadata.owner, f"{site.model}: {sentence}")
    return tuple(found)


def _unknown(site: Site, served: Served) -> tuple[str, ...]:
    """A sentence when the registry has no such version, or another model under its number."""
    try:
        known = site.registry.version(served.version)
    except (NotFound, BadInput):  # BadInput: a name that no version has
        return (f"version {served.version} serves, and the registry has no such version; restore MLflow from its backup",)
    if known.digest and served.digest and known.digest != served.digest:
        said = f"version {served.version} serves with the digest {served.digest[:12]}"
        return (f"{said}, and the registry says {known.digest[:12]}: one of the two was changed by hand",)
    return ()


def _released(site: Site) -> str | None:
    releases = site.history.releases(site.model)
    return releases[-1].version if releases else None


def withdraw_unwatched(site: Site) -> tuple[str, ...]:
    """Withdraw a canary that no heal watches, without the registry, whose failure may be why the
    heal ended; a sentence if there was one.
    """
    state = site.serving.state()
    return (_withdraw(site, state),) if state.canary is not None else ()


def _withdraw(site: Site, state: ServingState) -> str:
    version = state.canary.version if state.canary else "?"
    effect = Effect(
        "canary.withdrawn",
        f"repair:{state.generation}:{version}",
        Direction.RETREAT,
        site.serving.withdraw,
        lambda: {"version": version} if site.serving.state().canary is None else None,
        {"version": version, "reason": "no heal is under way"},
    )
    retreat(site, effect)
    return f"canary of version {version} was taken back because no heal is under way"


def _restore_aliased(site: Site, state: ServingState, alias: str) -> str:
    """Restore the version of the alias where a promotion broke off before the alias moved."""
    served = state.champion.version if state.champion else "?"
    target = site.registry.version(alias)
    retreat(site, restoration(site, target, f"repair:{state.generation}:{alias}", instead_of=served))
    return f"version {alias} serves again because the promotion of version {served} broke off before its alias moved"

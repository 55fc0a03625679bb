"""What a crash left half done is taken back: no canary without an open incident, no version that
serves without its alias.
"""

from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.serving import ServingState
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.rollout.restore import restoration
from modelmedic.steps.runtime.run import Site, retreat


def repair(site: Site) -> tuple[str, ...]:
    """Take back a canary, and a promotion whose alias never followed. Call it only when no heal of
    the model is under way.

    The last audited outcome wins over what runs; a version that a human put behind the alias wins
    over both and is only told.
    """
    sentences = list(withdraw_unwatched(site))
    state = site.serving.state()
    alias = site.registry.alias(site.policy.registry.champion)
    if state.champion is not None and alias is not None and state.champion.version != alias:
        sentences.append(_restore_aliased(site, state, alias))
    return tuple(sentences)


def withdraw_unwatched(site: Site) -> tuple[str, ...]:
    """A canary that no heal watches, without a question to the registry, which may be what the heal
    ended for.
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
    return f"canary of version {version} was taken back, for no heal is under way"


def _restore_aliased(site: Site, state: ServingState, alias: str) -> str:
    """The alias of ours lags behind a promotion that broke off: go back to it. An alias that
    somebody else moved is told.
    """
    served = state.champion.version if state.champion else "?"
    releases = site.history.releases(site.model)
    ours = releases[-1].version if releases else None
    if alias != ours:
        sentence = f"alias {site.policy.registry.champion} says version {alias}, and version {served} serves: somebody moved the alias"
        site.tell("alias.differs", Severity.CRITICAL, site.policy.metadata.owner, f"{site.model}: {sentence}")
        return sentence
    target = site.registry.version(alias)
    retreat(site, restoration(site, target, f"repair:{state.generation}:{alias}", instead_of=served))
    return f"version {alias} serves again, for the promotion of version {served} broke off before its alias moved"

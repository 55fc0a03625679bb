"""Repair of what a crash left half done: a canary without an open incident is withdrawn, a version
that serves without the alias is replaced; called by the sweep and by a heal that broke.
"""

from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.serving import ServingState
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.rollout.restore import restoration
from modelmedic.steps.runtime.run import Site, retreat


def repair(site: Site) -> tuple[str, ...]:
    """Withdraw a canary, and take back a promotion whose alias never followed; a sentence for each.
    Call it only when no heal of the model is under way.

    The last recorded release wins over what serves. A version that a person put behind the alias
    wins over both: it is told, and nothing is changed.
    """
    sentences = list(withdraw_unwatched(site))
    state = site.serving.state()
    alias = site.registry.alias(site.policy.registry.champion)
    if state.champion is not None and alias is not None and state.champion.version != alias:
        sentences.append(_restore_aliased(site, state, alias))
    return tuple(sentences)


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
    """Restore the version of the alias where a promotion broke off before the alias moved. Tell
    people where the alias was moved from outside the loop.
    """
    served = state.champion.version if state.champion else "?"
    releases = site.history.releases(site.model)
    ours = releases[-1].version if releases else None
    if alias != ours:
        sentence = f"alias {site.policy.registry.champion} says version {alias}, and version {served} serves: the alias was moved by hand"
        site.tell("alias.differs", Severity.CRITICAL, site.policy.metadata.owner, f"{site.model}: {sentence}")
        return sentence
    target = site.registry.version(alias)
    retreat(site, restoration(site, target, f"repair:{state.generation}:{alias}", instead_of=served))
    return f"version {alias} serves again because the promotion of version {served} broke off before its alias moved"

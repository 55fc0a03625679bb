"""Releases that went past the loop: somebody registered, served and aliased a version by hand."""

from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.runtime.run import Site

BY = "somebody else"


def notice_release(site: Site) -> Release | None:
    """Write down a version that serves and has the champion alias though no heal put it there; None when there is none.

    Its time is that of the noticing; the inference log tells more exactly from when on it answered.
    """
    releases = site.history.releases(site.model)
    served, alias = site.serving.state().champion, site.registry.alias(site.policy.registry.champion)
    if served is None or served.version != alias or (releases and releases[-1].version == alias) or _ours(site, alias):
        return None
    previous = releases[-1].version if releases else None
    release = site.history.record_release(site.model, Release(site.clock.now(), alias, previous, by=BY))
    site.note("release.noticed", {"version": alias, "previous": previous})
    return release


def _ours(site: Site, version: str) -> bool:
    """Whether a heal that is under way is just about to record it."""
    current = site.ledger.current(site.model)
    validated = site.ledger.stage(current, "validate") if current else None
    return bool(validated and validated.get("version") == version)

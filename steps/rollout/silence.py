"""A version that serves and of which no predictor is ready: its callers get no answer, and no
predictor counts them. Called by the watch on the service.
"""

from datetime import datetime, timedelta
from typing import Final

from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.runtime.run import Site

_EVENT: Final = "service.silent"
_APART: Final = timedelta(minutes=3)  # a pod that moves to another node is back by then
_REMEMBERED: Final = timedelta(minutes=15)  # three sweeps


def silent_since(site: Site, release: Release) -> datetime | None:
    """The first of two looks within a quarter of an hour at which no predictor of the released
    version was ready, the second being this one. None at the first of them, which is recorded, and
    while one is ready.
    """
    state, now = site.serving.state(), site.clock.now()
    serves = state.champion
    if serves is None or state.stopped or serves.version != release.version or serves.ready:
        return None
    since = max(now - _REMEMBERED, release.at)
    looks = [each.at for each in site.trail.latest(since) if each.event == _EVENT and each.facts.get("version") == release.version]
    if not looks:
        site.note(_EVENT, {"version": release.version, "sentence": f"no predictor of version {release.version} is ready"})
        return None
    first = min(looks)
    return first if now - first >= _APART else None

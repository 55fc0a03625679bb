"""The watch on the service of the version that serves: where it fails its callers or has become
slow, an incident is opened, which takes a version back that was promoted shortly before. Called by
the sweep.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.errors import Transient
from modelmedic.steps.contracts.incident import SERVICE
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.ports import ServiceHealth
from modelmedic.steps.contracts.serving import Traffic
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.rollout.service_health import began_with, forward, sickness
from modelmedic.steps.incidents.opening import open_incident
from modelmedic.steps.rollout.silence import silent_since
from modelmedic.steps.runtime.run import Site

LATELY: Final = timedelta(minutes=10)  # what is judged; two sweeps, and twice as long as the alerts' rates
_BEFORE: Final = timedelta(hours=1)  # of the version before, that the new one is compared with
_SILENT: Final = timedelta(days=1)  # after which a service that is still sick is told again


def watch_service(site: Site) -> tuple[str, ...]:
    """Open an incident where the champion's service is sick; a sentence if it was opened now. Where
    the health cannot be read nothing is concluded from it.
    """
    released = site.history.releases(site.model)
    champion = site.registry.alias(site.policy.registry.champion)
    if not released or released[-1].version != champion:
        return ()
    try:
        facts = _silence(site, released) or _sickness(site, released)
    except Transient as error:
        site.say(f"the service is not watched: {error}")
        return ()
    return _opened(site, facts, released[-1], site.clock.now()) if facts else ()


def _silence(site: Site, released: tuple[Release, ...]) -> Mapping[str, str] | None:
    """The facts about a version of which no predictor is ready; None where one is."""
    release = released[-1]
    first = silent_since(site, release)
    if first is None:
        return None
    said = f"version {release.version} does not answer: none of its predictors is ready, as at {first:%H:%MZ}"
    return _facts(said, release, (release, None) if _bakes(site, released) else None)


def _sickness(site: Site, released: tuple[Release, ...]) -> Mapping[str, str] | None:
    """The facts about a version that fails its callers or is slow; None where it is well, or nobody
    knows.
    """
    release, policy = released[-1], site.policy
    seen = _lately(site, site.health, release, site.clock.now()) if site.health is not None else None
    if site.health is None or seen is None or not (wrong := sickness(seen, policy.rollout, policy.validation.latencyP95Ms)):
        return None
    return _facts(f"version {release.version} {wrong}", release, _blamed(site, site.health, released, seen))


def _bakes(site: Site, released: tuple[Release, ...]) -> bool:
    """True while the policy puts a sick service down to the newest release."""
    release, bake = forward(released), site.policy.rollout.bake
    return release is not None and bake != "off" and site.clock.now() <= release.at + bake


def _lately(site: Site, health: ServiceHealth, release: Release, now: datetime) -> Traffic | None:
    """The requests of the last minutes; where those are too few to judge by, all since the release,
    as long as the policy lets its version bake.
    """
    seen = health.between(release.version, Window(max(release.at, now - LATELY), now)) if now > release.at else None
    bake = site.policy.rollout.bake
    if bake == "off" or now <= release.at or now > release.at + bake:
        return seen
    enough = seen is not None and seen.requests >= site.policy.rollout.minRequests
    return seen if enough else health.between(release.version, Window(release.at, now))


def _blamed(site: Site, health: ServiceHealth, released: tuple[Release, ...], seen: Traffic) -> tuple[Release, Traffic | None] | None:
    """The release with which the service became sick, and what the version before was like; None
    where it was well as long as it baked, where the version before was as sick, and where the
    policy blames none.
    """
    bake, release, rollout = site.policy.rollout.bake, forward(released), site.policy.rollout
    if bake == "off" or release is None or release.previous is None:
        return None
    first = seen if _bakes(site, released) else health.between(release.version, Window(release.at, release.at + bake))
    before = health.between(release.previous, Window(release.at - _BEFORE, release.at))
    blamed = first is not None and began_with(first, before, rollout, site.policy.validation.latencyP95Ms)
    return (release, before) if blamed else None


def _facts(said: str, release: Release, blamed: tuple[Release, Traffic | None] | None) -> Mapping[str, str]:
    """The facts of the incident: the version, a sentence, and when it was released if its release
    is blamed.
    """
    if blamed is None:
        return {"version": release.version, "sentence": f"{said}, and no release explains it"}
    release, before = blamed
    sentence = f"{said}; at {release.at:%Y-%m-%dT%H:%MZ} it took the place of version {release.previous}, {_known(before)}"
    return {"version": release.version, "released": release.at.isoformat(), "sentence": sentence}


def _known(before: Traffic | None) -> str:
    if before is None or not before.requests:
        return "of which nothing is known"
    times = f" with a p95 of {before.latency_p95_ms:.0f} ms" if before.latency_p95_ms is not None else ""
    return f"which had failed {before.failures} of {before.requests}{times}"


def _opened(site: Site, facts: Mapping[str, str], release: Release, now: datetime) -> tuple[str, ...]:
    current = site.ledger.current(site.model)
    if current is not None:
        if current.alert != SERVICE:
            _tell(site, current.id, facts["sentence"], release)
        return ()
    last = next((each for each in reversed(site.ledger.incidents(site.model)) if each.alert == SERVICE), None)
    if last is not None and last.facts.get("version") == release.version and last.opened_at > max(now - _SILENT, release.at):
        return ()
    incident, opened = open_incident(site, Window(now - site.policy.detect.window, now), SERVICE, facts)
    return (f"incident {incident.id} is opened: {facts['sentence']}",) if opened else ()


def _tell(site: Site, incident: str, sentence: str, release: Release) -> None:
    """Tell people, once for an open incident, of a service that waits for its end."""

    def tell() -> None:
        waits = f"Incident {incident} is open, so nothing is done about it before that ends; `modelmedic incidents {incident}` shows it."
        site.tell("service.sick", Severity.CRITICAL, site.policy.metadata.owner, f"{site.model}: {sentence}", waits, incident)

    key, facts = f"service.sick/{incident}/{release.version}", {"sentence": sentence}
    site.once("service.sick", key, facts, incident=incident, since=release.at, first=tell)

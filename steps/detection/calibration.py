"""The champion's reference as counts, and the thresholds from replaying it; made once per version
and kept. Called by the monitor.
"""

from dataclasses import dataclass, replace
from typing import Any

from modelmedic.steps.contracts.codec import canonical, sha256, to_plain
from modelmedic.steps.contracts.detection import Thresholds
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.keys import reference_key
from modelmedic.steps.core.detection.expected_loss import loss_curve
from modelmedic.steps.core.detection.thresholds import alarm_level, calibrate
from modelmedic.steps.core.profiles.document import from_document, to_document
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from modelmedic.steps.core.profiles.profile import Profile
from modelmedic.steps.core.profiles.profiler import profile_table
from modelmedic.steps.core.tables.thinning import every_kth
from modelmedic.steps.detection.sequential import SHARE
from modelmedic.steps.records.documents import put, read
from modelmedic.steps.runtime.reference import champion_reference
from modelmedic.steps.runtime.run import Site

_KNOWN = 5  # one up with every change of what thresholds hold: those kept before are made anew
_SAMPLE = 200_000  # rows from which the layout is chosen


@dataclass(frozen=True, slots=True)
class ReferenceProfile:
    """A `ChampionReference` as counts."""

    version: str
    profile: Profile


def reference_profile(site: Site) -> ReferenceProfile:
    """The reference that the champion is compared with, as counts. Raises BadInput when no version
    that ever served has one.
    """
    champion = site.registry.alias(site.policy.registry.champion)
    kept = _kept_profile(site, champion) if champion else None
    if champion and kept is not None:
        return ReferenceProfile(champion, kept)
    found = champion_reference(site)
    kept = _kept_profile(site, found.version)
    if kept is None:
        rows = found.table
        kept = profile_table(choose_layout(every_kth(rows, _SAMPLE), site.policy.roles), rows)
        put(site.store, _key(site, found.version, "profile", _roles(site)), to_document(kept))
    return ReferenceProfile(found.version, kept)


def thresholds(site: Site, reference: ReferenceProfile, rows: int) -> Thresholds:
    """The thresholds of the reference under the site's policy, calibrated for windows of `rows`
    rows, the first number of rows that is enough.
    """
    detect = site.policy.detect
    alpha = alarm_level(detect.falseAlarmsPerYear * (1 - SHARE), detect.window, detect.persistence.hits)
    if rows < detect.minRows:
        return Thresholds(alpha, detect.effects, model_version=reference.version)
    key = _key(site, reference.version, "thresholds", {**_roles(site), "detect": detect.model_dump(mode="json"), "of": _KNOWN})
    try:
        kept = read(site.store, Thresholds, key)
    except BadInput:  # another release of this program wrote it
        kept = None
    if kept is not None:
        return kept
    table = site.references.table(reference.version)
    if site.policy.data.time in table.column_names:
        table = table.sort_by(site.policy.data.time)
    made = calibrate(table, reference.profile.layout, rows, alpha=alpha, explicit=detect.effects, version=reference.version)
    made = replace(made, curve=loss_curve(table, reference.profile.layout))
    facts = {"version": reference.version, "alpha": alpha, "replayed": made.replayed, "effect": made.effect, "design": made.design}
    site.once("thresholds.calibrated", key, facts, since=site.clock.now())
    put(site.store, key, made)
    return made


def _kept_profile(site: Site, version: str) -> Profile | None:
    try:
        document = read(site.store, dict[str, Any], _key(site, version, "profile", _roles(site)))
        return from_document(document) if document is not None else None
    except (BadInput, ValueError, KeyError, TypeError):  # another release of this program wrote it
        return None


def _roles(site: Site) -> dict[str, Any]:
    return {"roles": to_plain(site.policy.roles)}


def _key(site: Site, version: str, part: str, depends: dict[str, Any]) -> str:
    return reference_key(site.model, version, f"{part}-{sha256(canonical(depends))[:16]}.json")

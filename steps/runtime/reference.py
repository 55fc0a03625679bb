"""The reference that the champion is compared with, also when somebody released a version that
never went through our gates. Called by the monitor and by the heal.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from modelmedic.steps.contracts.errors import BadInput, NotFound
from modelmedic.steps.runtime.run import Site


@dataclass(frozen=True, slots=True)
class ChampionReference:
    """The reference's rows. `version` is the model version that they belong to: the champion, or
    the last one before it that has a reference.
    """

    version: str
    table: pa.Table


def champion_reference(site: Site) -> ChampionReference:
    """The reference of the champion, or of the last version before it that has one.

    Raises BadInput when no version that ever served has a reference."""
    versions = tuple(dict.fromkeys(_candidates(site)))
    for version in versions:
        try:
            return ChampionReference(version, site.references.table(version))
        except NotFound:
            continue
    known = f"none of {', '.join(versions)} has one" if versions else "no version ever served"
    raise BadInput(
        f"model {site.model} has no reference to compare with ({known}); `modelmedic bootstrap` trains a first champion, and "
        "`modelmedic adopt` takes over one that is there already"
    )


def _candidates(site: Site) -> Iterator[str]:
    """The champion, then the versions that served before it, newest first."""
    champion = site.registry.alias(site.policy.registry.champion)
    if champion:
        yield champion
    for release in reversed(site.history.releases(site.model)):
        yield release.version
        if release.previous:
            yield release.previous

"""The order in which versions served."""

from modelmedic.steps.contracts.diagnosis import Release


def last_good(releases: tuple[Release, ...], bad: str | None) -> str | None:
    """The version that served before the bad one did, by the bad one's newest release; `releases`
    are oldest first.
    """
    newest = next((release for release in reversed(releases) if release.version == bad), None)
    if newest is not None and newest.previous not in (None, bad):
        return newest.previous
    return next((release.version for release in reversed(releases) if release.version != bad), None)

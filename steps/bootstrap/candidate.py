"""The candidate that a bootstrap's training leaves in the object store for its registration, and
the names by which the parts of a bootstrap find each other's results.
"""

from dataclasses import dataclass

from modelmedic.steps.contracts.keys import candidate_prefix, model_hash
from modelmedic.steps.runtime.run import Site


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model trained on one snapshot: the digest of its folder, how many of the older rows it
    learnt from, and the code that made it.
    """

    digest: str
    rows: int
    code: str


def candidates(site: Site) -> str:
    """The prefix of the model's first candidates in the object store."""
    return candidate_prefix(model_hash(site.model), 0)


def candidate_key(site: Site, snapshot: str) -> str:
    """The key of the `Candidate` that was trained on the snapshot."""
    return f"{candidates(site)}/{snapshot}.json"


def registration_key(snapshot: str) -> str:
    """The key that the version is registered under, once for the same rows."""
    return f"bootstrap:{snapshot[:32]}"

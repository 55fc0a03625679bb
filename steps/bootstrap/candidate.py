"""The candidate that a bootstrap's training leaves in the object store for its registration, and
the names by which the parts of a bootstrap find each other's results.
"""

from dataclasses import dataclass

from modelmedic.steps.contracts.codec import canonical, sha256
from modelmedic.steps.contracts.keys import candidate_prefix, model_hash
from modelmedic.steps.runtime.run import Site


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model trained on one snapshot: the digest of its folder, how many of the older rows it
    learnt from, the code that made it, and the snapshot's digest.
    """

    digest: str
    rows: int
    code: str
    snapshot: str


def candidates(site: Site) -> str:
    """The prefix of the model's first candidates in the object store."""
    return candidate_prefix(model_hash(site.model), 0)


def candidate_name(site: Site, snapshot: str, code: str) -> str:
    """The name of the candidate that this code makes of the snapshot under the site's policy: when
    one of the three changes, another one is trained.
    """
    return sha256(canonical({"snapshot": snapshot, "policy": site.policy.hash, "code": code}))


def candidate_key(site: Site, name: str) -> str:
    """The key of the `Candidate` of that name."""
    return f"{candidates(site)}/{name}.json"


def registration_key(name: str) -> str:
    """The key that the version is registered under, once for the same candidate."""
    return f"bootstrap:{name[:32]}"

"""The policy that an incident was opened under, as the store keeps it."""

import contextlib
import itertools
from typing import Final

from modelmedic.steps.contracts.errors import BadInput, NotFound, Refused
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.keys import policy_key
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.records.documents import read

_MOST: Final = 1000  # policies that are read to find a model's neighbours


def policy_of(store: ObjectStore, incident: Incident) -> Policy:
    """The policy that the incident was opened under. Raises NotFound, or Refused when what is
    stored is another one.
    """
    policy = read(store, Policy, policy_key(incident.policy_hash))
    if policy is None:
        raise NotFound(f"policy {incident.policy_hash[:12]} of incident {incident.id} is not in the store; name its file with --policy")
    return pinned(policy, incident, "the policy in the store")


def pinned(policy: Policy, incident: Incident, what: str) -> Policy:
    """The policy itself. Raises Refused unless it is the one that the incident was opened under,
    word for word.
    """
    if policy.hash != incident.policy_hash:
        raise Refused(
            f"{what} has the hash {policy.hash[:12]}; incident {incident.id} was opened under {incident.policy_hash[:12]}, "
            "and its rules do not change while it is open"
        )
    return policy


def readers_of_the_same_rows(store: ObjectStore, policy: Policy) -> tuple[str, ...]:
    """The other models, by name, whose policies name the same inference log or the same labels as
    this one. Policies that cannot be read, and those beyond the first thousand, are passed over.
    """
    mine, found = {policy.log_prefix, policy.labels_prefix}, set()
    for key in itertools.islice(store.list("policies/"), _MOST):
        with contextlib.suppress(BadInput):
            other = read(store, Policy, key)
            if other is not None and other.name != policy.name and mine & {other.log_prefix, other.labels_prefix}:
                found.add(other.name)
    return tuple(sorted(found))


def known_policy(store: ObjectStore, model: str) -> Policy | None:
    """A policy that the store has of the model; None when there is none that can be read."""
    for key in store.list("policies/"):
        with contextlib.suppress(BadInput):
            if (policy := read(store, Policy, key)) is not None and policy.name == model:
                return policy
    return None

"""The short claim on a model that covers one effect: compare-and-swap on the object store, with a
fence that never goes down.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from modelmedic.steps.contracts.errors import Conflict, LeaseLost, NotFound, Refused, StoreError
from modelmedic.steps.contracts.formats import encoded, parse
from modelmedic.steps.contracts.keys import lease_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore

TTL = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease as it lies in the store. `nonce` tells two claims of one holder apart."""

    model: str
    holder: str
    fence: int
    expires: datetime
    nonce: str
    released: bool = False


class Lease:
    """A held lease; use it as a context manager. `fence` is written with every effect, so that a
    stale holder is seen.
    """

    def __init__(self, store: ObjectStore, clock: Clock, ttl: timedelta, claim: Claim) -> None:
        self._store = store
        self._clock = clock
        self._ttl = ttl
        self._claim = claim

    @property
    def fence(self) -> int:
        return self._claim.fence

    @property
    def holder(self) -> str:
        return self._claim.holder

    def check(self) -> None:
        """Read the store again. Raises LeaseLost unless this claim stands and has not expired,
        StoreError when unreadable.
        """
        self._standing()

    def renew(self) -> None:
        """Hold it for another full time to live. Raises LeaseLost like `check`."""
        tag = self._standing()
        renewed = replace(self._claim, expires=self._clock.now() + self._ttl)
        key = lease_key(self._claim.model)
        try:
            self._store.swap(key, encoded(renewed, key), tag)
        except (Conflict, NotFound) as error:
            raise LeaseLost(f"lease on model {self._claim.model} was taken while {self.holder} renewed it") from error
        self._claim = renewed

    def release(self) -> None:
        """Let others in at once; does nothing when the lease is somebody else's by now."""
        key = lease_key(self._claim.model)
        try:
            tag = self._standing()
            self._store.swap(key, encoded(replace(self._claim, released=True), key), tag)
        except (LeaseLost, Conflict, NotFound):
            return

    def _standing(self) -> str:
        """The tag of the claim in the store, which is this one."""
        key, mine = lease_key(self._claim.model), self._claim
        try:
            blob = self._store.get(key)
        except NotFound as error:
            raise LeaseLost(f"lease on model {mine.model} is gone from the store; expected {mine.holder} to hold it") from error
        found = parse(Claim, blob.data, key)
        if (found.nonce, found.fence, found.released) != (mine.nonce, mine.fence, False):
            raise LeaseLost(
                f"lease on model {mine.model} is with {found.holder} (fence {found.fence}) now; "
                f"{mine.holder} held fence {mine.fence} and may not act any more"
            )
        if self._clock.now() >= found.expires:
            raise LeaseLost(f"lease of {mine.holder} on model {mine.model} expired at {found.expires:%Y-%m-%dT%H:%M:%SZ}")
        return blob.tag

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.release()
        except StoreError:
            return  # the store is away: the lease expires by itself, and the first error matters more


def acquire(
    store: ObjectStore,
    model: str,
    holder: str,
    clock: Clock,
    *,
    ttl: timedelta = TTL,
    gone: Callable[[str], bool] = lambda _holder: False,
) -> Lease:
    """Take the model's lease, an expired or released one with the next fence.

    `clock` is real time even where a simulation plays the rest. `gone` may say of a holder that it
    is known to be dead (a process of this machine), whose lease is then taken before it expires.
    Raises Refused, naming holder and expiry, while somebody else holds it; StoreError when the
    store cannot be read.
    """
    key = lease_key(model)
    for _ in range(20):
        try:
            blob = store.get(key)
        except NotFound:
            blob = None
        fence = 1
        if blob is not None:
            standing = parse(Claim, blob.data, key)
            if not (standing.released or clock.now() >= standing.expires or gone(standing.holder)):
                raise Refused(_held(standing))
            fence = standing.fence + 1
        claim = Claim(model, holder, fence, clock.now() + ttl, uuid.uuid4().hex)
        try:
            store.create(key, encoded(claim, key)) if blob is None else store.swap(key, encoded(claim, key), blob.tag)
        except Conflict:
            continue
        return Lease(store, clock, ttl, claim)
    raise Conflict(f"lease on model {model} changed hands 20 times while {holder} asked for it; expected it to stand still")


def _held(claim: Claim) -> str:
    return (
        f"lease on model {claim.model} is held by {claim.holder} until {claim.expires:%Y-%m-%dT%H:%M:%SZ} "
        f"(fence {claim.fence}); it can be taken after that"
    )

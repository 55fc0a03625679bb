"""The short claim on a model that covers one effect: compare-and-swap on the object store, with a
fence that never goes down.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from modelmedic.steps.contracts.errors import BadInput, Conflict, LeaseLost, NotFound, Refused, StoreError
from modelmedic.steps.contracts.formats import encoded, parse
from modelmedic.steps.contracts.keys import lease_key
from modelmedic.steps.contracts.ports import Clock, ObjectStore

TTL = timedelta(seconds=60)
LONGEST = timedelta(minutes=5)  # that any lease may last without being renewed: a model server that comes up slowly


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease as it lies in the store. `nonce` tells two claims of one holder apart; `seconds` is
    its time to live, so that it can be timed by another clock than its holder's.
    """

    model: str
    holder: str
    fence: int
    expires: datetime
    nonce: str
    released: bool = False
    seconds: float | None = None  # None in a claim of an earlier version

    @property
    def lasts(self) -> timedelta:
        """At most the longest that a lease may, whatever the claim says of itself."""
        stated = self.seconds if self.seconds is not None and 0 <= self.seconds <= LONGEST.total_seconds() else None
        return timedelta(seconds=stated) if stated is not None else LONGEST


class LeaseHeld(Refused):
    """Somebody else holds the lease; `claim` is theirs."""

    def __init__(self, claim: Claim) -> None:
        super().__init__(
            f"lease on model {claim.model} is held by {claim.holder} until {claim.expires:%Y-%m-%dT%H:%M:%SZ} "
            f"(fence {claim.fence}); it can be taken after that, or once it stood unchanged for {claim.lasts.total_seconds():.0f} s"
        )
        self.claim = claim


class LeaseWatch:
    """Times a claim by this machine's clock, because its holder's may be wrong by a year: a claim
    that stood for as long as it lasts, and was not renewed, has run out.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: Claim | None = None
        self._since = clock.now()

    def remaining(self, claim: Claim) -> timedelta:
        """The time until the claim has run out by this clock; zero once it has. A claim that is
        seen for the first time, or that was renewed, has all of its time left.
        """
        now = self._clock.now()
        if self._seen != claim:
            self._seen, self._since = claim, now
        return max(claim.lasts - (now - self._since), timedelta(0))


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
    watch: LeaseWatch | None = None,
) -> Lease:
    """Take the model's lease, an expired or released one with the next fence.

    `clock` is real time even where a simulation plays the rest. `gone` may say of a holder that it
    is known to be dead (a process of this machine), whose lease is then taken before it expires;
    `watch` is kept by a caller that asks again and again, and sees a claim run out that a wrong
    clock dated ahead. Raises LeaseHeld, naming holder and expiry, while somebody else holds it;
    StoreError when the store cannot be read.
    """
    if ttl > LONGEST:
        raise BadInput(f"lease on model {model} was asked for {ttl}; expected at most {LONGEST}, renewed while it is needed")
    key = lease_key(model)
    for _ in range(20):
        try:
            blob = store.get(key)
        except NotFound:
            blob = None
        fence = 1
        if blob is not None:
            standing = parse(Claim, blob.data, key)
            if not (standing.released or clock.now() >= standing.expires or gone(standing.holder) or _ran_out(standing, watch)):
                raise LeaseHeld(standing)
            fence = standing.fence + 1
        claim = Claim(model, holder, fence, clock.now() + ttl, uuid.uuid4().hex, seconds=ttl.total_seconds())
        try:
            store.create(key, encoded(claim, key)) if blob is None else store.swap(key, encoded(claim, key), blob.tag)
        except Conflict:
            continue
        return Lease(store, clock, ttl, claim)
    raise Conflict(f"lease on model {model} changed hands 20 times while {holder} asked for it; expected it to stand still")


def _ran_out(claim: Claim, watch: LeaseWatch | None) -> bool:
    return watch is not None and not watch.remaining(claim)

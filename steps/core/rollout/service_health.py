"""The judgement on the service of the version that serves: sick or not, by the limits that its
canary was held to, and whether it became so with its release. Called by rollout/service_watch.py.

Failures are counted, so what they say is bounded by Wilson's score interval (1927) at 95 %: a
version is sick when even the lower end of its share of failures is above `rollout.maxErrorShare`,
and worse than the version before when its interval lies above that one's. Times are compared as the
canary's are.
"""

import math
from collections.abc import Sequence
from typing import Final

from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.policy import Rollout
from modelmedic.steps.contracts.serving import Traffic
from modelmedic.steps.core.rollout.canary_judgement import SLOWER, few_failures

_Z: Final = 1.96  # standard deviations of a 95 % interval


def wilson(failures: int, requests: int) -> tuple[float, float]:
    """The 95 % score interval of a share, 0..1; all of it where nothing was asked."""
    if not requests:
        return 0.0, 1.0
    share, weight = failures / requests, _Z**2 / requests
    middle = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * math.sqrt(share * (1 - share) / requests + weight / (4 * requests))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def fails(seen: Traffic, rollout: Rollout) -> bool:
    """True when more requests fail than the policy allows, by more than chance."""
    low, _ = wilson(seen.failures, seen.requests)
    return seen.failures >= few_failures(rollout) and low > rollout.maxErrorShare


def is_slow(seen: Traffic, rollout: Rollout, bound_ms: float) -> bool:
    """True when the 95th percentile of enough requests is above the policy's bound."""
    return seen.latency_p95_ms is not None and seen.requests >= rollout.minRequests and seen.latency_p95_ms > bound_ms


def sickness(seen: Traffic, rollout: Rollout, bound_ms: float) -> str:
    """The words on what is wrong with the service, such as `fails 30 of 200 requests`; empty when
    it is well, or too little was asked to tell.
    """
    if fails(seen, rollout):
        return f"fails {seen.failures} of {seen.requests} requests ({rollout.maxErrorShare:.1%} are allowed)"
    if is_slow(seen, rollout, bound_ms):
        return f"answers with a p95 of {seen.latency_p95_ms:.0f} ms ({bound_ms:.0f} ms are allowed)"
    return ""


def began_with(first: Traffic, before: Traffic | None, rollout: Rollout, bound_ms: float) -> bool:
    """True when the version was sick in its first time, and the one before was not as sick:
    `before` counts what was asked of it shortly before the release, None where that is not known.
    """
    if fails(first, rollout):
        low, _ = wilson(first.failures, first.requests)
        return before is None or not before.requests or low > wilson(before.failures, before.requests)[1]
    if not is_slow(first, rollout, bound_ms):
        return False
    times = before.latency_p95_ms if before is not None else None
    return times is None or (first.latency_p95_ms or 0.0) > SLOWER * times


def forward(releases: Sequence[Release]) -> Release | None:
    """The newest release, oldest first, if it brought a version that had not served before: putting
    a version back is no release that could be taken back.
    """
    if not releases:
        return None
    *earlier, last = releases
    known = {name for each in earlier for name in (each.version, each.previous)}
    return last if last.previous not in (None, last.version) and last.version not in known else None

"""The judgement on a canary as a server: dark on replayed requests, and at every share on the
requests that it answered. Called by deploy. As a model it is judged by core/comparison/canary.py.

Missing or too little data holds the canary and never passes it; a canary that cannot be judged by
the deadline is withdrawn.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from modelmedic.steps.contracts.policy import Rollout
from modelmedic.steps.contracts.serving import Traffic
from modelmedic.steps.contracts.window import format_duration
from modelmedic.steps.contracts.words import Task

_SAME = 1e-4  # how far a served prediction may be from the validated one: above float32's rounding, below any difference that matters
SLOWER = 1.5  # times the champion's p95; beyond, a canary above the policy's bound is withdrawn


@dataclass(frozen=True, slots=True)
class Judgement:
    """`judged` is false where the canary is withdrawn because too little was known by the deadline:
    it was not shown to be worse.
    """

    verdict: Literal["pass", "hold", "withdraw"]
    sentence: str
    judged: bool = True


@dataclass(frozen=True, slots=True)
class DarkReplay:
    """A dark canary's answers to requests whose right answers are known from validation, and to
    `recent` ones of the log, of which nothing but the champion's answer is known.

    `expected` and `served` have one number per row, in one order. The times are those of the recent
    requests, or of validation's where there are none; `champion_p95_ms` is None when the champion
    was not asked.
    """

    task: Task
    expected: tuple[float, ...]
    served: tuple[float, ...]
    version: str
    asked_for: str
    p95_ms: float
    champion_p95_ms: float | None = None
    recent: tuple[float, ...] = ()


def judge_replay(replay: DarkReplay, latency_bound_ms: float) -> Judgement:
    """The judgement on a dark canary: it serves the version that was validated, its predictions,
    within the allowed latency.
    """
    if replay.version != replay.asked_for:
        return Judgement("withdraw", f"the canary says that it is version {replay.version}; expected {replay.asked_for}")
    if not replay.expected:
        return Judgement("withdraw", "there is no request to replay; expected some that validation has judged")
    answers = (*replay.served, *replay.recent)
    wild = [value for value in answers if not math.isfinite(value) or (replay.task is Task.BINARY and not 0 <= value <= 1)]
    if wild:
        return Judgement("withdraw", f"the canary answered {len(wild)} of {len(answers)} rows with {wild[0]}, which is no prediction")
    scale = max(1.0, max(abs(value) for value in replay.expected))
    pairs = zip(replay.expected, replay.served, strict=True)
    apart = sum(abs(expected - served) > _SAME * scale for expected, served in pairs)
    if apart:
        return Judgement(
            "withdraw",
            f"{apart} of {len(replay.served)} replayed rows got another prediction than in validation: the model serves differently",
        )
    slow = _too_slow(replay.p95_ms, replay.champion_p95_ms, latency_bound_ms)
    if slow:
        return Judgement("withdraw", slow)
    beside = f", and {len(replay.recent)} of the newest requests were answered" if replay.recent else ""
    said = f"{len(replay.served)} replayed rows got the predictions of validation{beside}"
    return Judgement("pass", f"{said} (p95 {replay.p95_ms:.0f} ms a request)")


def judge_share(
    canary: Traffic | None, champion: Traffic | None, rollout: Rollout, latency_bound_ms: float, share: int, waited: timedelta
) -> Judgement:
    """The judgement at one share of the traffic. `canary` and `champion` count what was answered
    since the share was set, None when it could not be read; `waited` is the time since then.
    """
    late = waited >= rollout.deadline
    if canary is None:
        return _hold_or_withdraw(late, f"at {share} % no traffic of the canary could be read")
    failed = canary.failures / canary.requests if canary.requests else 0.0
    if canary.failures and canary.failures >= few_failures(rollout) and failed > rollout.maxErrorShare:
        return Judgement(
            "withdraw",
            f"at {share} % the canary failed {canary.failures} of {canary.requests} requests; {rollout.maxErrorShare:.1%} are allowed",
        )
    if not canary.requests:
        asked = f"at {share} % nobody asked the canary, so it is not judged"
        return _hold_or_withdraw(
            late, f"{asked}; rollout asks for {rollout.minRequests} requests within {format_duration(rollout.deadline)}"
        )
    if canary.requests < rollout.minRequests:
        return _hold_or_withdraw(
            late, f"at {share} % the canary answered {canary.requests} requests; at least {rollout.minRequests} are needed"
        )
    if canary.latency_p95_ms is not None:
        slow = _too_slow(canary.latency_p95_ms, champion.latency_p95_ms if champion else None, latency_bound_ms)
        if slow:
            return Judgement("withdraw", f"at {share} % {slow}")
    if waited < rollout.hold:
        return Judgement("hold", f"at {share} % for {format_duration(waited)}; at least {format_duration(rollout.hold)} are needed")
    return Judgement("pass", f"at {share} % it answered {canary.requests} requests, {canary.failures} of them failed")


def share_begun(share: int, rollout: Rollout) -> str:
    """The sentence for whoever waits while the canary answers a share of the traffic."""
    return (
        f"the canary answers {share} % of the traffic from now on; it is judged after {format_duration(rollout.hold)} at the earliest, "
        f"once it has answered {rollout.minRequests} requests, "
        f"and taken back if it cannot be judged within {format_duration(rollout.deadline)}"
    )


def traffic_between(now: Traffic, then: Traffic) -> Traffic:
    """The traffic between two readings of the counters; a predictor that restarted meanwhile counts
    from zero.
    """
    restarted = now.requests < then.requests
    requests = now.requests if restarted else now.requests - then.requests
    failures = now.failures if restarted else max(now.failures - then.failures, 0)
    return Traffic(requests, failures, now.latency_p95_ms)


def few_failures(rollout: Rollout) -> int:
    """Failures that are enough to be believed before the least number of requests was reached."""
    return max(3, math.ceil(rollout.maxErrorShare * rollout.minRequests))


def _hold_or_withdraw(late: bool, sentence: str) -> Judgement:
    return Judgement("withdraw", f"{sentence}, and the deadline has passed", judged=False) if late else Judgement("hold", sentence)


def _too_slow(p95: float, champion: float | None, bound: float) -> str | None:
    if p95 <= bound or (champion is not None and p95 <= SLOWER * champion):
        return None
    beside = f", the champion's {champion:.0f} ms" if champion is not None else ""
    return f"the canary's p95 is {p95:.0f} ms{beside}; {bound:.0f} ms are allowed"

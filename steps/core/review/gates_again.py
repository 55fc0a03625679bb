"""Recorded gates under the limits of another policy, as far as what was measured can tell. Called
by course.
"""

from collections.abc import Callable
from typing import Final

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import Gate
from modelmedic.steps.contracts.words import Risk

Verdict = bool | None  # None: not known
_Limit = Callable[[Policy], float]

# Gates by limits that were scaled by what was measured: a larger limit lets more pass, and one that
# was loosened fails nothing that passed.
_LIMITS: Final[dict[str, _Limit]] = {
    "old_regime": lambda policy: policy.validation.oldRegimeMargin,
    "slice": lambda policy: policy.validation.sliceMargin,
}


def passes_again(gate: Gate, was: Policy, now: Policy) -> Verdict:
    """Whether the gate, which was judged under the policy `was`, passes under `now`; None where
    what was measured does not tell.
    """
    kind = gate.name.partition(":")[0]
    if kind == "latency":
        return _at_most(gate, now.validation.latencyP95Ms)
    if kind == "labels":
        return _at_least(gate, now.validation.least_labels)
    if kind in ("no_worse", "worth_it", *_LIMITS) and _measured_otherwise(was, now):
        return None
    if kind == "no_worse":
        return _no_worse(gate, was, now)
    if kind == "worth_it":
        return _worth_it(gate, was, now)
    if limit := _LIMITS.get(kind):
        return _by_its_limit(gate, limit(was), limit(now))
    return gate.passed


def _measured_otherwise(was: Policy, now: Policy) -> bool:
    """True where another metric, or an interval of another width, would have been computed."""
    return (was.metric, was.validation.confidence) != (now.metric, now.validation.confidence)


def _at_most(gate: Gate, bound: float) -> Verdict:
    return gate.value <= bound if gate.value is not None else gate.passed


def _at_least(gate: Gate, least: float) -> Verdict:
    if gate.value is None or (not gate.passed and gate.threshold is not None and gate.value >= gate.threshold):
        return gate.passed  # it failed for another reason than their number
    return gate.value >= least


def _asks_for_proof(policy: Policy) -> bool:
    return policy.validation.margin == 0 and policy.retrain.risk is Risk.CAUTIOUS


def _no_worse(gate: Gate, was: Policy, now: Policy) -> Verdict:
    """The comparison by its interval: not shown to be worse, within a margin, or shown to be
    better.
    """
    margin = now.validation.margin
    if gate.low is None or gate.high is None:
        return None if (was.validation.margin, was.retrain.risk) != (margin, now.retrain.risk) else gate.passed
    if margin:
        return gate.low >= -margin
    if _asks_for_proof(now):
        return gate.low > 0 or gate.low == gate.high == 0
    if was.validation.margin == 0 and not _asks_for_proof(was):
        return gate.passed  # judged in the same way, with what the newest rows teach
    return True if gate.high >= 0 else None


def _worth_it(gate: Gate, was: Policy, now: Policy) -> Verdict:
    """The gain that is asked for: a stated one, more than nothing, or none."""
    if gate.value is None:
        return gate.passed if _gain_asked(was) == _gain_asked(now) else None
    asked = _gain_asked(now)
    if isinstance(asked, float):
        return gate.value > 0 and gate.value >= asked
    if asked is Risk.EAGER:
        return True
    return gate.passed if asked is _gain_asked(was) else None  # the expected gain was not computed


def _gain_asked(policy: Policy) -> float | Risk:
    least, risk = policy.validation.minGain, policy.retrain.risk
    return float(least) if least or risk is Risk.CAUTIOUS else risk


def _by_its_limit(gate: Gate, was: float, now: float) -> Verdict:
    """A gate of a limit keeps its verdict where the limit moved in its favour or not at all."""
    return gate.passed if now == was or (now > was) == gate.passed else None

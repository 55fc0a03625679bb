"""Amounts that a policy asks of its stream and can never get: requests of a canary, rows of a
window, rows of a training. Called by validate, where the rate of rows is known.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from modelmedic.steps.contracts.policy import Detect, Policy
from modelmedic.steps.contracts.window import format_duration
from modelmedic.steps.core.scaffold.rate import RowRate, counted
from modelmedic.steps.core.scaffold.sizes import rollout

_BUSY: Final = 0.95  # of the moments see no more rows than a busy one
_REACH: Final = 4  # times retrain.history, as far as training goes back
_WORDS: Final = {
    timedelta(minutes=1): "a minute",
    timedelta(hours=1): "an hour",
    timedelta(days=1): "a day",
    timedelta(days=7): "a week",
}


def unattainable(policy: Policy, rate: RowRate) -> Iterator[tuple[str, str]]:
    """The place in the policy and the sentence of everything that cannot pass even in a busy
    time.
    """
    yield from _canary(policy, rate)
    yield from _window(policy.detect, rate)
    yield from _training(policy, rate)


def _canary(policy: Policy, rate: RowRate) -> Iterator[tuple[str, str]]:
    asked = policy.rollout
    share = asked.steps[0] if asked.steps else None
    busy = rate.within(asked.deadline, _BUSY)
    if share is None or busy * share / 100 >= asked.minRequests:
        return
    beside = f", of which the canary answers {share} %" if busy >= asked.minRequests else ""
    can = rollout(rate)
    with_it = (
        f"; steps {list(can.steps)}, minRequests {can.minRequests} and deadline {format_duration(can.deadline)} can pass"
        if can is not None
        else "; so few rows let no canary pass"
    )
    yield (
        "rollout.minRequests",
        f"No challenger can pass: {rate.words}{beside}, and {asked.minRequests} are asked for within {_span(asked.deadline)}. "
        f"Set rollout.minRequests and rollout.deadline{with_it}",
    )


def _window(detect: Detect, rate: RowRate) -> Iterator[tuple[str, str]]:
    busy = rate.within(detect.window, _BUSY)
    if busy < detect.minRows:
        yield (
            "detect.minRows",
            f"No window can be judged: {rate.words} are {counted(busy)} in {_span(detect.window)}, and {detect.minRows} are asked for. "
            "Set detect.minRows or detect.window",
        )


def _training(policy: Policy, rate: RowRate) -> Iterator[tuple[str, str]]:
    reach = _REACH * policy.retrain.history
    taught, judged, known = policy.retrain.minRows, policy.validation.least_labels, rate.mean(reach)
    if known < taught + judged:
        yield (
            "retrain.minRows",
            f"No challenger can be taught: {rate.words} are {counted(known)} in {_span(reach)}, as far as training reaches back, "
            f"and {taught + judged} labelled ones are asked for, {taught} to teach and {judged} to judge by. "
            "Set retrain.history, or retrain.minRows and validate.minLabels",
        )


def _span(length: timedelta) -> str:
    return _WORDS.get(length, format_duration(length))

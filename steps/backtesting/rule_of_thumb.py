"""A rule of thumb, as somebody would write it who has no loop: every half detection window, look at
the newest labels; train when they lose more than they should or the model is old, and serve what
is better on rows that neither model was trained on.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from modelmedic.steps.backtesting.losses import row_losses, targets
from modelmedic.steps.backtesting.models import Floats
from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.backtesting.plan import ReplayPlan, moments, spread
from modelmedic.steps.backtesting.result import RULE_OF_THUMB, Deed, DeedCounts, PlayedWay
from modelmedic.steps.backtesting.taught import TaughtModel, TaughtModels
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.statistics.metrics import blocks_of

_OLD = timedelta(days=60)
_LEAST_BLOCKS = 3  # of time that a comparison needs: fewer have no standard error to speak of


def rule_of_thumb(
    past: Past, plan: ReplayPlan, first: TaughtModel, expected: float, taught: TaughtModels, tell: Callable[[datetime], None]
) -> PlayedWay:
    """Play the rule. `expected` is the loss of the first champion on rows that it was not trained
    on.

    A challenger is trained without the newest window of labels, which then compares it with the
    champion, day by day; it serves where it loses less by more than one standard error.
    """
    window, delay, losses = past.policy.detect.window, past.policy.data.labels.delay, _Losses(past)
    serving, served, answers, deeds, trained = first, plan.replay.start, [], [], 0
    half = window / 2
    for now, end in pairwise([*moments(plan.replay, spread(plan.replay.length, half) * half), plan.replay.end]):
        newest = past.places(Window(now - delay - window, now - delay))
        if now - window >= plan.replay.start and losses.any(newest):
            worse = losses.mean(serving, newest) > expected
            challenger = taught.at(now - window) if worse or now - served >= _OLD else None
            trained += challenger is not None
            if challenger is not None and losses.better(challenger, serving, newest):
                serving, served, expected = challenger, now, losses.mean(challenger, newest)
                deeds.append(Deed(now, "retrained", _why(worse)))
        answers.append(serving.on(past.places(Window(now, end))))
        tell(end)
    counts = DeedCounts(retrains=trained, promotions=len(deeds), rejected=trained - len(deeds), fits=trained)
    return PlayedWay(RULE_OF_THUMB, np.concatenate(answers), counts, deeds)


def _why(worse: bool) -> str:
    return "retrained because the newest labels lost more" if worse else f"retrained because the model was {_OLD.days} days old"


class _Losses:
    """The losses of models on spans of the past, rows with labels alone."""

    def __init__(self, past: Past) -> None:
        self._past, self._target = past, targets(past)
        self._known = np.isfinite(self._target)

    def any(self, places: slice) -> bool:
        return bool(self._known[places].any())

    def mean(self, model: TaughtModel, places: slice) -> float:
        return float(self._of(model, places).mean())

    def better(self, challenger: TaughtModel, champion: TaughtModel, places: slice) -> bool:
        """Whether the challenger loses less by more than one standard error over the days."""
        known = self._known[places]
        blocks = blocks_of(self._past.times[places][known] / 1e6, int(known.sum()))
        counts = np.bincount(blocks)
        gains = np.bincount(blocks, self._of(champion, places) - self._of(challenger, places))[counts > 0] / counts[counts > 0]
        return len(gains) >= _LEAST_BLOCKS and bool(gains.mean() > gains.std(ddof=1) / np.sqrt(len(gains)))

    def _of(self, model: TaughtModel, places: slice) -> Floats:
        known = self._known[places]
        return row_losses(self._past.policy.data.task, self._target[places][known], model.on(places)[known])

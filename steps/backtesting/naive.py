"""The two ways that need no monitor: never to retrain, and to retrain at the end of every window on
all known labels.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from modelmedic.steps.backtesting.models import Predict, train_on
from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.backtesting.plan import ReplayPlan
from modelmedic.steps.backtesting.result import EVERY_WINDOW, FROZEN, Deed, DeedCounts, PlayedWay
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.window import Window


def frozen(past: Past, plan: ReplayPlan, first: Predict) -> PlayedWay:
    """Let the first champion answer all rows."""
    return PlayedWay(FROZEN, first(past.between(plan.replay)), DeedCounts())


def every_window(past: Past, plan: ReplayPlan, first: Predict, place: Path, tell: Callable[[datetime], None]) -> PlayedWay:
    """Train a model at the end of each window on the known labels of the last retrain.history; it
    serves from then on without a gate.
    """
    serving, answers, deeds, failed = first, [], [], 0
    for number, window in enumerate(plan.windows):
        if number:
            try:
                serving = train_on(past.policy, known_history(past, window.start), place / f"{number}")
                deeds.append(Deed(window.start, "retrained", "retrained because the window was over"))
            except BadInput:  # no model: the one before goes on
                failed += 1
        answers.append(serving(past.between(window)))
        tell(window.end)
    return PlayedWay(
        EVERY_WINDOW,
        np.concatenate(answers),
        DeedCounts(retrains=len(deeds), promotions=len(deeds), escalated=failed, fits=len(deeds)),
        deeds,
    )


def known_history(past: Past, now: datetime) -> pa.Table:
    """The rows of the last retrain.history whose labels are known by `now`."""
    end = now - past.policy.data.labels.delay
    return past.known(Window(end - past.policy.retrain.history, end), now)

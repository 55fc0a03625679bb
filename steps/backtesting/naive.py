"""The ways that need no monitor: never to retrain, and to retrain by the calendar on all known
labels.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise

import numpy as np

from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.backtesting.plan import ReplayPlan
from modelmedic.steps.backtesting.result import EVERY_WINDOW, FROZEN, WEEKLY, Deed, DeedCounts, PlayedWay
from modelmedic.steps.backtesting.taught import TaughtModel, TaughtModels
from modelmedic.steps.contracts.window import Window

Tell = Callable[[datetime], None]


def frozen(past: Past, plan: ReplayPlan, first: TaughtModel) -> PlayedWay:
    """Let the first champion answer all rows."""
    return PlayedWay(FROZEN, first.on(past.places(plan.replay)), DeedCounts())


def every_window(past: Past, plan: ReplayPlan, first: TaughtModel, taught: TaughtModels, tell: Tell) -> PlayedWay:
    """Train a model at the end of each window on the known labels of the last retrain.history; it
    serves from then on without a gate.
    """
    starts = [window.start for window in plan.windows]
    return by_calendar(past, plan, starts, first, taught, tell, name=EVERY_WINDOW, why="retrained because the window was over")


def weekly(past: Past, plan: ReplayPlan, first: TaughtModel, taught: TaughtModels, tell: Tell) -> PlayedWay:
    """Train a model at each look of the calendar, as `every_window` does at the end of a window."""
    title = "retrain every week" if plan.weeks == 1 else f"retrain every {plan.weeks} weeks"
    return by_calendar(past, plan, plan.looks, first, taught, tell, name=WEEKLY, why="retrained by the calendar", title=title)


def by_calendar(
    past: Past,
    plan: ReplayPlan,
    starts: Sequence[datetime],
    first: TaughtModel,
    taught: TaughtModels,
    tell: Tell,
    *,
    name: str,
    why: str,
    title: str = "",
) -> PlayedWay:
    """Train a model at each of the moments but the first, at which the first champion begins."""
    serving, answers, deeds, failed = first, [], [], 0
    for number, (start, end) in enumerate(pairwise([*starts, plan.replay.end])):
        if number:
            model = taught.at(start)
            if model is None:  # the one before goes on
                failed += 1
            else:
                serving = model
                deeds.append(Deed(start, "retrained", why))
        answers.append(serving.on(past.places(Window(start, end))))
        tell(end)
    counts = DeedCounts(retrains=len(deeds), promotions=len(deeds), escalated=failed, fits=len(deeds), calls=failed)
    return PlayedWay(name, np.concatenate(answers), counts, deeds, title)

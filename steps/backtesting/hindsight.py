"""Hindsight: the trainings that would have been best, by somebody who knew all losses in advance.

No way of deciding when to train on retrain.history can win more, so the others are told as a share
of its gain. Called by run, and by the benchmark on real streams.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from modelmedic.steps.backtesting.losses import row_losses, targets
from modelmedic.steps.backtesting.models import Floats
from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.backtesting.plan import ReplayPlan
from modelmedic.steps.backtesting.result import HINDSIGHT, Deed, DeedCounts, PlayedWay
from modelmedic.steps.backtesting.taught import TaughtModel, TaughtModels
from modelmedic.steps.contracts.window import Window


def best_trainings(answered: Floats, price: float) -> tuple[int, ...]:
    """The looks at which to train, ascending, so that losses and prices are least in sum.

    `answered[model, look]` is the loss of the model that was trained at look `model`, between
    `look` and the next; shape (looks, looks), and only `look >= model` is read. Model 0 serves from
    the start and costs nothing; the newest serves. Of equals the fewer trainings win. Dynamic
    programming over the last training.
    """
    count = len(answered)
    until = np.hstack([np.zeros((count, 1)), np.cumsum(np.triu(answered), axis=1)])
    own = until[np.arange(count), np.arange(count)]
    best, before = np.zeros(count), np.zeros(count, dtype=np.int64)
    for look in range(1, count):
        come = best[:look] + until[:look, look] - own[:look] + price
        before[look] = int(come.argmin())
        best[look] = come[before[look]]
    return _back(before, int((best + until[:, count] - own).argmin()))


def _back(before: npt.NDArray[np.int64], last: int) -> tuple[int, ...]:
    chosen: list[int] = []
    while last:
        chosen.append(last)
        last = int(before[last])
    return tuple(reversed(chosen))


def hindsight(
    past: Past, plan: ReplayPlan, first: TaughtModel, taught: TaughtModels, price: float, tell: Callable[[datetime], None]
) -> PlayedWay:
    """Train at the looks of the calendar that turn out best at this price of a training, a sum of
    losses.
    """
    models = [first]
    for look in plan.looks[1:]:
        model = taught.at(look)
        models += [model] if model is not None else []
        tell(look)
    spans = [past.places(Window(start, end)) for start, end in pairwise([*(model.at for model in models), plan.replay.end])]
    chosen = (0, *best_trainings(_answered(past, models, spans), price))
    serving = np.searchsorted(chosen, np.arange(len(spans)), side="right") - 1
    answers = np.concatenate([models[chosen[each]].on(span) for each, span in zip(serving, spans, strict=True)])
    deeds = [Deed(models[look].at, "retrained", "trained because it paid, as was known afterwards") for look in chosen[1:]]
    return PlayedWay(HINDSIGHT, answers, DeedCounts(retrains=len(deeds), promotions=len(deeds), fits=len(deeds)), deeds)


def _answered(past: Past, models: Sequence[TaughtModel], spans: Sequence[slice]) -> Floats:
    """The loss of each model between two looks, shape (looks, looks)."""
    target, end = targets(past), spans[-1].stop
    edges = np.array([span.start for span in spans])
    answered = np.zeros((len(models), len(models)))
    for number, (model, start) in enumerate(zip(models, edges, strict=True)):
        here = slice(int(start), end)
        losses = np.nan_to_num(row_losses(past.policy.data.task, target[here], model.on(here)))
        answered[number, number:] = np.diff(np.append(0.0, np.cumsum(losses))[np.append(edges[number:], end) - start])
    return answered

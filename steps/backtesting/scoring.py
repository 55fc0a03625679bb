"""The answers of each way compared with the labels, window by window, and what its losses and its
trainings come to beside those of hindsight.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from modelmedic.steps.backtesting.losses import row_losses, targets
from modelmedic.steps.backtesting.models import Floats
from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.backtesting.result import FROZEN, HINDSIGHT, TITLES, PlayedWay, WayLine
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.statistics.metrics import loss_of, score

WORTH_WINNING = 0.005  # of the frozen model's loss: below that a share of hindsight's gain says nothing
_YEAR = timedelta(days=365)


def score_ways(past: Past, windows: Sequence[Window], played: Sequence[PlayedWay], price: float) -> tuple[WayLine, ...]:
    """A line for each way, the frozen one among them. `price` is what a training costs, a sum of
    losses.
    """
    here = past.places(Window(windows[0].start, windows[-1].end))
    target, task = targets(past)[here], past.policy.data.task
    paid = {one.name: float(np.nansum(row_losses(task, target, one.answers))) + price * one.counts.retrains for one in played}
    gains = {name: 1 - each / paid[FROZEN] if paid[FROZEN] > 0 else 0.0 for name, each in paid.items()}
    best = gains.get(HINDSIGHT, 0.0)
    return tuple(
        replace(score_way(past, windows, one), gain=gains[one.name], share=gains[one.name] / best if best > WORTH_WINNING else None)
        for one in played
    )


def score_way(past: Past, windows: Sequence[Window], played: PlayedWay) -> WayLine:
    """The way's metric and loss. Every label counts, whenever it became known."""
    policy, target = past.policy, targets(past)
    first = past.places(windows[0]).start
    parts = []
    for window in windows:
        here = past.places(window)
        parts.append((target[here], played.answers[here.start - first : here.stop - first]))
    scores, losses = (tuple(_score(metric, *part) for part in parts) for metric in (policy.metric, loss_of(policy.data.task)))
    return WayLine(
        played.name,
        played.title or TITLES[played.name],
        scores,
        losses,
        _mean(scores),
        _score(loss_of(policy.data.task), *(np.concatenate(side) for side in zip(*parts, strict=True))),
        played.counts,
        tuple(played.deeds),
        calls_a_year=played.counts.calls / ((windows[-1].end - windows[0].start) / _YEAR),
        causes=played.causes,
    )


def labelled_rows(past: Past, windows: Sequence[Window]) -> tuple[int, ...]:
    """The number of labelled rows of each window."""
    known = np.isfinite(targets(past))
    return tuple(int(known[past.places(window)].sum()) for window in windows)


def _score(metric: str, target: Floats, answers: Floats) -> float | None:
    known = np.isfinite(target)
    value = score(metric, target[known], answers[known])
    return value if math.isfinite(value) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None

"""The answers of each way compared with the labels, window by window."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from modelmedic.steps.backtesting.past import Past
from modelmedic.steps.backtesting.result import TITLES, PlayedWay, WayLine
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.statistics.metrics import loss_of, score

Floats = npt.NDArray[np.float64]


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
        TITLES[played.name],
        scores,
        losses,
        _mean(scores),
        _score(loss_of(policy.data.task), *(np.concatenate(side) for side in zip(*parts, strict=True))),
        played.counts,
        tuple(played.deeds),
    )


def labelled_rows(past: Past, windows: Sequence[Window]) -> tuple[int, ...]:
    """The number of labelled rows of each window."""
    known = np.isfinite(targets(past))
    return tuple(int(known[past.places(window)].sum()) for window in windows)


def targets(past: Past) -> Floats:
    """The labels of all rows, shape (n,); NaN where a row never got one."""
    return np.asarray(past.rows[past.policy.data.target].to_numpy(zero_copy_only=False), dtype=np.float64)


def _score(metric: str, target: Floats, answers: Floats) -> float | None:
    known = np.isfinite(target)
    value = score(metric, target[known], answers[known])
    return value if math.isfinite(value) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None

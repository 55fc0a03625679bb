"""The result of a backtest: for each way of running the model the metric by window, and the deeds
that it took.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.window import Window

Floats = npt.NDArray[np.float64]
FROZEN, EVERY_WINDOW, ANY_DRIFT, POLICY = "frozen", "every_window", "any_drift", "policy"
TITLES = {
    FROZEN: "frozen",
    EVERY_WINDOW: "retrain every window",
    ANY_DRIFT: "retrain on any drift",
    POLICY: "this policy",
}


@dataclass(frozen=True, slots=True)
class Deed:
    """One training or incident of a way: `kind` is `retrained` or the outcome of an incident."""

    at: datetime
    kind: str
    sentence: str
    window: Window | None = None  # the rows that were set aside
    cause: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeedCounts:
    """The deeds of a way by kind. `retrains` counts decisions to train, `fits` the models trained
    for them, `promotions` the changes of the champion.

    A heal may try two plans; the way that judges no model trains a second one for its reference.
    """

    retrains: int = 0
    promotions: int = 0
    rejected: int = 0
    rolled_back: int = 0
    quarantined: int = 0
    escalated: int = 0
    incidents: int = 0
    fits: int = 0


@dataclass(frozen=True, slots=True)
class PlayedWay:
    """One way of running the model, played: the answers to all replayed rows, shape (n,), and the
    deeds meanwhile.
    """

    name: str
    answers: Floats
    counts: DeedCounts
    deeds: Sequence[Deed] = ()


@dataclass(frozen=True, slots=True)
class WayLine:
    """One way by the numbers: `scores` and `losses` by window, None where a window's labels do not
    suffice; `mean` over the windows, `loss` over all rows.
    """

    name: str
    title: str
    scores: tuple[float | None, ...]
    losses: tuple[float | None, ...]
    mean: float | None
    loss: float | None
    counts: DeedCounts
    deeds: tuple[Deed, ...] = ()


@dataclass(frozen=True, slots=True)
class Backtest:
    """`metric` is the policy's, `loss` the task's; `higher` is true when more of the metric is
    better.
    """

    model: str
    metric: str
    loss: str
    higher: bool
    bootstrap: Window
    windows: tuple[Window, ...]
    rows: tuple[int, ...]  # labelled rows of each window
    lines: tuple[WayLine, ...]
    delay: str = "0s"
    notes: tuple[str, ...] = field(default=())

    def line(self, name: str) -> WayLine:
        return next(line for line in self.lines if line.name == name)

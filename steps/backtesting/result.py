"""The result of a backtest: for each way of running the model the metric by window, and the deeds
that it took.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.window import Window
from modelmedic.steps.reporting.pictures.ageing import AgeingCurve

Floats = npt.NDArray[np.float64]
FROZEN, WEEKLY, EVERY_WINDOW, RULE_OF_THUMB = "frozen", "weekly", "every_window", "rule_of_thumb"
ANY_DRIFT, POLICY, HINDSIGHT = "any_drift", "policy", "hindsight"
TITLES = {  # in the order of the tables
    FROZEN: "frozen",
    WEEKLY: "retrain every week",
    EVERY_WINDOW: "retrain every window",
    RULE_OF_THUMB: "rule of thumb",
    ANY_DRIFT: "retrain on any drift",
    POLICY: "this policy",
    HINDSIGHT: "hindsight",
}
WAYS = {  # as --ways names them
    "frozen": FROZEN,
    "weekly": WEEKLY,
    "monthly": EVERY_WINDOW,
    "rule": RULE_OF_THUMB,
    "drift": ANY_DRIFT,
    "policy": POLICY,
    "hindsight": HINDSIGHT,
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
    `approvals` counts the requests to people, `messages` what they were warned of, and `calls` the
    incidents and alarms about which a person was asked or warned at all, each once.
    """

    retrains: int = 0
    promotions: int = 0
    rejected: int = 0
    rolled_back: int = 0
    quarantined: int = 0
    escalated: int = 0
    incidents: int = 0
    fits: int = 0
    approvals: int = 0
    messages: int = 0
    calls: int = 0


@dataclass(frozen=True, slots=True)
class PlayedWay:
    """One way of running the model, played: the answers to all replayed rows, shape (n,), and the
    deeds meanwhile. `causes` counts its incidents by cause.
    """

    name: str
    answers: Floats
    counts: DeedCounts
    deeds: Sequence[Deed] = ()
    title: str = ""
    causes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WayLine:
    """One way by the numbers: `scores` and `losses` by window, None where a window's labels do not
    suffice; `mean` over the windows, `loss` over all rows.

    `gain` is what it loses less than the frozen model, less the price of its trainings, as a share
    of the frozen model's loss. `share` is that gain over hindsight's: None without hindsight, or
    where hindsight has nothing to win.
    """

    name: str
    title: str
    scores: tuple[float | None, ...]
    losses: tuple[float | None, ...]
    mean: float | None
    loss: float | None
    counts: DeedCounts
    deeds: tuple[Deed, ...] = ()
    gain: float | None = None
    share: float | None = None
    calls_a_year: float = 0.0
    causes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backtest:
    """`metric` is the policy's, `loss` the task's; `higher` is true when more of the metric is
    better. `cost` is the policy's price of a training, in per cent of the loss times days, and
    `ageing` what the age of its models cost.
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
    cost: float = 0.0
    ageing: AgeingCurve | None = None

    def line(self, name: str) -> WayLine:
        """The line of a way. Raises KeyError for one that was not played."""
        found = self.played(name)
        if found is None:
            raise KeyError(f"{name} was not played; expected one of {', '.join(line.name for line in self.lines)}")
        return found

    def played(self, name: str) -> WayLine | None:
        """The line of a way, if it was played."""
        return next((line for line in self.lines if line.name == name), None)

"""A model's ageing as it was measured, and one look at it. Written by the monitor, read by triage,
the diagnosis and the reports.

Every loss here is relative: a share of the loss of the newest pilot, a small model that never
serves and that learnt up to the beginning of the week it is asked about.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

LEAST_WEEKS: Final = 4  # measured, before "not due" is said to somebody who asks for a training
LONGEST: Final = timedelta(days=14)  # for which a look speaks
ALERT: Final = "retraining-pays"
ALERTS: Final = frozenset({ALERT, "ModelmedicRetrainingPays"})  # of an incident: the monitor opens it, or triage where that is first


@dataclass(frozen=True, slots=True)
class Ageing:
    """The evidence of ageing so far, the prior included: `weight` pairs of pilots lost `seen` (a
    weighted sum of shares of the loss per day of age) more in their older half.

    `squares` is the weighted sum of the squares of single weeks, `weeks` the faded count of weeks,
    and `paid` what the champion's age has cost since the last training, in %-days.
    """

    weight: float
    seen: float
    squares: float = 0.0
    weeks: float = 0.0
    paid: float = 0.0


@dataclass(frozen=True, slots=True)
class PilotLoss:
    """The mean loss on the newest week of the pilots of one age, in days before that week began:
    one that forgets fast and one that forgets slowly. `excess` is what they lose more than the
    newest, as a share.
    """

    age: float
    loss: float
    excess: float
    rows: int  # that taught one of them


@dataclass(frozen=True, slots=True)
class AgeingLook:
    """One look at the ageing of a model, at `at`. Amounts are in %-days: per cent of the loss,
    times days.

    `ageing` and `error` are in per cent of the loss for each day of age. `interval` is in days,
    None where the model does not age. `until` is the end of the last whole week that was measured,
    by the times of its rows; `weeks` counts them, those of the history before the champion
    included. `since` is the time up to which the champion learnt, `attempted` that of the last
    training, whatever became of it.
    """

    at: datetime
    model: str
    champion: str
    due: bool
    sentence: str
    basis: str = "auto"  # auto, or the policy's refresh as it is written
    since: datetime | None = None
    attempted: datetime | None = None
    until: datetime | None = None
    weeks: int = 0
    ageing: float | None = None
    error: float | None = None
    paid: float | None = None
    price: float | None = None
    interval: float | None = None
    level: float | None = None  # the champion's loss in the newest week, as a share of its usual loss
    usual: float | None = None  # mean loss of the champions on the weeks that they served so far
    served: int = 0  # those weeks
    loss: float | None = None  # mean loss of the champion on the newest week
    early: bool = False  # out of turn, because a drift alarm holds
    pilots: tuple[PilotLoss, ...] = ()
    state: Ageing = field(default_factory=lambda: Ageing(0.0, 0.0))

    @property
    def measured(self) -> bool:
        """True when enough weeks were seen to say that a training does not pay yet."""
        return self.basis == "auto" and self.weeks >= LEAST_WEEKS

    def holds(self, moment: datetime) -> bool:
        """True while the look is young enough to speak of `moment`."""
        return self.at <= moment < self.at + LONGEST

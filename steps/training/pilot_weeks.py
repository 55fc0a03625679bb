"""The weeks of a model's labelled rows, each asked of pilots that learnt up to its beginning and up
to earlier ones. Called by the monitor's looks at the ageing, and by the ageing of a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.ageing import PilotLoss
from modelmedic.steps.contracts.inference_log import PREDICTION
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.learning.rent import GAPS, WEEK, MeasuredWeek, excess
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.moments import microseconds
from modelmedic.steps.core.tables.row_loss import row_loss
from modelmedic.steps.core.training.weighting import drawn, halved
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.training.history import labelled_history, rows_within

if TYPE_CHECKING:
    from modelmedic.steps.adapters.models.pilots import Pilots

LEAST_ASKED: Final = 30  # rows of a week
_LEAST_TAUGHT: Final = 500  # rows of a pilot
_HALVINGS: Final = (0.5, 2.0)  # of retrain.history: the rows that teach the two kinds of pilots halve so often
_LEAST_HISTORY: Final = 0.5  # of retrain.history, or of what the champion learnt from where that is less, before a pilot
_MOST_READ: Final = 200_000  # rows, evenly thinned above
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class PilotWeeks:
    """Labelled rows by time, without the quarantined ones, as the pilots learn from them and are
    asked about them. `days` are their times in days since `origin`; the champion learnt up to
    `taught`.
    """

    policy: Policy
    pilots: "Pilots"
    rows: pa.Table
    days: Floats
    origin: datetime
    taught: datetime

    @property
    def first(self) -> datetime | None:
        """The earliest moment up to which there is enough history for a pilot; None without
        enough rows.
        """
        if len(self.days) < _LEAST_TAUGHT:
            return None
        learnt = max((self.taught - self.origin) / _DAY - self.days[0], 0.0)
        enough = self.days[0] + _LEAST_HISTORY * min(_in_days(self.policy.retrain.history), learnt)
        return self.origin + max(float(enough), float(self.days[_LEAST_TAUGHT - 1])) * _DAY

    def ask(self, span: Window, champion: float, gaps: Sequence[int] = GAPS) -> tuple[PilotLoss, ...]:
        """The mean losses on the rows of the span: of the pilots that are new at its beginning, of
        those `gaps` weeks older, and of those that are `champion` days older. The newest first;
        empty where the newest cannot be taught, or there is too little to ask.
        """
        asked = self._between(span)
        if asked.num_rows < LEAST_ASKED or self.first is None or span.start < self.first:
            return ()
        ages = sorted({0.0, champion, *(gap * WEEK for gap in gaps)})
        each = {age: self._losses(span.start, age, asked) for age in ages if span.start - age * _DAY >= self.first}
        return tuple(PilotLoss(age, float(np.mean(losses)), excess(losses, each[0.0][0]), taught) for age, (losses, taught) in each.items())

    def answered(self, span: Window) -> float | None:
        """The mean loss of what served, on the span's rows; None where too few of them were
        served.
        """
        rows = self._between(span)
        served = rows.filter(pc.is_valid(rows[PREDICTION]))
        if served.num_rows < LEAST_ASKED:
            return None
        target, answers = (np.asarray(served[name].to_numpy(), dtype=np.float64) for name in (self.policy.data.target, PREDICTION))
        return float(row_loss(self.policy.data.task, target, answers).mean())

    def _between(self, span: Window) -> pa.Table:
        first, last = np.searchsorted(self.days, [(moment - self.origin) / _DAY for moment in (span.start, span.end)])
        return self.rows.slice(int(first), int(last - first))

    def _losses(self, start: datetime, age: float, asked: pa.Table) -> tuple[list[float], int]:
        """The mean losses of the two kinds of pilots of one age, and the rows that taught each."""
        ages = (start - self.origin) / _DAY - age - self.days
        known = int(np.searchsorted(-ages, 0.0))
        losses, taught = [], 0
        for share in _HALVINGS:
            chosen = drawn(halved(ages[:known], share * _in_days(self.policy.retrain.history)), self.pilots.most)
            losses.append(float(self.pilots.losses(self.policy, self.rows.take(chosen), asked).mean()))
            taught = len(chosen)
        return losses, taught


def pilot_weeks(site: Site, end: datetime, back: timedelta, taught: datetime) -> PilotWeeks:
    """The weeks of the span that ends at `end`, with the history that the pilots of its first
    week need. The champion learnt up to `taught`.
    """
    before = site.policy.retrain.history + max(GAPS) * WEEK * _DAY
    span = Window(end - back - before, end)
    rows = labelled_history(site, span, _MOST_READ)
    rows = rows_within(rows, site.policy.data.time, span, site.history.quarantined(site.model))
    return of_rows(site.policy, site.pilots, rows, span.start, taught)


def of_rows(policy: Policy, pilots: "Pilots", rows: pa.Table, origin: datetime, taught: datetime) -> PilotWeeks:
    """The weeks of labelled rows; their days are counted from `origin`, and a model learnt up to
    `taught`.
    """
    micros = microseconds(rows[policy.data.time])
    order = np.argsort(micros, kind="stable")
    days = (micros[order] - _micros(origin)) / (_DAY / timedelta(microseconds=1))
    return PilotWeeks(policy, pilots, rows.combine_chunks().take(order), days, origin, taught)


def measured_week(
    pilots: Sequence[PilotLoss], span: Window, *, champion: float = 0.0, rented: float = 0.0, level: float = 1.0
) -> MeasuredWeek:
    """What `PilotWeeks.ask` has answered of a span, as evidence of ageing; `champion` is a model's
    age in days at its beginning, and for the others see `MeasuredWeek`.
    """
    return MeasuredWeek(
        days=span.length / _DAY,
        older=[(each.age, each.excess) for each in pilots if each.age / WEEK in GAPS],
        champion=max(pilots, key=lambda pilot: (pilot.age <= champion, pilot.age)).excess,
        rented=rented,
        level=level,
    )


def weeks_between(start: datetime, end: datetime) -> Sequence[Window]:
    """The whole weeks from `start` on."""
    number = max(int((end - start) / (WEEK * _DAY)), 0)
    return [Window(start + WEEK * _DAY * week, start + WEEK * _DAY * (week + 1)) for week in range(number)]


def _in_days(span: timedelta) -> float:
    return span / _DAY


def _micros(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)

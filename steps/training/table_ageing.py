"""The ageing of models on a person's table of labelled rows, before any model serves: pilots of its
earlier weeks are asked about its later ones, as the monitor's looks do. Called by init.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.ageing import LEAST_WEEKS, Ageing
from modelmedic.steps.contracts.policy import PRICES, Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.learning import rent
from modelmedic.steps.core.learning.rent import WEEK
from modelmedic.steps.training.pilot_weeks import PilotWeeks, measured_week, of_rows

if TYPE_CHECKING:
    from modelmedic.steps.adapters.models.pilots import Pilots

_WEEK: Final = timedelta(days=WEEK)
_MOST_WEEKS: Final = 26  # the newest
_GAPS: Final = (4, 8, 12)  # weeks: with every fourth week asked first, each new week needs pilots of one more moment
_ORDER: Final = (0, 2, 1, 3)  # of weeks by their number modulo 4


@dataclass(frozen=True, slots=True)
class TableAgeing:
    """The ageing after so many measured `weeks`, of the `wanted` newest; fewer where the time was
    over.
    """

    state: Ageing
    weeks: int
    wanted: int

    @property
    def measured(self) -> bool:
        """True when enough weeks were seen to tell an interval."""
        return self.weeks >= LEAST_WEEKS

    def every(self, price: float) -> float | None:
        """The days between two trainings that cost least at this price of one; None where models do
        not age or it is not measured.
        """
        return rent.interval(self.state, price) if self.measured else None

    @property
    def sentence(self) -> str:
        """The sentence that says what was measured, and what follows."""
        if not self.measured and self.wanted >= LEAST_WEEKS:
            return f"the ageing of models is not measured: the time was over after {self.weeks} weeks; the monitor measures it as rows come"
        if not self.measured:
            return (
                f"the ageing of models is not measured: the table leaves {self.wanted} of the {LEAST_WEEKS} weeks "
                "that are needed once a pilot model has learnt; the monitor measures it as rows come"
            )
        each, error = rent.per_day(self.state), rent.error(self.state)
        beside = f" (standard error {100 * error:.2g}{', hardly told from none' if error > each else ''})" if error is not None else ""
        of = f"{self.weeks} of " if self.weeks < self.wanted else ""
        said = f"on {of}the newest {self.wanted} weeks a pilot model's loss rises by {100 * each:.2g} % a day of its age{beside}"
        every = {risk: self.every(price) for risk, price in PRICES.items()}
        if not all(every.values()):
            return f"{said}: models do not age here, and no interval is worth a training"
        told = ", ".join(f"{days:.0f} days at {risk}" for risk, days in every.items() if days is not None)
        return f"{said}; taught again every {told} would cost least"


def table_ageing(policy: Policy, rows: pa.Table, pilots: "Pilots", going: Callable[[], bool]) -> TableAgeing:
    """Measure it on logged rows with labels, every fourth week first and the weeks between them
    then, while `going` says that there is time. Raises BadInput for a feature that is no number.
    """
    rows = rows.filter(pc.is_valid(rows[policy.data.target]))
    if not rows.num_rows:
        return TableAgeing(rent.unseen(), 0, 0)
    span = pc.min_max(rows[policy.data.time]).as_py()
    weeks = of_rows(policy, pilots, rows, span["min"], span["max"])
    spans, seen = _spans(weeks), {}
    for place in sorted(range(len(spans)), key=lambda place: (_ORDER.index(place % 4), place)):
        if not going():
            break
        asked = weeks.ask(spans[place], 0.0, _GAPS)
        if len(asked) > 1:
            seen[-place] = measured_week(asked, spans[place])
    return TableAgeing(reduce(rent.after, (seen[place] for place in sorted(seen)), rent.unseen()), len(seen), len(spans))


def _spans(weeks: PilotWeeks) -> list[Window]:
    """The whole weeks, the newest first, each so long after the first pilot that an older one can
    be asked beside it.
    """
    if weeks.first is None:
        return []
    number = min(int((weeks.taught - weeks.first) / _WEEK) - _GAPS[0], _MOST_WEEKS)
    return [Window(weeks.taught - (place + 1) * _WEEK, weeks.taught - place * _WEEK) for place in range(max(number, 0))]

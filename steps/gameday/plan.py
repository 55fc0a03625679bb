"""The plan of a gameday: the rows that teach the first champion, calm windows, the moment of the
fault and the windows after it.
"""

from dataclasses import dataclass
from datetime import datetime

from modelmedic.steps.backtesting.plan import ReplayPlan
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window

_AT = 2 / 3  # of the stream


@dataclass(frozen=True, slots=True)
class GamedayPlan:
    """`first` teaches the champion, `calm` is played without a fault, `after` with one."""

    first: Window
    calm: Window
    after: Window

    @property
    def replay(self) -> ReplayPlan:
        return ReplayPlan(self.first, (self.calm, self.after))


def plan_gameday(policy: Policy, span: Window, at: datetime | None = None, windows: int | None = None) -> GamedayPlan:
    """The plan over the span of the rows. `at` is the fault's moment (default: two thirds of the
    span, or earlier where the windows after it need it), `windows` the number of detection windows
    after it (default: one more than detect.persistence.of). Before it persistence.hits windows are
    calm.

    Raises BadInput where the rows before the calm windows, or those after the fault, are too few.
    """
    window, wanted = policy.detect.window, windows if windows is not None else policy.detect.persistence.of + 1
    begin = at or min(span.start + _AT * span.length, span.end - wanted * window)
    calm = Window(begin - policy.detect.persistence.hits * window, begin) if begin > span.start else None
    if calm is None or calm.start <= span.start:
        raise BadInput(f"the fault begins at {begin:%Y-%m-%dT%H:%MZ}, with too little before it; expected rows that teach a first model")
    end = begin + wanted * window
    if end > span.end:
        last = span.end - wanted * window
        raise BadInput(
            f"{wanted} windows after {begin:%Y-%m-%dT%H:%MZ} end at {end:%Y-%m-%dT%H:%MZ}, and the rows at {span.end:%Y-%m-%dT%H:%MZ}; "
            f"expected --at {last:%Y-%m-%d} or earlier, or fewer --windows"
        )
    return GamedayPlan(Window(span.start, calm.start), calm, Window(begin, end))

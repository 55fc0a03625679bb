"""The numbers of a policy that follow from the rate of a stream's rows: window, least rows, history
and the canary's requests. Called by init.

At 24 rows a day a canary with a fifth of the traffic answers five requests a day: the defaults of a
busy service would hold it, and take it back, for ever.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from modelmedic.steps.contracts.policy import Detect, Retrain, Rollout, Validate
from modelmedic.steps.core.scaffold.rate import RowRate

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_SLOW: Final = 0.05  # of the moments
_WINDOWS: Final = tuple(days * _DAY for days in (7, 14, 28, 90))
_MANY: Final = 1000  # rows of a window that shows small differences
_SOME: Final = 300  # rows of one that shows large ones, where many would take months
_JUDGED: Final = 0.6  # of a slow window's rows are enough to judge it
_TAUGHT: Final = 5000  # rows of the history that the built-in learner is good with
_HISTORIES: Final = tuple(days * _DAY for days in (60, 90, 180, 365, 730))
_SLACK: Final = 2.0  # times the requests asked for come within the deadline in a slow time
_DEADLINES: Final = (
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12, 24)),
    *(days * _DAY for days in (2, 3, 5, 7, 10, 14, 21, 30)),
)
_CANARIES: Final = (  # shares, requests at each, and the longest deadline that they are worth; the first that can pass
    ((20, 50), 100, 12 * _HOUR),
    ((50,), 100, 3 * _DAY),
    ((50,), 50, 5 * _DAY),
    ((50,), 20, 10 * _DAY),
    ((50,), 10, 30 * _DAY),
)
FEWEST: Final = Rollout(steps=(50,), minRequests=5, hold=3 * _DAY, deadline=30 * _DAY)  # where no canary can pass for sure
_ROUND: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Values of a policy, by the sections `detect`, `retrain`, `validate` and `rollout`. The
    rollout is None where the rows are too few for any canary.
    """

    window: timedelta
    window_rows: int
    min_rows: int
    hits: int
    of: int
    history: timedelta
    history_rows: int
    taught_rows: int
    min_labels: int
    rollout: Rollout | None

    @property
    def few_labels(self) -> bool:
        """True where a first model could not be judged by validate.minLabels' default."""
        return self.min_labels < _default(Validate, "minLabels")


def sizes(rate: RowRate, labelled: int) -> Sizes:
    """The sizes for a stream of this rate, of which `labelled` rows are there to begin with."""
    window, history = _window(rate), _history(rate)
    least = int(_rounded(_JUDGED * rate.within(window, _SLOW)))
    known = round(rate.mean(history))
    slow = window > _WINDOWS[2]  # a second window, a quarter of its length later, ends after weeks
    return Sizes(
        window=window,
        window_rows=round(rate.mean(window)),
        min_rows=_between(least, 30, _default(Detect, "minRows")),
        hits=1 if slow else 2,
        of=2 if slow else 3,
        history=history,
        history_rows=known,
        taught_rows=_between(int(_rounded(min(known / 4, 0.6 * labelled))), 50, _default(Retrain, "minRows")),
        min_labels=_between(int(_rounded(0.2 * labelled)), 30, _default(Validate, "minLabels")),
        rollout=rollout(rate),
    )


def rollout(rate: RowRate) -> Rollout | None:
    """The strictest canary of a few that can pass by its deadline even in a slow time; None where
    none can.
    """
    for steps, requests, longest in _CANARIES:
        for deadline in _DEADLINES:
            if deadline <= longest and rate.within(deadline, _SLOW) * steps[0] / 100 >= _SLACK * requests:
                hold = max((each for each in _holds() if each <= deadline / 10), default=timedelta(minutes=5))
                return Rollout(steps=steps, minRequests=requests, hold=hold, deadline=deadline)
    return None


def _holds() -> Iterable[timedelta]:
    yield timedelta(minutes=5)
    yield from (hours * _HOUR for hours in (0.5, 1, 2, 6, 12, 24, 48, 72))


def _window(rate: RowRate) -> timedelta:
    """The shortest usual window of many rows, else of some; a quarter of what was seen where that
    is short.
    """
    seen = timedelta(seconds=float(rate.times[-1] - rate.times[0])) if len(rate.times) > 1 else timedelta(0)
    if seen < 2 * _WINDOWS[0]:
        return max(timedelta(hours=round(seen / (4 * _HOUR))), _HOUR)
    many = [each for each in _WINDOWS[:2] if rate.mean(each) >= _MANY]
    some = [each for each in _WINDOWS[1:] if rate.mean(each) >= _SOME]
    return (*many, *some, _WINDOWS[-1])[0]


def _history(rate: RowRate) -> timedelta:
    return next((each for each in _HISTORIES if rate.mean(each) >= _TAUGHT), _HISTORIES[-1])


def _rounded(value: float) -> float:
    """The largest number of one figure or so that is no larger."""
    if value < 1:
        return 0.0
    size = 10.0 ** int(f"{value:e}".partition("e")[2])
    return size * max(each for each in _ROUND if each * size <= value)


def _between(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def _default(section: type[Detect] | type[Retrain] | type[Validate], name: str) -> int:
    return int(section.model_fields[name].default)

"""The plan of a replay: the span that trains the first champion, and the windows after it, by which
results are told.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window

_MONTHS_FROM = timedelta(days=60)  # a shorter replay has windows of detect.window
_LEAST = 2  # windows
_WEEK = timedelta(days=7)
_MOST_LOOKS = 150  # of a calendar: a longer replay is looked at less often, because each look trains a model
_MOST = 0.4  # of the data goes into the bootstrap unless --bootstrap-until says otherwise


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """`first` is the span before the replay; `windows` follow one another without a gap."""

    first: Window
    windows: tuple[Window, ...]

    @property
    def replay(self) -> Window:
        return Window(self.windows[0].start, self.windows[-1].end)

    @property
    def weeks(self) -> int:
        """The weeks from one look of the calendar to the next: 1, but more in a replay of more than
        150 weeks.
        """
        return spread(self.replay.length, _WEEK)

    @property
    def looks(self) -> tuple[datetime, ...]:
        """The looks of the calendar, the first of them the start of the replay."""
        return moments(self.replay, self.weeks * _WEEK)


def spread(length: timedelta, each: timedelta) -> int:
    """The multiple of `each` at which `length` has at most 150 looks."""
    return max(math.ceil(length / each / _MOST_LOOKS), 1)


def moments(span: Window, each: timedelta) -> tuple[datetime, ...]:
    """The start of the span and every later moment in it, one `each` after another."""
    return tuple(span.start + number * each for number in range(math.ceil(span.length / each)))


def plan_replay(policy: Policy, span: Window, until: datetime | float | None = None, every: timedelta | None = None) -> ReplayPlan:
    """Divide the span into the bootstrap and the replay's windows.

    `until` ends the bootstrap: a moment, or a share of the span (0..1); None is retrain.history,
    but no more than 0.4 of the span. `every` is the windows' length; None is calendar months (UTC)
    where the replay is long enough for two, else detect.window. Raises BadInput when nothing is
    left for the bootstrap, or fewer than two windows for the replay.
    """
    start = _start(policy, span, until, monthly=every is None)
    if not span.start < start < span.end:
        raise BadInput(f"the bootstrap ends at {start:%Y-%m-%dT%H:%MZ}; expected a moment inside of the data, {span}")
    replay = Window(start, span.end)
    windows = _months(replay) if every is None and replay.length >= _MONTHS_FROM else _even(replay, every or policy.detect.window)
    if len(windows) < _LEAST:
        raise BadInput(
            f"{replay} after the bootstrap holds {len(windows)} window; expected {_LEAST} or more: end the bootstrap earlier, "
            "or choose shorter windows"
        )
    return ReplayPlan(Window(span.start, start), windows)


def _start(policy: Policy, span: Window, until: datetime | float | None, *, monthly: bool) -> datetime:
    if isinstance(until, datetime):
        return until
    if until is not None:
        return span.start + until * span.length
    wanted = span.start + min(policy.retrain.history, _MOST * span.length)
    if not monthly or span.end - wanted < _MONTHS_FROM:
        return wanted
    before = wanted.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return min((edge for edge in (before, _next(before)) if edge > span.start), key=lambda edge: abs(edge - wanted))


def _months(replay: Window) -> tuple[Window, ...]:
    """Calendar months; the last one ends with the data, and a few days at the end belong to the
    month before.
    """
    edges = [replay.start]
    while edges[-1] < replay.end:
        edges.append(min(_next(edges[-1].replace(day=1, hour=0, minute=0, second=0, microsecond=0)), replay.end))
    return _joined(edges, timedelta(days=7))


def _even(replay: Window, length: timedelta) -> tuple[Window, ...]:
    edges = [replay.start]
    while edges[-1] < replay.end:
        edges.append(min(edges[-1] + length, replay.end))
    return _joined(edges, length / 4)


def _joined(edges: list[datetime], least: timedelta) -> tuple[Window, ...]:
    """Windows between the edges; a last one shorter than `least` belongs to the one before."""
    if len(edges) > 2 and edges[-1] - edges[-2] < least:
        del edges[-2]
    return tuple(Window(start, end) for start, end in pairwise(edges))


def _next(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)

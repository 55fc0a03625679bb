"""The expected loss of the current window beside those of the windows before it, kept in the store.
Called by the monitor at every look.

The monitor looks many times a window at rows that are nearly the same. So what is usual is learnt
from windows that share no row, and only such a window is judged: its alarm stands until the next
one, and the stated rate of false alarms holds for the number of windows in a year.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from modelmedic.steps.contracts.detection import ExpectedLoss, Verdict
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.keys import expected_losses_key
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import VerdictState
from modelmedic.steps.core.detection.expected_loss import MOST_WINDOWS, highest_usual
from modelmedic.steps.records.documents import put, read
from modelmedic.steps.runtime.run import Site

_YEAR = timedelta(days=365)
_UNFIT: Final = (VerdictState.BROKEN, VerdictState.INSUFFICIENT)


@dataclass(frozen=True, slots=True)
class WindowRise:
    """The rise of one window's expected loss, and whether it was beyond what was usual then."""

    until: datetime
    rise: float
    alarming: bool = False


@dataclass(frozen=True, slots=True)
class PastRises:
    """The rises of windows that share no row, oldest first, at most 104 of them."""

    windows: tuple[WindowRise, ...] = ()


def with_expected(site: Site, verdict: Verdict, found: ExpectedLoss | None, window: Window) -> Verdict:
    """The verdict with the estimate beside what is usual. Broken windows, those with too few rows
    and those in which another version began to answer are estimated neither.
    """
    if found is None or verdict.state in _UNFIT or any(window.start < each.at < window.end for each in site.history.releases(site.model)):
        return verdict
    past = _past(site)
    before = [each for each in past if each.until <= window.start]
    usual = highest_usual([each.rise for each in before], site.policy.detect.falseAlarmsPerYear * (window.length / _YEAR))
    newest = max(past, key=lambda each: each.until, default=None)
    if newest is None or newest.until <= window.start:
        newest = WindowRise(window.end, found.rise, usual is not None and found.rise > usual)
        put(site.store, expected_losses_key(site.model), PastRises((*before, newest)[-MOST_WINDOWS:]))
    alarming = newest.alarming and newest.until <= window.end
    return replace(verdict, expected=replace(found, windows=len(before), usual=usual, alarming=alarming))


def _past(site: Site) -> tuple[WindowRise, ...]:
    try:
        found = read(site.store, PastRises, expected_losses_key(site.model))
    except BadInput:  # another release of this program wrote it
        found = None
    return found.windows if found is not None else ()

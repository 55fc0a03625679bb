"""The changes beside a model that were noted around the onset, as evidence of a diagnosis.

They name a suspect to the person who reads; the cause, its confidence and the remedy stay as the
data has them, because a change is what somebody wrote.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from modelmedic.steps.contracts.change import ChangeEvent
from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause

CHANGED: Final = "change.noted"
_BEFORE = timedelta(days=3)  # a weekend between a change and the first rows that show it
_AFTER = timedelta(hours=6)  # an onset is known to the hour at best
_MOST_NAMED = 3


def span_of_changes(found: Diagnosis, window: Window) -> Window:
    """The time in which a change could have caused what was found: around its onset, or from
    before the window to its end where no onset is known.
    """
    if found.onset is None:
        return Window(window.start - _BEFORE, window.end)
    return Window(found.onset - _BEFORE, found.onset + _AFTER)


def with_changes(found: Diagnosis, events: Sequence[ChangeEvent], window: Window) -> Diagnosis:
    """The diagnosis with the changes that lie nearest to its onset behind its own evidence, those
    that touch its columns first; itself where nothing is wrong.
    """
    if found.cause is Cause.NONE:
        return found
    span, onset = span_of_changes(found, window), found.onset or window.start
    near = sorted((event for event in events if event.at in span), key=lambda event: (not _touches(event, found), abs(event.at - onset)))
    named = tuple(Evidence(CHANGED, _sentence(event, found, onset), _hours(event.at, onset)) for event in near[:_MOST_NAMED])
    return replace(found, evidence=(*found.evidence, *named))


def _touches(event: ChangeEvent, found: Diagnosis) -> bool:
    return bool(set(event.columns) & set(found.columns))


def _sentence(event: ChangeEvent, found: Diagnosis, onset: datetime) -> str:
    hours = _hours(event.at, onset)
    since = "the onset" if found.onset is not None else "the window begins"
    when = f"{_words(abs(hours))} {'after' if hours > 0 else 'before'} {since}"
    touched = sorted(set(event.columns) & set(found.columns))
    of = f" of {', '.join(touched)}" if touched else ""
    by = f", noted by {event.by}" if event.by else ""
    link = f" ({event.link})" if event.link else ""
    return f"{event.kind.value} change{of} {when}{by}: {event.what}{link}"


def _hours(at: datetime, onset: datetime) -> float:
    return round((at - onset) / timedelta(hours=1), 2)


def _words(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"

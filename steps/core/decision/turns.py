"""The queue at the cap of concurrent heals: whose turn it is, and for how long a heal has waited
for its own. Called by diagnose and by the sweep.

A heal that waits has closed its incident, so that it holds no place; its model's next incident goes
on with the wait.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from modelmedic.steps.contracts.decision import Decision, Objection
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.words import Cause, Remedy

CAP: Final = "cap"  # the objection of a heal that waits for its turn
WAITED: Final = "turn"  # the objection of one that has waited for too long
_SEVERITY: Final = {"shown": 3, "estimated": 2, "unknown": 1}  # by what is known of the harm; none: 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A model whose heal waits for its turn since a moment, until another at most."""

    model: str
    severity: int
    since: datetime
    until: datetime


def severity(diagnosis: Diagnosis) -> int:
    """The harm that waits: shown by labels 3, estimated 2, not known 1; none, or mere age, 0."""
    return 0 if diagnosis.cause is Cause.AGEING else _SEVERITY.get(diagnosis.harm, 0)


def held_at_cap(decision: Decision) -> Objection | None:
    """The objection of a remedy that the cap alone holds back; else None."""
    alone = [each for each in decision.objections if each.limit == CAP] == list(decision.objections)
    waits = decision.remedy is Remedy.NONE and bool(decision.objections) and alone
    return decision.objections[0] if waits else None


def ahead(waiting: Iterable[Waiting], mine: Waiting, now: datetime) -> int:
    """The number of heals whose turn is before mine: of more harm, or of as much and for longer.
    One whose time is over is no longer in the queue.
    """
    return sum(now < each.until and each.model != mine.model and _rank(each) < _rank(mine) for each in waiting)


def at_cap(others: int, before: int, allowed: int, since: datetime, longest: timedelta, now: datetime) -> Objection | None:
    """The objection of the cap: `others` heals are under way, and `before` have their turn first.
    None where there is room.
    """
    if others + before < allowed:
        return None
    first = f", and {before} that wait have their turn first" if before else ""
    full = f"{others} other heals are under way over all models{first}; {allowed} are allowed (limits.concurrentHeals)"
    until = since + longest
    if now >= until:
        return Objection(WAITED, f"it has waited {_hours(now - since)} for its turn, and {full}", until, since)
    return Objection(CAP, f"{full}; it waits for its turn, until {until:%Y-%m-%dT%H:%MZ} at most (limits.maxWait)", until, since)


def _rank(each: Waiting) -> tuple[int, datetime, str]:
    return -each.severity, each.since, each.model


def _hours(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"

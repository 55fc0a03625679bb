"""Persistence: one odd window opens no incident, k of the last n have to alarm. Called by monitor.

A monitor that runs every hour over windows of a week sees nearly the same rows each time; windows
count as different ones when they end at least a quarter of their length apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.words import VerdictState

APART = 0.25  # of a window's length


@dataclass(frozen=True, slots=True)
class AlarmPersistence:
    """The state of the last windows. `hits` of the last `of` alarm; it `holds` when they are enough
    and the newest is among them.
    """

    hits: int
    of: int
    holds: bool
    blind: bool  # as many of them were too small to say anything
    newly_blind: bool  # and that was not so one window ago


def persistence(verdicts: Sequence[Verdict], hits: int, of: int, since: datetime | None) -> AlarmPersistence:
    """The persistence of alarms; `verdicts` oldest first. Verdicts whose window ended before
    `since` belong to another champion and do not count.
    """
    alike = [v for v in verdicts if since is None or v.window is None or v.window.end > since]
    recent = _different_windows(alike)[-of:]
    alarms = sum(verdict.alarming for verdict in recent)
    blind = _blind(alike, hits, of)
    return AlarmPersistence(
        hits=alarms,
        of=of,
        holds=bool(recent) and recent[-1].alarming and alarms >= hits,
        blind=blind,
        newly_blind=blind and not _blind(alike[:-1], hits, of),
    )


def _blind(verdicts: Sequence[Verdict], hits: int, of: int) -> bool:
    recent = _different_windows(verdicts)[-of:]
    silent = [verdict.state is VerdictState.INSUFFICIENT for verdict in recent]
    return bool(silent) and silent[-1] and sum(silent) >= hits


def _different_windows(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The newest verdict and, going back, those that share at most three quarters of their window
    with the one counted after them.
    """
    counted: list[Verdict] = []
    for verdict in reversed(verdicts):
        after = counted[-1].window if counted else None
        if after is None or verdict.window is None or after.end - verdict.window.end >= APART * after.length:
            counted.append(verdict)
    return counted[::-1]

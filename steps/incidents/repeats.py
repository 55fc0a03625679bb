"""Repeated alarms: those that show nothing beyond the last incident, which would only be diagnosed
and held back once more. Called by the monitor and by triage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from modelmedic.steps.contracts.ageing import AgeingLook
from modelmedic.steps.contracts.decision import PastHeal
from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.results import DiagnoseResult
from modelmedic.steps.contracts.words import BROKEN, Outcome, VerdictState
from modelmedic.steps.core.decision.limits import ADVANCING, objections, rejections_in_a_row
from modelmedic.steps.core.incidents.persistence import APART
from modelmedic.steps.core.incidents.recurrence import SILENT_FOR, news
from modelmedic.steps.core.learning.brought_forward import too_dear
from modelmedic.steps.records.freezes import Freezes
from modelmedic.steps.records.ledger import Ledger

_LONGEST = 8  # settle times


@dataclass(frozen=True, slots=True)
class Repeat:
    """The incident that the alarm repeats, and the reason why a new one would add nothing."""

    incident: str
    reason: str


def find_repeat(
    ledger: Ledger,
    freezes: Freezes,
    policy: Policy,
    champion: str,
    verdict: Verdict,
    earlier: Sequence[Verdict],
    now: datetime,
    aged: AgeingLook | None = None,
) -> Repeat | None:
    """The last closed incident, if the alarm shows nothing beyond it and the outcome still holds;
    None when the alarm is news.

    `earlier` are the stored verdicts on this champion, oldest first, `aged` is the newest look at
    its ageing. An incident of another champion, of broken data or labels, of a release, or one that
    an error closed, is never repeated.
    """
    last = next(reversed(ledger.incidents(policy.name)), None)
    closing = ledger.closing(last) if last else None
    diagnosed = ledger.result(last, DiagnoseResult) if last else None
    if last is None or closing is None or closing.by_error or diagnosed is None or diagnosed.champion != champion:
        return None
    if diagnosed.diagnosis.cause in BROKEN:
        return None
    shown = next((each for each in reversed(earlier) if each.measured_at is not None and each.measured_at <= last.opened_at), None)
    if shown is None or news(shown, verdict) or _was_over(earlier, last.opened_at):
        return None
    why = _nearly_the_same(policy, shown, verdict) or _held_back(ledger, freezes, policy, closing, diagnosed, now, aged)
    why = why or _told(last, closing, diagnosed, now)
    return Repeat(last.id, why) if why else None


def _was_over(earlier: Sequence[Verdict], since: datetime) -> bool:
    """True when a window was quiet meanwhile: a fault that went away and came back is another one,
    and may be harmless.
    """
    return any(v.state is VerdictState.QUIET and v.measured_at is not None and v.measured_at > since for v in earlier)


def _nearly_the_same(policy: Policy, shown: Verdict, verdict: Verdict) -> str:
    if shown.window is None or verdict.window is None or verdict.window.end - shown.window.end >= APART * policy.detect.window:
        return ""
    return "its window holds nearly the same rows"


def _held_back(
    ledger: Ledger,
    freezes: Freezes,
    policy: Policy,
    closing: Closing,
    diagnosed: DiagnoseResult,
    now: datetime,
    aged: AgeingLook | None,
) -> str:
    """The reason against the remedy, now as then: a limit, the price, or the patience after a
    rejection; empty without one.
    """
    wanted = diagnosed.decision.wanted
    if dear := too_dear(diagnosed.diagnosis, aged, now):
        return dear
    stopped = bool(diagnosed.decision.objections) or closing.outcome is Outcome.REJECTED
    if wanted not in ADVANCING or not stopped:
        return ""
    others = len(ledger.open_incidents())
    frozen = freezes.frozen(policy.name)
    heals = ledger.past_heals(policy.name)
    found = objections(policy.limits, heals, now, remedy=wanted, open_heals=others, frozen=frozen, settle=policy.settle)
    return found[0].sentence if found else _refused_before(policy, heals, now)


def _refused_before(policy: Policy, heals: tuple[PastHeal, ...], now: datetime) -> str:
    """The patience after refusals in a row: each of them doubles the time until a fault that has
    not grown is news again.
    """
    row = rejections_in_a_row(heals)
    until = row[0].at + policy.settle * min(2 ** (len(row) - 1), _LONGEST) if row else now
    if now >= until:
        return ""
    return f"{len(row)} challengers in a row were refused; until {until:%Y-%m-%dT%H:%MZ} only a larger fault opens an incident"


def _told(last: Incident, closing: Closing, diagnosed: DiagnoseResult, now: datetime) -> str:
    """The reason when people were asked, or told of a remedy that the loop may not take by itself,
    and nothing has grown since; else empty.
    """
    asked = closing.outcome is Outcome.ESCALATED and not diagnosed.decision.objections  # a limit that is over asks nobody
    if not asked and closing.outcome not in (Outcome.SUGGESTED, Outcome.OBSERVED):
        return ""
    until = last.opened_at + SILENT_FOR
    done = "it was recorded, and is not again" if closing.outcome is Outcome.OBSERVED else "people were told, and have"
    return f"{done} until {until:%Y-%m-%dT%H:%MZ}" if now < until else ""

"""Past incidents decided again by another policy: those that would have ended otherwise, and with
what certainty. Nothing is measured anew, so what was never measured is said to be unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelmedic.steps.contracts.decision import Decision, Objection, PastHeal
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Cause, Outcome, Remedy
from modelmedic.steps.core.decision.limits import ADVANCING, counts_as_failure, objections, spends_budget, touches_serving
from modelmedic.steps.core.decision.rules import LASTING, ask_about_rows, decide
from modelmedic.steps.core.review.course import Course, course
from modelmedic.steps.core.review.past import PastIncident

# What the ledger does not hold: a policy that differs here sees other windows, or other rows.
UNANSWERED: Final = ("data", "detect", "diagnose", "refresh", "serving", "registry")
_CARRIED = frozenset({"price", "cap", "turn"})  # limits by facts of the moment, of which only the verdict was kept
_BY_POLICY = "the policy's limits.freeze"
_PATIENT = frozenset({"settle", "patience"})  # limits that a training which is due does not wait for
_COUNTED = 200  # the newest heals that limits can count: a budget of 100 a week, a breaker of 20

_History = tuple[PastHeal, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """One incident: how it ended, and how it would have. `after` is None where that is not
    known.
    """

    incident: str
    at: datetime
    cause: Cause
    before: Outcome | None
    after: Outcome | None
    sentence: str

    @property
    def otherwise(self) -> bool:
        return self.after is not None and self.before is not None and self.after is not self.before

    @property
    def unknown(self) -> bool:
        return self.after is None or self.before is None


def replay(past: Sequence[PastIncident], policy: Policy, old: Policy | None = None) -> tuple[Replayed, ...]:
    """Every incident of one model decided again by `policy`, oldest first, beside how it would have
    ended under `old`, or without it how it did.

    An earlier heal that ends otherwise counts against the later ones as it would have ended; one
    whose end is not known makes those unknown that depend on it.
    """
    ordered = sorted(past, key=lambda each: each.at)
    after = _ends(ordered, policy)
    before = _ends(ordered, old) if old is not None else tuple(Course(each.closing.outcome, "") for each in ordered)
    return tuple(
        Replayed(each.incident.id, each.at, each.found.diagnosis.cause, then.outcome, now.outcome, now.sentence)
        for each, then, now in zip(ordered, before, after, strict=True)
    )


def unanswered(policy: Policy, others: Sequence[Policy]) -> tuple[str, ...]:
    """The sections in which the policy differs from one of the others, and about which a replay
    cannot tell.
    """
    return tuple(name for name in UNANSWERED if any(getattr(policy, name) != getattr(other, name) for other in others))


def _ends(ordered: Sequence[PastIncident], policy: Policy) -> tuple[Course, ...]:
    ends: list[Course] = []
    histories: list[_History] = [()]  # of the known, and of what the unknown may have come to
    due = _due(ordered)
    for each in ordered:
        found = [course(each, _decided(each, policy, history, due=each.incident.id in due), policy) for history in histories]
        agreed = all(other.outcome is found[0].outcome for other in found)
        end = found[0] if agreed else Course(None, "it depends on how an earlier heal would have ended, which is not known")
        ends.append(end)
        histories = _with(histories, each, end)
    return tuple(ends)


def _with(histories: list[_History], past: PastIncident, end: Course) -> list[_History]:
    """The histories with this incident: one where its end is known; else as it was recorded, as a
    heal, and as nothing done, each of which later limits count otherwise.
    """
    if end.outcome is not None:
        ended = past.heal if end.outcome is past.closing.outcome else PastHeal(past.incident.id, end.outcome, past.heal.at)
        return [_and(history, ended) for history in histories]
    ways = (past.heal, *(PastHeal(past.incident.id, outcome, past.heal.at) for outcome in (Outcome.HEALED, Outcome.NO_ACTION)))
    first, *rest = histories
    if not rest:
        return [_and(first, way) for way in ways]
    return [_and(history, way) for history, way in zip(histories, ways, strict=True)]


def _and(history: _History, heal: PastHeal) -> _History:
    """The history with the heal, if any limit counts it."""
    counts = spends_budget(heal) or touches_serving(heal) or counts_as_failure(heal)
    return (*history[-_COUNTED:], heal) if counts else history


def _decided(past: PastIncident, policy: Policy, history: _History, *, due: bool) -> Decision:
    found, taken_up, fallen = past.found, past.incident.taken_up, past.found.decision.fallen
    if found.decision.rule == LASTING and found.lasting is not None:
        return ask_about_rows(policy, found.lasting.sentence, taken_up, fallen)
    wanted = decide(found.diagnosis, policy).wanted
    speaking = _against(policy, history, past, wanted, due=due)
    carried = _carried(past) if wanted in ADVANCING and found.decision.wanted in ADVANCING else ()
    return decide(found.diagnosis, policy, (*speaking, *carried), taken_up, fallen)


def _against(policy: Policy, history: _History, past: PastIncident, remedy: Remedy, *, due: bool) -> tuple[Objection, ...]:
    return objections(policy.limits, history, past.at, remedy=remedy, open_heals=0, frozen=None, settle=policy.settle, due=due)


def _carried(past: PastIncident) -> tuple[Objection, ...]:
    """The recorded objections by facts that the ledger does not hold: orders of people to freeze,
    the price of a training then, and the heals of other models.
    """
    said = past.found.decision.objections
    return tuple(each for each in said if each.limit in _CARRIED or (each.limit == "freeze" and not each.sentence.startswith(_BY_POLICY)))


def _due(ordered: Sequence[PastIncident]) -> frozenset[str]:
    """The incidents in which a training was due, which waits neither for windows to settle nor for
    patience: told by an advance while one of them would have held it back.
    """
    history: _History = ()
    due = set()
    for each in ordered:
        decision = each.found.decision
        if decision.wanted in ADVANCING:
            held = {said.limit for said in _against(each.policy, history, each, decision.wanted, due=False)}
            if (held & _PATIENT) - {said.limit for said in decision.objections}:
                due.add(each.incident.id)
        history = _and(history, each.heal)
    return frozenset(due)

"""The review of the rules: how often each fired, what came of it, what it cost, and what was
missed. Called by the command rules; proposals stand on it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from modelmedic.steps.contracts.incident import BY_HAND
from modelmedic.steps.contracts.policy import Policy, Rule
from modelmedic.steps.contracts.words import Autonomy, Cause, Outcome, Remedy
from modelmedic.steps.core.decision.rules import DEFAULT_RULES, FALLBACK
from modelmedic.steps.core.review.past import PastIncident

REVIEW_EVERY = timedelta(days=180)  # half a year: a rule that nobody looked at for longer is overdue


class Judged(StrEnum):
    """What came of a decision."""

    HELPED = "helped"  # the heal was assessed, and the new version loses less
    RIGHT = "right"  # nothing, a quarantine or a rollback that nobody took back and no harm followed
    NO_DIFFERENCE = "no_difference"  # assessed, and the labels do not tell the versions apart
    HARMED = "harmed"  # assessed, and the new version loses more
    OVERRIDDEN = "overridden"  # a person rejected it, undid it, or said another cause
    NOT_JUDGED = "not_judged"  # too early, or it ended before it could do anything


@dataclass(frozen=True, slots=True)
class RuleReview:
    """One rule over the time. `degraded` sums the time from opening to close of incidents whose
    harm labels had shown; `pages` counts critical messages and questions to people.
    """

    id: str
    cause: Cause
    remedy: Remedy
    own: bool  # stated in the policy
    owner: str = ""
    reviewed: date | None = None
    overdue: bool = False
    fired: int = 0
    judged: dict[Judged, int] = field(default_factory=dict)
    trainings: int = 0
    pages: int = 0
    degraded: timedelta = timedelta(0)
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """Harm that no rule answered, or that a person saw first."""

    incident: str
    at: datetime
    cause: Cause
    sentence: str


@dataclass(frozen=True, slots=True)
class Review:
    """All rules of the policy and the defaults that it leaves in force, and what was missed."""

    rules: tuple[RuleReview, ...]
    missed: tuple[Missed, ...]
    incidents: int


def review(past: Sequence[PastIncident], policy: Policy, today: datetime) -> Review:
    """The review of one model's closed incidents, oldest first or not."""
    ordered = sorted(past, key=lambda each: each.at)
    fired: dict[str, list[PastIncident]] = {}
    for each in ordered:
        fired.setdefault(each.found.decision.rule, []).append(each)
    rules = tuple(_reviewed(known, fired.get(known.id, []), ordered) for known in _rules(policy, today))
    return Review(rules, tuple(_missed(ordered)), len(ordered))


def judged(one: PastIncident, ordered: Sequence[PastIncident]) -> Judged:
    """What came of the decision on the incident; `ordered` are all of the model's, oldest first."""
    if one.undone or _rejected_by_a_person(one) or _ruled_otherwise(one, ordered):
        return Judged.OVERRIDDEN
    if one.assessment is not None:
        if not one.assessment.told_apart:
            return Judged.NO_DIFFERENCE
        return Judged.HELPED if one.assessment.effective else Judged.HARMED
    if one.closing.outcome is Outcome.NO_ACTION:
        return Judged.NOT_JUDGED if _harm_followed(one, ordered) else Judged.RIGHT
    settled = one.closing.outcome in (Outcome.QUARANTINED, Outcome.ROLLED_BACK)
    return Judged.RIGHT if settled else Judged.NOT_JUDGED


def overdue(policy: Policy, today: datetime) -> tuple[Rule, ...]:
    """The policy's own rules that nobody looked at for half a year, by the day that they state."""
    return tuple(rule for rule in policy.rules if rule.reviewed is not None and today.date() - rule.reviewed > REVIEW_EVERY)


def _rules(policy: Policy, today: datetime) -> Iterator[RuleReview]:
    late = overdue(policy, today)
    for own in policy.rules:
        yield RuleReview(own.id, own.cause, own.remedy, True, own.owner, own.reviewed, own.reviewed is None or own in late)
    for rule in (*DEFAULT_RULES, FALLBACK):
        yield RuleReview(rule.id, rule.cause, rule.remedy, False, "modelmedic")


def _reviewed(rule: RuleReview, fired: Sequence[PastIncident], ordered: Sequence[PastIncident]) -> RuleReview:
    said = Counter(judged(each, ordered) for each in fired)
    return RuleReview(
        rule.id,
        rule.cause,
        rule.remedy,
        rule.own,
        rule.owner,
        rule.reviewed,
        rule.overdue,
        fired=len(fired),
        judged={word: said[word] for word in Judged if said[word]},
        trainings=sum(_trained(each) for each in fired),
        pages=sum(_pages(each) for each in fired),
        degraded=sum((each.closing.at - each.at for each in fired if each.found.diagnosis.harm == "shown"), timedelta(0)),
        last=fired[-1].at if fired else None,
    )


def _trained(one: PastIncident) -> bool:
    return one.retrained is not None and (one.retrained.trained or bool(one.retrained.tried))


def _pages(one: PastIncident) -> int:
    return int(one.closing.outcome is Outcome.ESCALATED) + int(one.asked is not None)


def _rejected_by_a_person(one: PastIncident) -> bool:
    return one.closing.outcome is Outcome.REJECTED and any(not answer.approved for answer in one.answers)


def _ruled_otherwise(one: PastIncident, ordered: Sequence[PastIncident]) -> bool:
    return any(each.incident.facts.get("ruled_on") == one.incident.id for each in ordered)


def _harm_followed(one: PastIncident, ordered: Sequence[PastIncident]) -> bool:
    """True where the next incident, within the settle time, shows harm of the same cause."""
    following = (each for each in ordered if one.at < each.at <= one.closing.at + one.policy.settle)
    return any(each.found.diagnosis.harm == "shown" and each.found.diagnosis.cause is one.found.diagnosis.cause for each in following)


def _missed(ordered: Iterable[PastIncident]) -> Iterator[Missed]:
    for each in ordered:
        found, facts = each.found, each.incident.facts
        if found.diagnosis.harm != "shown":
            continue
        seen_first = each.incident.alert == BY_HAND and not facts.get("took_up") and not facts.get("ruled_on")
        if seen_first:
            yield Missed(each.incident.id, each.at, found.diagnosis.cause, "a person opened it, and labels show harm")
        elif found.decision.rule == FALLBACK.id:
            yield Missed(each.incident.id, each.at, found.diagnosis.cause, "labels show harm, and no rule has an answer")


def lowered(level: Autonomy) -> Autonomy:
    """The level one step further from acting alone."""
    steps = sorted(Autonomy, key=lambda each: each.rank)
    return steps[max(steps.index(level) - 1, 0)]

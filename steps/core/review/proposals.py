"""Proposals for the rules, each with its reason and the change of the policy that it asks for. A
person merges them or does not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.words import Autonomy, Cause, Remedy
from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.review.past import PastIncident
from modelmedic.steps.core.review.rules import REVIEW_EVERY, Judged, Review, RuleReview, judged, lowered

_OFTEN = 3  # as many of a kind are a habit
_IDLE = 10  # incidents that a rule has seen pass before it is said never to fire


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A change of one rule of the policy: the fields to set in the rule of this id, or with `new`
    the whole of a rule to put before the others.
    """

    id: str
    fields: Mapping[str, str | float]
    new: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal; without `change` there is nothing to edit, and a person has to look."""

    rule: str
    sentence: str
    incidents: tuple[str, ...] = field(default=())
    change: RuleChange | None = None


def propose(past: Sequence[PastIncident], found: Review, policy: Policy) -> tuple[Proposal, ...]:
    """The proposals that the past carries, dearest faults first."""
    ordered = sorted(past, key=lambda each: each.at)
    return (
        *_harming(ordered, found, policy),
        *_overridden(ordered, found, policy),
        *_by_hand(ordered, policy),
        *_idle(found),
        *_overdue(found),
    )


def _of(rule: RuleReview, ordered: Sequence[PastIncident], *kinds: Judged) -> tuple[PastIncident, ...]:
    return tuple(each for each in ordered if each.found.decision.rule == rule.id and judged(each, ordered) in kinds)


def _ids(some: Sequence[PastIncident]) -> tuple[str, ...]:
    return tuple(each.incident.id for each in some)


def _harming(ordered: Sequence[PastIncident], found: Review, policy: Policy) -> Iterator[Proposal]:
    """A rule whose heals made things worse does one step less by itself."""
    for rule in found.rules:
        harmed = _of(rule, ordered, Judged.HARMED)
        if harmed:
            level = lowered(_level(rule, policy))
            sentence = f"{len(harmed)} of {rule.fired} heals by {rule.id} left the model worse: let it {_may(level)}"
            yield Proposal(rule.id, sentence, _ids(harmed), _limit(rule, harmed[0], {"maxAutonomy": level.value}))


def _overridden(ordered: Sequence[PastIncident], found: Review, policy: Policy) -> Iterator[Proposal]:
    """A rule that people keep taking back: a confidence that sets the good apart from the bad, else
    less of its own accord.
    """
    for rule in found.rules:
        wrong, right = _of(rule, ordered, Judged.OVERRIDDEN), _of(rule, ordered, Judged.HELPED, Judged.RIGHT)
        if len(wrong) < _OFTEN or len(wrong) <= len(right) or rule.remedy is Remedy.ESCALATE:
            continue
        said = f"people took back {len(wrong)} of {rule.fired} decisions by {rule.id}"
        unsure, sure = (max(_confidences(wrong)), min(_confidences(right), default=1.0))
        if unsure < sure and right:
            words = f"{said}, none of them more than {unsure:.0%} sure; those that stood were at least {sure:.0%}"
            yield Proposal(rule.id, f"{words}: ask for that", _ids(wrong), _limit(rule, wrong[0], {"minConfidence": round(sure, 3)}))
            continue
        level = lowered(_level(rule, policy))
        yield Proposal(rule.id, f"{said}: let it {_may(level)}", _ids(wrong), _limit(rule, wrong[0], {"maxAutonomy": level.value}))


def _by_hand(ordered: Sequence[PastIncident], policy: Policy) -> Iterator[Proposal]:
    """A cause that people keep answering in the same way gets a rule."""
    answered: dict[tuple[Cause, Remedy], list[PastIncident]] = {}
    for each in ordered:
        for_what = _answered_by_hand(each, ordered)
        if for_what is not None:
            answered.setdefault(for_what, []).append(each)
    for (cause, remedy), some in answered.items():
        if len(some) < _OFTEN or decide(some[-1].found.diagnosis, policy).wanted is remedy:
            continue
        name = f"{cause.value.replace('_', '-')}-{remedy.value}"
        rule = {"id": name, "cause": cause.value, "remedy": remedy.value, "maxAutonomy": Autonomy.SUGGEST.value}
        sentence = f"people answered {cause.value} with {remedy.value} {len(some)} times by hand: suggest it"
        yield Proposal(name, sentence, _ids(some), RuleChange(name, rule, new=True))


def _answered_by_hand(one: PastIncident, ordered: Sequence[PastIncident]) -> tuple[Cause, Remedy] | None:
    """The cause of an incident that was escalated, and what the person did who opened the next."""
    if one.found.decision.acted is not Remedy.ESCALATE or one.found.decision.objections:
        return None
    following = next((each for each in ordered if each.at > one.at), None)
    if following is None or not following.incident.started_by or following.at > one.closing.at + one.policy.settle:
        return None
    done = following.found.decision.acted
    return None if done in (Remedy.NONE, Remedy.ESCALATE) else (one.found.diagnosis.cause, done)


def _idle(found: Review) -> Iterator[Proposal]:
    for rule in found.rules:
        if rule.own and not rule.fired and found.incidents >= _IDLE:
            yield Proposal(rule.id, f"{rule.id} never fired in {found.incidents} incidents: is it still wanted?")


def _overdue(found: Review) -> Iterator[Proposal]:
    for rule in found.rules:
        if rule.overdue:
            when = f"was looked at on {rule.reviewed} last" if rule.reviewed else "was never looked at"
            sentence = f"{rule.id} of {rule.owner} {when}; every {REVIEW_EVERY.days} days are asked: look, and set its `reviewed`"
            yield Proposal(rule.id, sentence)


def _confidences(some: Sequence[PastIncident]) -> list[float]:
    return [each.found.diagnosis.confidence for each in some]


def _level(rule: RuleReview, policy: Policy) -> Autonomy:
    """How far the rule may go alone today."""
    own = next((each.maxAutonomy for each in policy.rules if each.id == rule.id), Autonomy.ACT)
    return min(policy.autonomy.level(rule.remedy), own, key=lambda level: level.rank)


def _may(level: Autonomy) -> str:
    return {"approve": "ask first", "suggest": "only suggest"}.get(level.value, "only observe")


def _limit(rule: RuleReview, example: PastIncident, fields: Mapping[str, str | float]) -> RuleChange:
    """The change of an own rule; a default one is overruled by a rule of its cause and harm."""
    if rule.own:
        return RuleChange(rule.id, fields)
    identity, harm = f"{rule.id}-reviewed", example.found.diagnosis.harm
    whole = {"id": identity, "cause": rule.cause.value, "harm": harm, "remedy": rule.remedy.value, **fields}
    return RuleChange(identity, whole, new=True)

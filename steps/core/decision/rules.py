"""The rules from a cause to a remedy: the policy's own first, then the defaults; limits and
autonomy have the last word. Called by diagnose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from modelmedic.steps.contracts.decision import Decision, Objection
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.policy import AutonomyLevels, Policy
from modelmedic.steps.contracts.words import Autonomy, Cause, Remedy
from modelmedic.steps.core.decision.limits import ADVANCING


@dataclass(frozen=True, slots=True)
class DefaultRule:
    """A rule that matches a cause; `harm` or `ranking_holds` None matches any."""

    id: str
    cause: Cause
    remedy: Remedy
    harm: str | None = None
    ranking_holds: bool | None = None
    max_autonomy: Autonomy = Autonomy.ACT
    promote_needs_labels: bool = False


DEFAULT_RULES = (
    DefaultRule("broken-data", Cause.DATA_QUALITY, Remedy.QUARANTINE),
    DefaultRule("broken-labels", Cause.LABEL_QUALITY, Remedy.QUARANTINE),
    DefaultRule("suspect-release", Cause.BAD_RELEASE, Remedy.ROLLBACK, harm="estimated", max_autonomy=Autonomy.APPROVE),
    DefaultRule("bad-release", Cause.BAD_RELEASE, Remedy.ROLLBACK),
    DefaultRule("expected-season", Cause.SEASONAL, Remedy.NONE),
    DefaultRule("proved-drift", Cause.CONCEPT_DRIFT, Remedy.RETRAIN, harm="shown"),
    DefaultRule("harmless-prior", Cause.LABEL_SHIFT, Remedy.NONE, harm="none"),
    DefaultRule("moved-prior", Cause.LABEL_SHIFT, Remedy.RETRAIN, ranking_holds=False),
    DefaultRule("moved-prior-same-order", Cause.LABEL_SHIFT, Remedy.RECALIBRATE),
    DefaultRule("harmful-shift", Cause.COVARIATE_SHIFT, Remedy.RETRAIN, harm="shown"),
    DefaultRule(
        "estimated-harm", Cause.COVARIATE_SHIFT, Remedy.RETRAIN, "estimated", max_autonomy=Autonomy.APPROVE, promote_needs_labels=True
    ),
    DefaultRule("harmless-shift", Cause.COVARIATE_SHIFT, Remedy.NONE, harm="none"),
    DefaultRule("due-refresh", Cause.AGEING, Remedy.RETRAIN),
    DefaultRule("quiet", Cause.NONE, Remedy.NONE),
)
_NONE: Final[Mapping[Remedy, Autonomy]] = MappingProxyType({})
LASTING: Final = "lasting-quarantine"  # the rule by which a person is asked about rows that stay set aside
_QUIET = frozenset({"patience", "price", "settle", "cooldown", "cap"})  # limits that pass by themselves, and are asked again
FALLBACK: Final = DefaultRule("not-enough-evidence", Cause.INSUFFICIENT_EVIDENCE, Remedy.ESCALATE)


def decide(
    diagnosis: Diagnosis,
    policy: Policy | None = None,
    objections: tuple[Objection, ...] = (),
    taken_up: Remedy | None = None,
    fallen: Mapping[Remedy, Autonomy] = _NONE,
) -> Decision:
    """The remedy for a diagnosis; `taken_up` is one that was suggested, and that a person took up,
    and `fallen` the levels to which autonomy has fallen.

    An objection stops only a remedy that advances, and a call for a person where nothing is broken
    and a training does not pay; a rollback or a quarantine is never held back.
    """
    rule = _rule(diagnosis, policy)
    stated = (policy.autonomy if policy else AutonomyLevels()).level(rule.remedy)
    autonomy = lower(stated, rule.max_autonomy, fallen.get(rule.remedy))
    held = autonomy.rank < lower(stated, rule.max_autonomy).rank
    if autonomy is Autonomy.SUGGEST and rule.remedy is taken_up:
        autonomy = _of_a_person(policy, rule.max_autonomy)
    stopped = bool(objections) and (rule.remedy in ADVANCING or rule is FALLBACK)
    patient = all(objection.limit in _QUIET for objection in objections)
    remedy = rule.remedy if not stopped else Remedy.NONE if patient else Remedy.ESCALATE
    sentence = f"rule {rule.id}: {diagnosis.cause} asks for {rule.remedy}" + (", which a person took up" if rule.remedy is taken_up else "")
    if stopped:
        sentence += f"; held back because {'; '.join(objection.sentence for objection in objections)}"
    if held:
        sentence += f"; its autonomy has fallen to {fallen[rule.remedy].value}"
    return Decision(
        remedy=remedy,
        wanted=rule.remedy,
        rule=rule.id,
        autonomy=autonomy,
        needs_approval=autonomy is Autonomy.APPROVE and remedy not in (Remedy.NONE, Remedy.ESCALATE),
        promote_needs_labels=rule.promote_needs_labels,
        objections=objections,
        sentence=sentence,
        fallen=dict(fallen),
    )


def lower(level: Autonomy, *others: Autonomy | None) -> Autonomy:
    """The lowest of the levels; None is no level."""
    return min((level, *(other for other in others if other is not None)), key=lambda each: each.rank)


def _of_a_person(policy: Policy | None, most: Autonomy) -> Autonomy:
    """The autonomy in a suggestion that a person took up. Where the policy names who may approve,
    or wants two people, the word of one does not do: somebody else approves it.
    """
    asks = policy is not None and (policy.approval.people or policy.approval.twoPerson)
    return Autonomy.APPROVE if asks or most is Autonomy.APPROVE else Autonomy.ACT


def ask_about_rows(policy: Policy, reason: str, taken_up: Remedy | None = None, fallen: Mapping[Remedy, Autonomy] = _NONE) -> Decision:
    """The decision to teach challengers with and without rows that stay set aside, and to ask a
    person before one of them serves, whatever autonomy the policy gives to a retraining.
    """
    autonomy = lower(policy.autonomy.level(Remedy.RETRAIN), Autonomy.APPROVE, fallen.get(Remedy.RETRAIN))
    if autonomy is Autonomy.SUGGEST and taken_up is Remedy.RETRAIN:
        autonomy = Autonomy.APPROVE
    return Decision(
        remedy=Remedy.RETRAIN,
        wanted=Remedy.RETRAIN,
        rule=LASTING,
        autonomy=autonomy,
        needs_approval=autonomy is Autonomy.APPROVE,
        sentence=f"rule {LASTING}: {reason}, so challengers are taught with and without them, and a person is asked before one serves",
        fallen=dict(fallen),
    )


def _rule(diagnosis: Diagnosis, policy: Policy | None) -> DefaultRule:
    for own in policy.rules if policy else ():
        if own.cause is diagnosis.cause and own.harm in (None, diagnosis.harm) and diagnosis.confidence >= own.minConfidence:
            return DefaultRule(own.id, own.cause, own.remedy, own.harm, max_autonomy=own.maxAutonomy)
    for rule in DEFAULT_RULES:
        fits = rule.harm in (None, diagnosis.harm) and rule.ranking_holds in (None, diagnosis.ranking_holds)
        if rule.cause is diagnosis.cause and fits:
            return rule
    return FALLBACK

"""Explanations for `modelmedic explain`: the people who are told of an alert and the heal that it
starts; the rule, remedy, limits and approvers of a policy that apply.
"""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import format_duration
from modelmedic.steps.contracts.words import Cause, Remedy
from modelmedic.steps.core.decision.rules import decide
from modelmedic.workflows.cluster.serving import ignore_differences
from modelmedic.workflows.inputs.model import model_of
from modelmedic.workflows.inputs.platform import Platform
from modelmedic.workflows.monitoring.alert_rules import Alert

_HARM: Final = ("shown", "estimated", "none", "unknown")
_ASK_HARM: Final = frozenset({Cause.COVARIATE_SHIFT, Cause.LABEL_SHIFT, Cause.CONCEPT_DRIFT})


@dataclass(frozen=True, slots=True)
class Line:
    """The consequence of one cause. `harm` is empty where it makes no difference."""

    cause: str
    harm: str
    rule: str
    remedy: str
    autonomy: str
    then: str


def explain_alert(alert: Alert, platform: Platform) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "severity": alert.severity,
        "fires": alert.expr + (f" for {alert.hold}" if alert.hold != "0m" else ""),
        "means": alert.description.replace("{{ $labels.model }}", "the model"),
        "goes to": "triage, which opens an incident, and people" if alert.heals else "people",
        "runbook": f"{platform.links.runbooks}/{alert.name}.md",
    }


def explain_policy(policy: Policy, platform: Platform) -> dict[str, Any]:
    """Explanations by the very function that a heal decides with, for every cause and every
    knowledge of harm.
    """
    limits, approval = policy.limits, policy.approval
    return {
        "model": policy.name,
        "policy": policy.hash,
        "decisions": [asdict(line) for line in decisions(policy)],
        "teaching": {
            "refresh": _refresh(policy),
            "a training costs": f"{policy.retrain.price:g} %-days: it pays if it lowers the loss by 1 % for {policy.retrain.price:g} days",
        },
        "limits": {
            "heals a week": limits.healsPerWeek,
            "cooldown": format_duration(limits.cooldown),
            "settle": format_duration(policy.settle),
            "breaker": f"{limits.breaker.failures} failed heals within {format_duration(limits.breaker.within)}",
            "heals at once": limits.concurrentHeals,
            "freezes": [f"{each.start:%Y-%m-%d %H:%M} to {each.end:%Y-%m-%d %H:%M} UTC {each.reason}".strip() for each in limits.freeze],
        },
        "approval": {
            "by": list(approval.people) or ["anybody who reaches the store" + (" or Argo's form" if approval.form else "")],
            "people": 2 if approval.twoPerson else 1,
            "proof": "a signature by a key of the policy" if approval.signers else "none: the name that is given",
            "no answer": f"rejected after {format_duration(approval.timeout)}",
        },
        "rollout": f"dark, {', '.join(f'{step} %' for step in policy.rollout.steps)}, full; {policy.serving.mode} canary; {_bake(policy)}",
        "ignoreDifferences": ignore_differences([model_of(policy, platform)]),
    }


def _bake(policy: Policy) -> str:
    bake = policy.rollout.bake
    return "no bake" if bake == "off" else f"bakes {format_duration(bake)}"


def _refresh(policy: Policy) -> str:
    refresh = policy.refresh
    if isinstance(refresh, timedelta):
        return f"{format_duration(refresh)} after the last training"
    if refresh == "off":
        return "off: age alone is no reason to teach a model again"
    if refresh == "auto":
        return "auto: once the champion's age has cost as much as a training"
    return f"once {refresh} with labels are known since the last training"


def decisions(policy: Policy) -> list[Line]:
    """One line per cause; one per knowledge of harm where that changes what is done."""
    lines: list[Line] = []
    for cause in Cause:
        known = _HARM if cause in _ASK_HARM else ("",)
        found = [_line(cause, harm, policy) for harm in known]
        same = len({(line.rule, line.remedy, line.autonomy) for line in found}) == 1
        lines += [_line(cause, "", policy)] if same else found
    return lines


def _line(cause: Cause, harm: str, policy: Policy) -> Line:
    diagnosis = Diagnosis(cause=cause, confidence=1.0, harm=harm or "unknown", ranking_holds=True)
    decision = decide(diagnosis, policy)
    free = decision.remedy in (Remedy.NONE, Remedy.ESCALATE)
    then = "nothing to allow" if free else _THEN[decision.autonomy.value]
    if decision.promote_needs_labels:
        then += "; promotion waits for labels"
    return Line(cause.value, harm, decision.rule, decision.remedy.value, "" if free else decision.autonomy.value, then)


_THEN: Final = {
    "observe": "only recorded",
    "suggest": "only suggested",
    "approve": "done once somebody approves it",
    "act": "done, and told",
}

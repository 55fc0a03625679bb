"""The course of a heal under another policy, from its decision to its end, as far as what was
recorded can tell. Called by replay.
"""

from dataclasses import dataclass

from modelmedic.steps.contracts.decision import Decision
from modelmedic.steps.contracts.policy import Policy, Rollout
from modelmedic.steps.contracts.results import DeployResult
from modelmedic.steps.contracts.words import Outcome, Remedy
from modelmedic.steps.core.decision.approval import rule_on_answers
from modelmedic.steps.core.review.gates_again import passes_again
from modelmedic.steps.core.review.past import PastIncident

_TEACHING = ("entrypoint", "history", "minRows", "holdout", "maxRows", "timeout")


@dataclass(frozen=True, slots=True)
class Course:
    """The outcome, None where it is not known, and why."""

    outcome: Outcome | None
    sentence: str


def course(past: PastIncident, decision: Decision, policy: Policy) -> Course:
    """The end of the incident, had `policy` come to this decision."""
    acted = decision.acted
    if acted in (Remedy.NONE, Remedy.ESCALATE):
        return Course(_without_action(decision), decision.sentence)
    if acted is not past.found.decision.acted:
        return _not_tried(acted, decision)
    if past.closing.by_error:
        return Course(past.closing.outcome, "what broke would have broken")
    return _challenger(past, decision, policy) if acted in (Remedy.RETRAIN, Remedy.RECALIBRATE) else _remedy(past, decision, policy)


def _without_action(decision: Decision) -> Outcome:
    if decision.remedy is Remedy.ESCALATE:
        return Outcome.ESCALATED
    if decision.remedy is Remedy.NONE:
        return Outcome.NO_ACTION
    return Outcome.OBSERVED if decision.observed else Outcome.SUGGESTED


def _not_tried(acted: Remedy, decision: Decision) -> Course:
    """Another remedy than the recorded one: only a quarantine has a certain end."""
    if decision.needs_approval:
        return Course(None, f"a person would be asked about {acted.value}, and nobody was")
    if acted is Remedy.QUARANTINE:
        return Course(Outcome.QUARANTINED, decision.sentence)
    what = "the version before would be put back" if acted is Remedy.ROLLBACK else "a challenger would be taught"
    return Course(None, f"{what}, which was not tried ({decision.sentence})")


def _remedy(past: PastIncident, decision: Decision, policy: Policy) -> Course:
    """A quarantine or a rollback, which a person may have been asked about."""
    stopped = _answer(past, decision, policy)
    if stopped is not None:
        return stopped
    if past.closing.outcome is not Outcome.REJECTED:
        return Course(past.closing.outcome, "as it was")
    if decision.acted is Remedy.QUARANTINE:
        return Course(Outcome.QUARANTINED, "nobody would be asked, and the rows would be set aside")
    return Course(None, "nobody would be asked, and the version before would be put back, which was not tried")


def _challenger(past: PastIncident, decision: Decision, policy: Policy) -> Course:
    """A training, its gates, the question to people and its canary."""
    changed = [name for name in _TEACHING if getattr(policy.retrain, name) != getattr(past.policy.retrain, name)]
    if changed:
        return Course(None, f"another challenger would be taught (retrain.{changed[0]} differs)")
    if past.validated is None:
        return Course(past.closing.outcome, "there was no challenger to judge")
    verdicts = {gate: passes_again(gate, past.policy, policy) for gate in past.validated.validation.gates}
    failed = [gate for gate, passed in verdicts.items() if passed is False]
    if failed:
        return Course(Outcome.REJECTED, f"the gate {failed[0].name} fails: {failed[0].sentence}")
    unknown = [gate for gate, passed in verdicts.items() if passed is None]
    if unknown:
        return Course(None, f"what was measured does not tell whether the gate {unknown[0].name} passes")
    if not past.validated.validation.passed:
        return Course(None, "every gate would pass, and the challenger was never asked by callers")
    stopped = _answer(past, decision, policy)
    return stopped if stopped is not None else _canary(past, policy)


def _answer(past: PastIncident, decision: Decision, policy: Policy) -> Course | None:
    """The end that the question to people brings; None where nobody is asked, or it is approved."""
    if not decision.needs_approval:
        return None
    if past.asked is None:
        return Course(None, "a person would be asked, and nobody was")
    until = past.asked.at + policy.approval.timeout
    ruling = rule_on_answers(past.answers, policy.approval, past.asked.digest, past.asked.at, past.closing.at, past.incident.started_by)
    if ruling.decision == "approved":
        return None
    if ruling.decision == "rejected":
        return Course(Outcome.REJECTED, ruling.sentence)
    return Course(None, f"{ruling.sentence}, and the heal had ended by then") if until > past.closing.at else None


def _canary(past: PastIncident, policy: Policy) -> Course:
    deployed = past.deployed
    if deployed is None:
        if past.closing.outcome is Outcome.REJECTED:
            return Course(None, "nobody would reject it, and no caller ever asked the challenger")
        return Course(past.closing.outcome, "it never came to a canary")
    if policy.rollout == past.policy.rollout:
        return Course(past.closing.outcome, "as it was")
    return _shares_again(past, deployed, policy.rollout)


def _shares_again(past: PastIncident, deployed: DeployResult, rollout: Rollout) -> Course:
    """The canary's counts under another rollout: too many failures take it back; else only one that
    held under limits as strict is known to hold.
    """
    for step in deployed.steps:
        if step.requests and step.failures / step.requests > rollout.maxErrorShare:
            words = (
                f"at {step.share} % the canary failed {step.failures} of {step.requests} requests; {rollout.maxErrorShare:.1%} are allowed"
            )
            return Course(Outcome.WITHDRAWN, words)
    was = past.policy.rollout
    same_way = (rollout.steps, rollout.hold, rollout.deadline) == (was.steps, was.hold, was.deadline)
    asked = all(step.requests >= rollout.minRequests for step in deployed.steps)
    if same_way and asked and deployed.outcome == "healed":
        return Course(past.closing.outcome, "its canary held under these limits as well")
    return Course(None, "the canary would be given other shares or times, and what callers would have seen of it is not known")

"""The outcome of an incident, derived from the records of its stages. Called by close."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelmedic.steps.contracts.diagnosis import COUNTED
from modelmedic.steps.contracts.results import DiagnoseResult, RetrainResult
from modelmedic.steps.contracts.words import Autonomy, Cause, Outcome, Remedy

Records = Mapping[str, Mapping[str, Any]]
_ON_THE_WAY = ("retrain", "validate", "approve")  # stages that a remedy may have reached before it broke off, in this order
_BY_DEPLOY = {"healed": Outcome.HEALED, "withdrawn": Outcome.WITHDRAWN, "rejected": Outcome.REJECTED}

_BY_ROLLBACK = {"rolled_back": Outcome.ROLLED_BACK, "escalated": Outcome.ESCALATED, "rejected": Outcome.REJECTED}


@dataclass(frozen=True, slots=True)
class Ending:
    outcome: Outcome
    sentence: str
    by_error: bool = False
    judged: bool = True


def ending(stages: Records, error: str | None = None) -> Ending:
    """The ending by the last stage that decided; `error` is the error that broke the heal, if one
    did.
    """
    if error is not None:
        return Ending(Outcome.ESCALATED, f"the heal broke: {error}", by_error=True)
    diagnosed = stages.get("diagnose")
    if diagnosed is None:
        return Ending(Outcome.ESCALATED, "the heal ended before there was a diagnosis", by_error=True)
    return _remedy_ending(stages) or _rejection_ending(stages) or _ending_without_action(diagnosed, stages)


def waits_for_rows(found: DiagnoseResult | None, trained: RetrainResult | None) -> bool:
    """True for a heal that ended because rows or labels are too few, to say what happened or to
    learn from: time brings them, and nothing has failed.
    """
    untaught = trained is not None and not trained.trained and not trained.tried and not trained.plan.enough
    return untaught or (found is not None and any(each.name == COUNTED for each in found.diagnosis.evidence))


def _remedy_ending(stages: Records) -> Ending | None:
    """The ending that deploy, rollback or quarantine recorded."""
    if deployed := stages.get("deploy"):
        steps = deployed.get("steps") or [{}]
        return Ending(_BY_DEPLOY[str(deployed["outcome"])], str(deployed["sentence"]), judged=bool(steps[-1].get("judged", True)))
    if rolled := stages.get("rollback"):
        return Ending(_BY_ROLLBACK[str(rolled["outcome"])], str(rolled["sentence"]))
    if set_aside := stages.get("quarantine"):
        outcome = Outcome.REJECTED if set_aside.get("outcome") == "rejected" else Outcome.QUARANTINED
        return Ending(outcome, str(set_aside["sentence"]))
    return None


def _rejection_ending(stages: Records) -> Ending | None:
    """The ending by a rejection (of a person or a gate), or because there is no challenger. A
    training that was tried and left no model has failed; where there was nothing to try it with,
    nothing has.
    """
    for name in ("approve", "approve-remedy"):
        answered = stages.get(name)
        if answered and answered["decision"] == "rejected":
            return Ending(Outcome.REJECTED, str(answered["sentence"]))
    validated = stages.get("validate")
    if validated and validated["outputs"]["passed"] == "no":
        failed = [gate for gate in validated["validation"]["gates"] if not gate["passed"]]
        if validated.get("dark"):
            kept = f"version {validated['version']} stays in the dark and is judged on as labels arrive"
            return Ending(Outcome.REJECTED, f"{kept}, because it is neither shown to be better nor to be worse: {failed[0]['sentence']}")
        return Ending(
            Outcome.REJECTED, f"the challenger failed {len(failed)} gates: {failed[0]['sentence']}" if failed else "no gate passed"
        )
    trained = stages.get("retrain")
    if trained and not trained["trained"]:
        return Ending(_untrained(stages, trained), str(trained["sentence"]), by_error=bool(trained.get("tried")))
    return None


def _untrained(stages: Records, trained: Mapping[str, Any]) -> Outcome:
    """No action where time will bring what is missing, labels or, for a model that merely ages,
    sound rows; a person is called where a training failed, where rows are broken, and where they
    have been set aside for long.
    """
    if stages["diagnose"].get("lasting"):
        return Outcome.ESCALATED
    aged = stages["diagnose"]["diagnosis"].get("cause") == Cause.AGEING.value
    enough = trained.get("plan", {}).get("enough", True)
    return Outcome.NO_ACTION if not trained.get("tried") and (aged or not enough) else Outcome.ESCALATED


def _ending_without_action(diagnosed: Mapping[str, Any], stages: Records) -> Ending:
    decision = diagnosed["decision"]
    acted, chosen = diagnosed["outputs"]["remedy"], Remedy(decision["remedy"])
    held_back = bool(decision.get("objections"))  # the rule asked for more: why it was not done is what people want to know
    if chosen is Remedy.ESCALATE:
        why = f"a person has to look, because {diagnosed['diagnosis']['sentence']} ({decision['sentence']})"
        return Ending(Outcome.ESCALATED, str(decision["sentence"]) if held_back else why)
    if chosen is Remedy.NONE:
        return Ending(Outcome.NO_ACTION, str(decision["sentence"] if held_back else diagnosed["diagnosis"]["sentence"]))
    if acted == Remedy.NONE.value and decision["autonomy"] == Autonomy.OBSERVE.value:
        return Ending(Outcome.OBSERVED, f"{decision['sentence']}; autonomy observe allows only to record it")
    if acted == Remedy.NONE.value:
        return Ending(Outcome.SUGGESTED, f"{decision['sentence']}; autonomy {decision['autonomy']} allows only to say so")
    done = [name for name in _ON_THE_WAY if name in stages]
    how = f"broke off after {done[-1]}" if done else "was never begun"
    return Ending(Outcome.ESCALATED, f"the remedy {chosen.value} {how}", by_error=True)

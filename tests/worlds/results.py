"""Results of stages as a test needs them: what it does not name is made up."""

from collections.abc import Mapping
from typing import Any

from modelmedic.steps.contracts.decision import Decision
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.results import DiagnoseResult, ValidateResult
from modelmedic.steps.contracts.training import Gate, Validation
from modelmedic.steps.contracts.words import Autonomy, Cause, Remedy


def diagnosed(remedy: Remedy = Remedy.RETRAIN, *, found: Diagnosis | None = None, approval: bool = False, **fields: Any) -> DiagnoseResult:
    """A decision for the remedy, and the diagnosis that it rests on."""
    autonomy = Autonomy.APPROVE if approval else Autonomy.ACT
    decision = Decision(remedy, remedy, "made-up", autonomy, approval, sentence="made up")
    return DiagnoseResult(found or Diagnosis(Cause.CONCEPT_DRIFT, 0.9, sentence="made up"), decision, **fields)


def validated(
    version: str, digest: str, *, champion: str = "1", passed: bool = True, metrics: Mapping[str, float] | None = None
) -> ValidateResult:
    """A challenger that was asked one gate."""
    gates = (Gate("made_up", passed, "made up"),)
    return ValidateResult(Validation(version, digest, gates, metrics or {}), version, digest, champion, champion)

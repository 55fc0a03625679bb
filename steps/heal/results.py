"""Stage results written down, recorded and said; called by the stages of a heal."""

import contextlib
from typing import Any, TypeVar

from modelmedic.steps.approval.requests import note_answers
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.results import (
    CloseResult,
    DeployResult,
    DiagnoseResult,
    Result,
    RetrainResult,
    RollbackResult,
    ValidateResult,
)
from modelmedic.steps.incidents.opening import note_opening
from modelmedic.steps.runtime.run import Outputs, Run

R = TypeVar("R", bound=Result)


def record_and_say(run: Run, result: RollbackResult | RetrainResult | DeployResult) -> Outputs:
    """Write the stage's result down, say its sentence, and return its outputs."""
    run.site.say(result.sentence)
    return run.record(result).outputs


def note_results(run: Run) -> None:
    """Record, once, what the stages of the incident have stored: whoever was killed between the two
    left it to the next one, and the close stage leaves nothing out.
    """
    note_opening(run.site.trail, run.incident)
    found = readable(run, DiagnoseResult)
    if found is not None:
        note_diagnosis(run, found)
    note_training(run)
    validated = readable(run, ValidateResult)
    if validated is not None:
        note_validation(run, validated)
    with contextlib.suppress(BadInput):  # as above
        note_answers(run)


def note_diagnosis(run: Run, found: DiagnoseResult) -> None:
    """The records of the cause and of the decision about it."""
    said, decision, documents = found.diagnosis, found.decision, [run.stage_key("diagnose")]
    cause: dict[str, Any] = {"cause": said.cause, "confidence": said.confidence, "columns": said.columns, "window": run.incident.window}
    run.once("cause.diagnosed", "diagnose", documents=documents, **cause)
    remedy: dict[str, Any] = {"remedy": decision.remedy, "rule": decision.rule, "autonomy": decision.autonomy}
    run.once("remedy.decided", "diagnose", documents=documents, **remedy, objections=decision.objections)


def note_training(run: Run) -> None:
    """Put the training's result on the audit trail; the retrain stage may not write there, because
    it shares a pod with the user's code.
    """
    trained = readable(run, RetrainResult)
    if trained is not None and (trained.candidate or not trained.trained):
        event = "model.trained" if trained.candidate else "training.refused"
        facts: dict[str, Any] = {"rows": trained.rows, "candidate": trained.candidate, "sentence": trained.sentence}
        run.once(event, "retrain", documents=[run.stage_key("retrain")], **facts)


def note_validation(run: Run, found: ValidateResult) -> None:
    """A record for each gate, and one for a challenger that is kept in the dark."""
    documents = [run.stage_key("validate")]
    for gate in found.validation.gates:
        event = "gate.passed" if gate.passed else "gate.failed"
        run.once(event, f"{found.version}/{gate.name}", documents=documents, version=found.version, gate=gate)
    if found.dark:
        run.once("challenger.kept", found.version, documents=documents, version=found.version, digest=found.digest)


def readable(run: Run, kind: type[R]) -> R | None:
    """The recorded result; None also where it cannot be read, because an incident is closed without
    it too.
    """
    try:
        return run.result_if_any(kind)
    except BadInput as error:
        run.site.say(str(error))
        return None


def page_of(run: Run) -> bytes | None:
    """The incident page as the close stage stored it, for the artifact in Argo's UI; None when it
    could not be drawn.
    """
    closed = run.result_if_any(CloseResult)
    return run.site.store.get(closed.report).data if closed is not None and closed.report else None

"""Stage results written down and said; called by the stages of a heal."""

from modelmedic.steps.contracts.results import CloseResult, DeployResult, RetrainResult, RollbackResult
from modelmedic.steps.runtime.run import Outputs, Run


def record_and_say(run: Run, result: RollbackResult | RetrainResult | DeployResult) -> Outputs:
    """Write the stage's result down, say its sentence, and return its outputs."""
    run.site.say(result.sentence)
    return run.record(result).outputs


def note_training(run: Run) -> None:
    """Put the training's result on the audit trail; the retrain stage may not write there, because
    it shares a pod with the user's code.
    """
    trained = run.result_if_any(RetrainResult)
    if trained is not None:
        event = "model.trained" if trained.candidate else "training.refused"
        run.note(event, rows=trained.rows, candidate=trained.candidate, sentence=trained.sentence)


def page_of(run: Run) -> bytes | None:
    """The incident page as the close stage stored it, for the artifact in Argo's UI; None when it
    could not be drawn.
    """
    closed = run.result_if_any(CloseResult)
    return run.site.store.get(closed.report).data if closed is not None and closed.report else None

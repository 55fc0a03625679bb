"""Stage results written down and said; called by the stages of a heal."""

from modelmedic.steps.contracts.results import CloseResult, DeployResult, RetrainResult, RollbackResult
from modelmedic.steps.runtime.run import Outputs, Run


def record_and_say(run: Run, result: RollbackResult | RetrainResult | DeployResult) -> Outputs:
    """Write the stage's result down, say its sentence, and return its outputs."""
    run.site.say(result.sentence)
    return run.record(result).outputs


def note_training(run: Run) -> None:
    """What training came to, on the audit trail: it cannot write there itself, for it shares a pod
    with code that is not ours.
    """
    trained = run.result_if_any(RetrainResult)
    if trained is not None:
        event = "model.trained" if trained.candidate else "training.refused"
        run.note(event, rows=trained.rows, candidate=trained.candidate, sentence=trained.sentence)


def page_of(run: Run) -> bytes | None:
    """The incident report as its close stored it, for the artifact that Argo's UI shows; None when
    it could not be drawn.
    """
    closed = run.result_if_any(CloseResult)
    return run.site.store.get(closed.report).data if closed is not None and closed.report else None

"""What training came to, said by whoever may write it down."""

from modelmedic.steps.runtime.run import Run


def note_training(run: Run) -> None:
    """What training came to, on the audit trail: it cannot write there itself, for it shares a pod
    with code that is not ours.
    """
    said = run.stage("retrain")
    if said is not None:
        event = "model.trained" if said.get("candidate") else "training.refused"
        run.note(event, **{name: said.get(name) for name in ("rows", "candidate", "sentence")})


def page_of(run: Run) -> bytes | None:
    """The incident report as its close stored it, for the artifact that Argo's UI shows; None when
    it could not be drawn.
    """
    key = (run.stage("close") or {}).get("report")
    return run.site.store.get(str(key)).data if key else None

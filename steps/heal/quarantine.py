"""The quarantine stage: broken rows are set aside, so that they are never trained on and never
deleted, and the owner of the data is told.
"""

from datetime import datetime

from modelmedic.steps.approval.requests import refusal
from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.results import DiagnoseResult, QuarantineResult
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Direction
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.runtime.run import Outputs, Run


def quarantine(run: Run) -> Outputs:
    """Set the incident's window aside from the onset on. A freeze does not stop it, because it
    protects and is allowed like a retreat.
    """
    site = run.site
    found = run.result(DiagnoseResult).diagnosis
    window = _span(run.incident.window, found.onset)
    if no := refusal(run, "approve-remedy"):
        return run.record(QuarantineResult(window, found.columns, f"nothing of {window} is set aside: {no}", "rejected")).outputs
    labels = found.cause is Cause.LABEL_QUALITY

    def act() -> None:
        site.history.quarantine(site.model, window, columns=found.columns, reason=found.sentence, incident=run.incident.id)

    def read_back() -> dict[str, object] | None:
        spans = [s for s in site.history.quarantined_spans(site.model) if s.incident == run.incident.id and s.window == window]
        return {"window": to_plain(window), "columns": list(found.columns)} if spans else None

    run.perform(Effect("window.quarantined", f"quarantine:{run.incident.id}", Direction.RETREAT, act, read_back), None)
    what = "labels" if labels else "rows"
    sentence = f"{what} of {window} are set aside: {found.sentence}"
    kept = run.record(QuarantineResult(window, found.columns, sentence))
    owner = site.policy.data_owner
    run.tell("data.quarantined", Severity.WARNING, owner, f"{site.model}: {what} are broken and set aside", sentence)
    site.say(f"set aside {window} and told {owner}")
    return kept.outputs


def _span(window: Window, onset: datetime | None) -> Window:
    """The window from the onset on, if the onset is known and lies inside."""
    return Window(onset, window.end) if onset is not None and onset in window else window

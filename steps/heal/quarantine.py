"""The quarantine stage: broken rows are set aside, never trained on, never deleted, and their owner
is told.
"""

from datetime import datetime

from modelmedic.steps.approval.requests import refusal
from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.notification import Severity
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Cause, Direction
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.runtime.run import Outputs, Run


def quarantine(run: Run) -> Outputs:
    """Set the incident's window aside from the onset on. Protects, so it is allowed like a retreat:
    a freeze does not stop it.
    """
    site = run.site
    found = (run.stage("diagnose") or {})["diagnosis"]
    columns = tuple(found["columns"])
    window = _span(run.incident.window, found["onset"])
    if no := refusal(run, "approve-remedy"):
        return _record(run, "rejected", window, columns, f"nothing of {window} is set aside: {no}")
    labels = found["cause"] == Cause.LABEL_QUALITY.value

    def act() -> None:
        site.history.quarantine(site.model, window, columns=columns, reason=found["sentence"], incident=run.incident.id)

    def read_back() -> dict[str, object] | None:
        spans = [s for s in site.history.quarantined_spans(site.model) if s.incident == run.incident.id and s.window == window]
        return {"window": to_plain(window), "columns": list(columns)} if spans else None

    run.perform(Effect("window.quarantined", f"quarantine:{run.incident.id}", Direction.RETREAT, act, read_back), None)
    what = "labels" if labels else "rows"
    sentence = f"{what} of {window} are set aside: {found['sentence']}"
    outputs = _record(run, "quarantined", window, columns, sentence)
    owner = site.policy.data_owner
    run.tell("data.quarantined", Severity.WARNING, owner, f"{site.model}: {what} are broken and set aside", sentence)
    site.say(f"set aside {window} and told {owner}")
    return outputs


def _record(run: Run, outcome: str, window: Window, columns: tuple[str, ...], sentence: str) -> Outputs:
    document = {"outcome": outcome, "window": to_plain(window), "columns": list(columns), "sentence": sentence}
    return dict(run.record("quarantine", {**document, "outputs": {"outcome": outcome}})["outputs"])


def _span(window: Window, onset: str | None) -> Window:
    """The window from the onset on, if the onset is known and lies inside."""
    start = datetime.fromisoformat(onset) if onset else window.start
    return Window(start, window.end) if start in window else window

"""Setting rows aside: the one effect by which the stages quarantine and diagnose do it."""

from datetime import datetime

from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Direction
from modelmedic.steps.effects.perform import Effect
from modelmedic.steps.runtime.run import Run


def set_aside(run: Run, window: Window, columns: tuple[str, ...], reason: str) -> None:
    """Quarantine the rows of the window in the name of the incident, once. A freeze does not stop
    it, because it protects and is allowed like a retreat.
    """
    site = run.site

    def act() -> None:
        site.history.quarantine(site.model, window, columns=columns, reason=reason, incident=run.incident.id)

    def read_back() -> dict[str, object] | None:
        spans = [each.span for each in site.history.quarantines(site.model)]  # a released one was laid, too
        there = any(span.incident == run.incident.id and span.window == window for span in spans)
        return {"window": to_plain(window), "columns": list(columns)} if there else None

    run.perform(Effect("window.quarantined", f"quarantine:{run.incident.id}", Direction.RETREAT, act, read_back), None)


def span_aside(window: Window, onset: datetime | None) -> Window:
    """The rows of the window that are set aside: those from the onset on, if it is known and lies
    inside.
    """
    return Window(onset, window.end) if onset is not None and onset in window else window

"""A closed incident handed over to others, once each: its trace to a collector, its data and models
to a catalogue of lineage. What could not be handed over is by a later sweep. Called by the close
stage and by the sweep.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from modelmedic.steps.contracts.audit import Record
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.incident import Closing, Incident
from modelmedic.steps.contracts.results import DeployResult, DiagnoseResult, RetrainResult, ValidateResult
from modelmedic.steps.core.records.heal_trace import heal_trace
from modelmedic.steps.core.records.lineage import HealResults, run_events
from modelmedic.steps.runtime.run import Run, Site

TRACE: Final = "trace.sent"
LINEAGE: Final = "lineage.sent"
_RECENT: Final = timedelta(days=7)
_Send = Callable[[Run, Closing, Sequence[Record]], dict[str, Any]]  # answers the facts of its record


def hand_over(run: Run) -> bool:
    """Hand over whatever was not yet, to each that there is, and record it; False while one of them
    or the store is away, which is said. Never raises because of them.
    """
    wanted = ((TRACE, _send_trace, run.site.traces), (LINEAGE, _send_lineage, run.site.lineage))
    done = [_once(run, event, send) for event, send, sink in wanted if sink is not None]  # one that is away keeps no other waiting
    return all(done)


def hand_over_late(site: Site) -> None:
    """Hand over the heals that ended within the last week, as far as they are taken."""
    if site.traces is not None or site.lineage is not None:
        all(hand_over(Run(site, incident)) for incident in _ended(site))


def _once(run: Run, event: str, send: _Send) -> bool:
    site, incident = run.site, run.incident
    try:
        closing = site.ledger.closing(incident)
        records = [record for record in site.trail.later(incident.opened_at) if record.incident == incident.id]
        if closing is not None and not any(record.event == event for record in records):
            run.once(event, event, **send(run, closing, records))
    except ModelmedicError as error:
        what = event.partition(".")[0]
        site.say(f"the {what} of incident {incident.id} is not sent now, and will be by a later sweep: {error}")
        return False
    return True


def _send_trace(run: Run, closing: Closing, records: Sequence[Record]) -> dict[str, Any]:
    assert run.site.traces is not None
    spans = heal_trace(run.incident, closing, records, run.site.traceparent)
    return {"trace": spans[0].trace, "spans": len(spans), "left_out": run.site.traces.send(spans)}


def _send_lineage(run: Run, closing: Closing, records: Sequence[Record]) -> dict[str, Any]:
    assert run.site.lineage is not None
    events = run_events(run.incident, closing, _results(run), heal_trace(run.incident, closing, records))
    run.site.lineage.send(events)
    return {"events": len(events)}


def _results(run: Run) -> HealResults:
    found = run.result_if_any(DiagnoseResult)
    return HealResults(
        str(run.site.store),
        run.site.policy.registry.name,
        found.decision.acted if found is not None else None,
        run.result_if_any(RetrainResult),
        run.result_if_any(ValidateResult),
        run.result_if_any(DeployResult),
    )


def _ended(site: Site) -> list[Incident]:
    since = site.clock.now() - _RECENT
    return [site.ledger.find(heal.incident) for heal in site.ledger.past_heals(site.model) if heal.at >= since]

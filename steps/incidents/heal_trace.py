"""The trace of a closed incident handed to a collector, once; what could not be handed over is by a
later sweep. Called by the close stage and by the sweep.
"""

from datetime import timedelta
from typing import Final

from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.core.records.heal_trace import heal_trace
from modelmedic.steps.runtime.run import Run, Site

SENT: Final = "trace.sent"
_RECENT: Final = timedelta(days=7)


def send_trace(run: Run) -> bool:
    """Hand the incident's trace over unless that was done, and record it; False while the collector
    or the store is away, which is said. Never raises because of them.
    """
    site, incident = run.site, run.incident
    if site.traces is None:
        return True
    try:
        closing = site.ledger.closing(incident)
        records = [record for record in site.trail.later(incident.opened_at) if record.incident == incident.id]
        if closing is None or any(record.event == SENT for record in records):
            return True
        spans = heal_trace(incident, closing, records, site.traceparent)
        left_out = site.traces.send(spans)
        run.once(SENT, "trace", trace=spans[0].trace, spans=len(spans), left_out=left_out)
    except ModelmedicError as error:
        site.say(f"the trace of incident {incident.id} is not sent now, and will be by a later sweep: {error}")
        return False
    return True


def send_late_traces(site: Site) -> None:
    """Hand over the traces of heals that ended within the last week, as far as the collector takes
    them.
    """
    if site.traces is not None:
        all(send_trace(Run(site, incident)) for incident in _ended(site))


def _ended(site: Site) -> list[Incident]:
    since = site.clock.now() - _RECENT
    return [site.ledger.find(heal.incident) for heal in site.ledger.past_heals(site.model) if heal.at >= since]

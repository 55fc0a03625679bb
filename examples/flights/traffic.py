"""The demo's traffic: one request row per flight through the gateway, and the labels, which arrive
days later.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.examples.flights.faults import as_asked
from modelmedic.examples.flights.stream import Flights
from modelmedic.steps.adapters.predictor.client import PredictorClient
from modelmedic.steps.contracts.inference_log import LABELLED_AT, REQUEST_ID
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.data.backfill import write_labels
from modelmedic.steps.runtime.run import Site

_WHOLE = 250  # flights a request
_SMALL = 4  # flights a request while a canary is judged, so that its share is counted on many requests


class FlightTraffic:
    """The caller of `site`'s gateway at `url`. The label of a flight is known `data.labels.delay`
    after its departure.
    """

    def __init__(self, site: Site, flights: Flights, url: str) -> None:
        self._site = site
        self._flights = flights
        self._client = PredictorClient(url, site.policy.serving.inferenceService)
        self.requests = 0
        self.failures = 0

    def play(self, start: datetime, end: datetime) -> None:
        """Ask about every flight that departs in `[start, end)`, and write the labels."""
        flights = self._flights.between(Window(start, end))
        asked = as_asked(flights)
        size = _SMALL if self._site.serving.state().canary else _WHOLE
        ids: list[str] = []
        for at in range(0, flights.num_rows, size):
            ids += self._ask(asked.slice(at, size))
        if ids:
            self._label(flights, ids)

    def _ask(self, rows: pa.Table) -> Iterator[str]:
        """Send one request; the row ids that the predictor logs: the request's id and the row's
        number.
        """
        identity = rows["flight_id"][0].as_py()
        columns = [*self._site.policy.features, self._site.policy.data.time]
        self.requests += 1
        try:
            self._client.ask(rows.select(columns), identity)
        except Exception:
            self.failures += 1
            raise
        return (f"{identity}-{number}" for number in range(rows.num_rows))

    def _label(self, flights: pa.Table, ids: list[str]) -> None:
        delay: timedelta = self._site.policy.data.labels.delay
        known = pc.add(pc.cast(flights["time_hour"], pa.timestamp("us", tz="UTC")), pa.scalar(delay, pa.duration("us")))
        target = self._site.policy.data.target
        write_labels(self._site.store, self._site.policy, pa.table({REQUEST_ID: ids, target: flights["delayed"], LABELLED_AT: known}))

"""Events to a receiver of CloudEvents 1.0 over HTTP, in structured JSON mode; called by
records/outbox.
"""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.contracts.codec import compact
from modelmedic.steps.contracts.errors import BadInput, ModelmedicError, Transient
from modelmedic.steps.contracts.ports import Clock

EVENTS_SINK: Final = "MODELMEDIC_EVENTS_SINK"
CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
_CONNECT, _ANSWER = 1.0, 2.0  # seconds
_REST: Final = timedelta(minutes=1)


class CloudEventSink:
    """An EventSink that posts to one address. After a failure it rests for a minute, so that a
    receiver that is away is waited for once and not for each record. `clock` is the machine's.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        try:
            self._client = HttpClient(url, "the events sink", connect=_CONNECT, answer=_ANSWER)
        except BadInput as error:
            raise BadInput(f"{EVENTS_SINK} is refused: {error}") from error
        self._clock = clock
        self._failed: tuple[datetime, str] | None = None

    def send(self, event: Mapping[str, Any]) -> None:
        """Post the event. Raises Transient while the receiver is away or rested from, BadInput or
        Refused where it does not take the event.
        """
        if self._failed is not None and self._clock.now() < self._failed[0] + _REST:
            raise Transient(f"{self._failed[1]} (not tried again for a minute)")
        try:
            self._client.call("POST", body=compact(event), headers={"content-type": CONTENT_TYPE}, repeatable=True)
        except ModelmedicError as error:
            self._failed = self._clock.now(), str(error)
            raise
        self._failed = None


def event_sink(clock: Clock, environment: Mapping[str, str] = os.environ) -> CloudEventSink | None:
    """The receiver that the environment names; None where it names none. Raises BadInput for an
    address that is none.
    """
    url = environment.get(EVENTS_SINK, "")
    return CloudEventSink(url, clock) if url else None

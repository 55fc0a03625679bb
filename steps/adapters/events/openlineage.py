"""Run events to a catalogue that speaks OpenLineage over HTTP, such as Marquez or DataHub; called
by incidents/handing_over.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelmedic.steps.adapters.http import HttpClient
from modelmedic.steps.contracts.codec import compact
from modelmedic.steps.contracts.errors import BadInput

OPENLINEAGE: Final = "MODELMEDIC_OPENLINEAGE"
_PATH: Final = "/api/v1/lineage"
_CONNECT, _ANSWER = 1.0, 3.0  # seconds


class OpenLineage:
    """A LineageSink that posts each event by itself to `<url>/api/v1/lineage`."""

    def __init__(self, url: str) -> None:
        try:
            self._client = HttpClient(url, "the catalogue of lineage", connect=_CONNECT, answer=_ANSWER)
        except BadInput as error:
            raise BadInput(f"{OPENLINEAGE} is refused: {error}") from error

    def send(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Post the events in order. Raises Transient, BadInput or Refused at the first that is not
        taken.
        """
        for event in events:
            self._client.call("POST", _PATH, compact(event), {"content-type": "application/json"}, repeatable=True)


def lineage_sink(environment: Mapping[str, str] = os.environ) -> OpenLineage | None:
    """The catalogue that the environment names; None where it names none. Raises BadInput for an
    address that is none.
    """
    url = environment.get(OPENLINEAGE, "")
    return OpenLineage(url) if url else None

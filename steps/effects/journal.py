"""The record of each effect's intent and outcome, on the audit trail or, while the store is away,
in the spool; used by effects/perform.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from modelmedic.steps.contracts.audit import Phase, Record
from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.incident import Incident
from modelmedic.steps.contracts.ports import Clock
from modelmedic.steps.effects.spool import Spool, note, waiting
from modelmedic.steps.records.audit import SKEW, AuditTrail

_LOG = logging.getLogger(__name__)


class Journal:
    """The records of one incident's effects. `annotate` leaves a note on the serving object."""

    def __init__(
        self,
        trail: AuditTrail,
        clock: Clock,
        spool: Spool,
        annotate: Callable[[Mapping[str, str | None]], None],
        incident: Incident | None = None,
    ) -> None:
        self.model = trail.model
        self._trail = trail
        self._clock = clock
        self._spool = spool
        self._annotate = annotate
        self._incident = incident

    def earlier(self, key: str) -> Record | None:
        """The newest record of the effect of that key; none is older than the incident. Raises
        StoreError.
        """
        since = self._incident.opened_at - SKEW if self._incident else None
        steps = (record for record in self._trail.latest(since) if record.key == key and record.phase is not Phase.NOTE)
        return next(steps, None)

    def append(self, event: str, phase: Phase, key: str, fence: int | None, facts: Mapping[str, Any]) -> None:
        """Append to the trail, behind whatever waits in the spool. Raises StoreError when it is
        away.
        """
        self._spool.flush(self._trail)
        self._trail.append(event, phase, incident=self._identity, key=key, fence=fence, facts=facts)

    def spool(self, event: str, phase: Phase, key: str, fence: int | None, facts: Mapping[str, Any]) -> None:
        """Write to this machine's spool and, once something was done, onto the serving object.
        Never raises: a retreat goes on.
        """
        line = waiting(self._clock.now(), event, phase, incident=self._identity, key=key, fence=fence, facts=facts)
        try:
            self._spool.add(line)
        except OSError as error:
            _LOG.error("this machine cannot keep the audit record %s %s of %s: %s", event, phase.value, key, error)
        if phase is Phase.INTENT:
            return
        try:
            self._annotate(note(line))
        except ModelmedicError as error:
            _LOG.error("the serving object took no note of %s: %s", key, error)

    @property
    def _identity(self) -> str | None:
        return self._incident.id if self._incident else None


class EffectRecords:
    """The records of one advance: without them nothing is done."""

    def __init__(self, journal: Journal, event: str, key: str, fence: int | None) -> None:
        self._journal = journal
        self._event = event
        self._key = key
        self._fence = fence

    def earlier(self) -> Record | None:
        return self._journal.earlier(self._key)

    def write(self, phase: Phase, facts: Mapping[str, Any]) -> None:
        self._journal.append(self._event, phase, self._key, self._fence, facts)


class RetreatRecords(EffectRecords):
    """The records of one retreat: from the first one that the store does not take on, they go to
    the spool.
    """

    away: ModelmedicError | None = None

    def may_have_happened(self) -> bool:
        """True unless the store can tell that no earlier run did it."""
        try:
            return self.earlier() is not None
        except ModelmedicError as error:
            self.away = error
            return True

    def write(self, phase: Phase, facts: Mapping[str, Any]) -> None:
        if self.away is None:
            try:
                super().write(phase, facts)
                return
            except ModelmedicError as error:
                self.away = error
        self._journal.spool(self._event, phase, self._key, self._fence, {**facts, "store": str(self.away)})

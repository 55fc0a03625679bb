"""The outbox: each record of the audit trail handed to a receiver of events, at least once, and the
number of the last one up to which none is missing.

Whoever appends a record sends it at once where that costs little; the sweep sends what stayed
behind. Nothing here ever ends or holds up whoever appends.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from modelmedic.steps.contracts.errors import ModelmedicError
from modelmedic.steps.contracts.keys import sent_key
from modelmedic.steps.contracts.ports import Clock, EventSink, ObjectStore
from modelmedic.steps.core.records.chain import Entry
from modelmedic.steps.core.records.cloud_event import cloud_event
from modelmedic.steps.records.documents import put, read

SLOW: Final = timedelta(seconds=0.5)  # an answer that takes longer than people notice
REST: Final = timedelta(minutes=1)  # without sending on append, after a slow answer
LONGEST: Final = timedelta(seconds=20)  # of one sweep for one model
_EACH: Final = 50  # records between two notes of how far it came


@dataclass(frozen=True, slots=True)
class Sent:
    """The number of the last record that was sent with all those before it."""

    sequence: int


class Outbox:
    """What is sent and still to be sent of one model's trail. `clock` is the machine's; `say` is
    told once why nothing can be sent.
    """

    def __init__(self, store: ObjectStore, model: str, sink: EventSink, clock: Clock, say: Callable[[str], None]) -> None:
        self._store = store
        self._key = sent_key(model)
        self._model = model
        self._sink = sink
        self._clock = clock
        self._say = say
        self._sent: int | None = None  # as this process left it; others may have come further
        self._rests_until: datetime | None = None
        self._said = False

    def told(self, entry: Entry) -> None:
        """Send a record that was appended just now. One that cannot be sent is left to the sweep.
        Never raises.
        """
        began = self._clock.now()
        if self._rests_until is not None and began < self._rests_until:
            return
        try:
            self._sink.send(cloud_event(entry))
            self._move(entry.record.sequence)
        except ModelmedicError as error:
            self._excuse(error)
        if (ended := self._clock.now()) - began > SLOW:
            self._rests_until = ended + REST

    def catch_up(self, entries: Callable[[int], Iterator[Entry]]) -> int:
        """Send what was not sent yet, oldest first, and return how many. `entries` answers the
        records from a number on. Stops at the first that is not taken, and after 20 s. Never
        raises.
        """
        until, done, sent = self._clock.now() + LONGEST, 0, 0
        try:
            sent = self._sent = self._stored()
            for entry in entries(sent + 1):
                self._sink.send(cloud_event(entry))
                done, sent = done + 1, entry.record.sequence
                if done % _EACH == 0:
                    self._note(sent)
                if self._clock.now() > until:
                    break
        except ModelmedicError as error:
            self._excuse(error)
        try:
            if done:
                self._note(sent)
        except ModelmedicError as error:
            self._excuse(error)
        return done

    def waiting(self, length: int) -> int:
        """The number of records that were not sent yet, of a trail of that length. Raises
        StoreError.
        """
        return max(length - self._stored(), 0)

    def _move(self, sequence: int) -> None:
        """Note that a record was sent, where none before it is missing."""
        if self._sent != sequence - 1:
            self._sent = self._stored()
        if self._sent == sequence - 1:
            self._note(sequence)

    def _stored(self) -> int:
        kept = read(self._store, Sent, self._key)
        return kept.sequence if kept is not None else 0

    def _note(self, sequence: int) -> None:
        put(self._store, self._key, Sent(sequence))
        self._sent = sequence

    def _excuse(self, error: ModelmedicError) -> None:
        if not self._said:
            self._said = True
            self._say(f"records of {self._model} are not sent as events now, and will be by a later sweep: {error}")

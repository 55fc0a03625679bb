"""The audit trail: one chain of records per model, each bound to the one before by its hash.

A record lies in `audit/<model>/<sequence>.json`, created once and never changed. `head.json` says
how far the trail goes, so that a dropped end is seen; it is swapped after each append and before
the next, so a crash leaves it behind by one record at most. `verify` finds every changed byte and
every dropped, reordered or inserted record: the next record names the hash of the one before, and
head.json that of the last (one that a crash kept from head.json is vouched for by the next append).
It cannot find somebody who may write every object of the store and rewrites the whole trail:
against that, the bucket needs an object lock.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from modelmedic.steps.contracts.audit import Phase, Record
from modelmedic.steps.contracts.codec import sha256, to_plain
from modelmedic.steps.contracts.errors import BadInput, Conflict, ModelmedicError, NotFound, Refused
from modelmedic.steps.contracts.formats import encoded, parse
from modelmedic.steps.contracts.keys import audit_head_key, audit_key, model_hash
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.contracts.redaction import redact
from modelmedic.steps.contracts.window import utc
from modelmedic.steps.core.records.chain import GENESIS, ChainFault, Changed, Entry, Head, entry, faults, follows, written
from modelmedic.steps.records.documents import last
from modelmedic.steps.records.outbox import Outbox

SKEW = timedelta(hours=1)  # between the clocks of the machines that write to one trail


@dataclass(frozen=True, slots=True)
class _End:
    """The end of the trail; `tag` is that of head.json, None while there is none; `behind` when
    head.json is not there yet.
    """

    head: Head
    tag: str | None
    behind: bool = False


class AuditTrail:
    """Appends to and reads the trail of one model. `actor` is who acts: a step's name, a person, a
    pod. `outbox` is told each record that was appended, and never raises; None: the next sweep
    sends it.
    """

    def __init__(self, store: ObjectStore, model: str, clock: Clock, actor: str, outbox: Outbox | None = None) -> None:
        self.model = model
        self._store = store
        self._clock = clock
        self._actor = actor
        self._outbox = outbox
        self._hashed = model_hash(model)
        self._entries: dict[int, Entry] = {}  # records never change, so what was read once is kept
        self._end: _End | None = None  # as this object left it; somebody else's append shows as a lost race

    def append(
        self,
        event: str,
        phase: Phase = Phase.NOTE,
        *,
        incident: str | None = None,
        key: str | None = None,
        fence: int | None = None,
        facts: Mapping[str, Any] | None = None,
        documents: Iterable[str] = (),
    ) -> Record:
        """Add one record at the end; secrets among the facts are redacted. `documents` are keys of
        stored documents that the record vouches for, as they are now.

        Raises StoreError when it cannot be written, NotFound when a document is not there, Refused
        when the trail is broken at its end.
        """
        plain = redact(to_plain(dict(facts or {})))
        vouched = {document: sha256(self._store.get(document).data) for document in documents}
        draft = Record(0, "", utc(self._clock.now()), self.model, incident, self._actor, event, phase, key, fence, plain, vouched)
        for _ in range(1000):  # each lost race is somebody else's record
            end = self._end or self._find_end()
            self._end = None
            if end.behind and not self._move_head(end):
                continue
            end = self._end or end
            record = replace(draft, sequence=end.head.sequence + 1, previous=end.head.hash)
            data = written(record)
            if self._create(record, data):
                with suppress(ModelmedicError):  # it is recorded; the next one moves a head that is behind
                    self._move_head(_End(Head(record.sequence, sha256(data)), end.tag))
                if self._outbox is not None:
                    self._outbox.told(Entry(sha256(data), record))
                return record
        raise Conflict(f"audit trail of {self.model} lost 1000 races for its end; expected to append {event}")

    def once(
        self,
        event: str,
        key: str,
        *,
        incident: str | None = None,
        facts: Mapping[str, Any] | None = None,
        documents: Iterable[str] = (),
        since: datetime | None = None,
        phase: Phase = Phase.NOTE,
        first: Callable[[], object] = tuple,
        told: Callable[[Record], bool] | None = None,
    ) -> bool:
        """Add a record unless there is one of that event, phase and key, and say whether it was
        added: what a process that was killed did not come to, the next one makes up for.

        No record older than `since` is looked at; a margin for clocks that differ is added. Records
        of earlier versions count too: they have no key but the incident, or say more in it, or are
        known by `told`. `first` is called before the record is added, such as to tell people: a
        kill in between tells twice.
        """
        for record in self.later(since):
            if told is not None and told(record):
                return False
            if (record.event, record.incident, record.phase) != (event, incident, phase):
                continue
            if (record.key is None and incident is not None) or f"{record.key}/".startswith(f"{key}/"):
                return False
        first()
        self.append(event, phase, incident=incident, key=key, facts=facts, documents=documents)
        return True

    def open_intents(self, records: Iterable[Record]) -> tuple[Record, ...]:
        """The intents among the records, oldest first, behind which no outcome and no failure of
        the same key is recorded.
        """
        left: dict[tuple[str, str | None], Record] = {}
        for record in records:
            if record.phase is Phase.INTENT:
                left[record.event, record.key] = record
            elif record.phase is not Phase.NOTE:
                left.pop((record.event, record.key), None)
        return tuple(left.values())

    def later(self, since: datetime | None) -> Iterator[Record]:
        """Oldest first, from about `since` on: a record that is older by more than the clocks of
        writers differ is left out. Reads few records to find the first one.
        """
        length = self.length()
        low, high = 1, length + 1
        while since is not None and low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._entry(middle).record.at < since - SKEW else (low, middle)
        for sequence in range(low, length + 1):
            yield self._entry(sequence).record

    def records(self, incident: str | None = None) -> Iterator[Record]:
        """Oldest first, those of one incident when it is named. Raises NotFound or BadInput at a
        broken place.
        """
        for sequence in range(1, self.length() + 1):
            record = self._entry(sequence).record
            if incident is None or record.incident == incident:
                yield record

    def latest(self, since: datetime | None = None) -> Iterator[Record]:
        """Newest first, back to the first record that is older than `since`."""
        return (entry.record for entry in self.latest_entries(since))

    def latest_entries(self, since: datetime | None = None) -> Iterator[Entry]:
        """The same records, each with its hash."""
        for sequence in range(self.length(), 0, -1):
            entry = self._entry(sequence)
            if since is not None and entry.record.at < since:
                return
            yield entry

    def entries_from(self, sequence: int) -> Iterator[Entry]:
        """The records from that number on, oldest first, each with its hash."""
        return (self._entry(number) for number in range(sequence, self.length() + 1))

    def length(self) -> int:
        return self._find_end().head.sequence

    def head(self) -> Head:
        """The number and the hash of the last record."""
        return self._find_end().head

    def hash_of(self, sequence: int) -> str | None:
        """The hash of that record; None when there is none."""
        return self._entry(sequence).hash if self._exists(sequence) else None

    def verify(self) -> list[ChainFault]:
        """Every fault of the trail as it is stored now; empty when it is intact."""
        keys = list(self._store.list(audit_key(self._hashed)))
        return faults(self.model, ((key, self._store.get(key).data) for key in keys))

    def _find_end(self) -> _End:
        head, tag = self._read_head()
        sequence = last(self._exists, head.sequence)
        if sequence == head.sequence:
            return _End(head, tag)
        entry = self._entry(sequence)
        before = head if sequence == head.sequence + 1 else Head(sequence - 1, self._entry(sequence - 1).hash)
        if not follows(entry, before):
            raise Refused(
                f"audit trail of {self.model} is broken at record {sequence}, which does not follow the one before; "
                f"`modelmedic audit verify {self.model}` says what happened"
            )
        return _End(Head(sequence, entry.hash), tag, behind=True)

    def _read_head(self) -> tuple[Head, str | None]:
        key = audit_head_key(self._hashed)
        try:
            blob = self._store.get(key)
        except NotFound:
            return Head(0, GENESIS), None
        return parse(Head, blob.data, key), blob.tag

    def _move_head(self, end: _End) -> bool:
        """Make head.json say `end`, and return whether it does. Losing this race is no harm: the
        winner saw this record and went on from it.
        """
        key = audit_head_key(self._hashed)
        data = encoded(end.head, key)
        try:
            tag = self._store.create(key, data) if end.tag is None else self._store.swap(key, data, end.tag)
        except Conflict:
            return False
        self._end = _End(end.head, tag)
        return True

    def _create(self, record: Record, data: bytes) -> bool:
        try:
            self._store.create(audit_key(self._hashed, record.sequence), data)
        except Conflict:
            return False
        self._entries[record.sequence] = Entry(sha256(data), record)
        return True

    def _exists(self, sequence: int) -> bool:
        try:
            self._entry(sequence)
        except NotFound:
            return False
        return True

    def _entry(self, sequence: int) -> Entry:
        if sequence not in self._entries:
            key = audit_key(self._hashed, sequence)
            self._entries[sequence] = read_entry(self._store.get(key).data, key)
        return self._entries[sequence]


def read_entry(data: bytes, key: str) -> Entry:
    """The record of an object of the trail. Raises NewerFormat, or BadInput when the object holds
    no record.
    """
    try:
        return entry(data, key)
    except ValueError as error:
        said = "its hash does not fit its content" if isinstance(error, Changed) else "it cannot be read"
        raise BadInput(f"object {key} is no audit record: {said}; `modelmedic audit verify` says what happened") from error

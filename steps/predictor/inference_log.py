"""The inference log's writer: answers wait in bounded memory while one thread takes them to the
object store.

No request waits for it: `add` appends to a queue under a lock. Objects that the store does not take
are kept and tried again; once the bound is reached, the oldest rows are dropped and counted. A
graceful stop writes everything that waits, for as long as `close` is given; a kill loses the
answers since the last flush, at most `rows` rows or `seconds` seconds of traffic while the store is
there.
"""

import logging
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelmedic.steps.contracts.errors import Conflict
from modelmedic.steps.contracts.inference_log import span_key
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.data.parquet import encoded
from modelmedic.steps.predictor.columns import Kind
from modelmedic.steps.predictor.log_rows import LogEntry, day_tables

_PATIENCE = (0.5, 30.0)  # seconds before the store is tried again: the first time, and at most
_say = logging.getLogger("modelmedic.log")


@dataclass(frozen=True, slots=True)
class LogSettings:
    prefix: str
    version: str
    features: Sequence[tuple[str, Kind]]
    time: str | None = None
    rows: int = 5_000  # so many rows are written at once …
    seconds: float = 5.0  # … or what came in this long
    memory: int = 64 << 20  # bytes that may wait; the oldest are dropped beyond


@dataclass(frozen=True, slots=True)
class LogCounts:
    """Rows since the start, and those that wait now."""

    written: int = 0
    dropped: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _LogObject:
    key: str
    data: bytes
    rows: int


class InferenceLog:
    """The writer. `store` is called in the thread, again and again until it answers: a store that
    is away at the start stops nothing.
    """

    def __init__(self, store: Callable[[], ObjectStore], settings: LogSettings) -> None:
        self._open = store
        self._store: ObjectStore | None = None
        self._settings = settings
        self._writer = f"{socket.gethostname()[-20:]}-{uuid.uuid4().hex[:12]}"
        self._changed = threading.Condition()
        self._queue: deque[LogEntry] = deque()
        self._outbox: deque[_LogObject] = deque()
        self._rows = self._size = 0  # of the queue
        self._written = self._dropped = self._number = 0
        self._busy = self._urgent = self._closing = False
        self._oldest = 0.0  # monotonic time of the queue's first entry
        self._retry_at = 0.0
        self._patience = _PATIENCE[0]
        self._thread = threading.Thread(target=self._run, name="inference-log", daemon=True)
        self._thread.start()

    def add(self, entry: LogEntry) -> None:
        """Queue one entry. Never waits for the store, and never raises for it."""
        with self._changed:
            if not self._queue:
                self._oldest = time.monotonic()
            self._queue.append(entry)
            self._rows += entry.rows
            self._size += entry.size
            self._keep_bound()
            if len(self._queue) == 1 or self._rows >= self._settings.rows:
                self._changed.notify_all()

    def counts(self) -> LogCounts:
        with self._changed:
            return LogCounts(self._written, self._dropped, self._waiting())

    def flush(self, timeout: float) -> bool:
        """Write everything that waits now; True when the store has it all, or it was dropped."""
        with self._changed:
            wanted = self._written + self._dropped + self._waiting()
            self._hurry()
            return self._changed.wait_for(lambda: self._written + self._dropped >= wanted, timeout)

    def close(self, timeout: float) -> bool:
        """Write everything that waits and end; True when nothing was lost. Rows that the store does
        not take in time count as dropped.
        """
        with self._changed:
            self._closing = True
            self._hurry()
        self._thread.join(timeout)
        with self._changed:
            lost = self._waiting()
            self._dropped += lost
        if lost:
            _say.error("%d rows of the inference log were lost at the stop: the store did not take them in %.0f s", lost, timeout)
        return not lost

    def _hurry(self) -> None:
        self._urgent, self._retry_at = True, 0.0
        self._changed.notify_all()

    def _waiting(self) -> int:
        return self._rows + sum(item.rows for item in self._outbox)

    def _keep_bound(self) -> None:
        """Drop the oldest: encoded objects first, then queued requests; never the newest request
        alone.
        """
        while self._size + sum(len(item.data) for item in self._outbox) > self._settings.memory:
            if len(self._outbox) > (1 if self._busy else 0):
                gone = self._outbox[1] if self._busy else self._outbox[0]  # the first one may be on its way right now
                self._outbox.remove(gone)
                self._dropped += gone.rows
            elif len(self._queue) > 1:
                entry = self._queue.popleft()
                self._rows -= entry.rows
                self._size -= entry.size
                self._dropped += entry.rows
            else:
                return

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._full() or self._retries() or self._ends()):
                    self._changed.wait(self._pause())  # anew each time: the first row of a queue starts its interval
                if self._ends():
                    return
                entries = self._taken() if self._full() else []
            try:
                if entries:
                    self._encode(entries)
                self._send()
            except Exception:  # a bug here may cost rows, never the service
                _say.exception("the inference log met a bug; it goes on")

    def _ends(self) -> bool:
        return self._closing and not self._waiting()

    def _full(self) -> bool:
        """True when the queue is to be written now. While the store is away only whole objects are
        made, not one per interval.
        """
        late = not self._outbox and time.monotonic() >= self._oldest + self._settings.seconds
        return bool(self._queue) and (late or self._urgent or self._closing or self._rows >= self._settings.rows)

    def _retries(self) -> bool:
        return bool(self._outbox) and time.monotonic() >= self._retry_at

    def _pause(self) -> float | None:
        """Seconds until something is due without a notification."""
        now = time.monotonic()
        if self._outbox:
            return max(0.0, self._retry_at - now)
        return max(0.0, self._oldest + self._settings.seconds - now) if self._queue else None

    def _taken(self) -> list[LogEntry]:
        entries = list(self._queue)
        self._queue.clear()
        self._urgent = False
        return entries

    def _encode(self, entries: list[LogEntry]) -> None:
        settings = self._settings
        made = []
        try:
            for day in day_tables(entries, settings.features, settings.time, settings.version):
                self._number += 1
                key = span_key(settings.prefix, day.first, day.last, self._writer, self._number)
                made.append(_LogObject(key, encoded(day.table), day.table.num_rows))
        finally:
            with self._changed:
                rows = sum(entry.rows for entry in entries)
                self._rows -= rows
                self._size -= sum(entry.size for entry in entries)
                self._dropped += rows - sum(item.rows for item in made)  # none, unless there is a bug
                self._outbox.extend(made)
                self._keep_bound()

    def _send(self) -> None:
        while True:
            with self._changed:
                self._changed.notify_all()
                if not self._retries():
                    return
                item, self._busy = self._outbox[0], True
            sent = self._sent(item)
            with self._changed:
                self._busy = False
                self._after(item, sent)

    def _after(self, item: _LogObject, sent: bool) -> None:
        if sent:
            self._outbox.remove(item)
            self._written += item.rows
            self._patience, self._retry_at = _PATIENCE[0], 0.0
            return
        self._retry_at = time.monotonic() + (_PATIENCE[0] if self._closing else self._patience)
        self._patience = min(self._patience * 2, _PATIENCE[1])
        self._keep_bound()

    def _sent(self, item: _LogObject) -> bool:
        try:
            if self._store is None:
                self._store = self._open()
            self._store.create(item.key, item.data)
        except Conflict:
            return True  # the key is this writer's alone: an earlier try was written and not answered
        except Exception as error:
            _say.warning("the inference log waits with %d rows: %s", item.rows, error)
            return False
        return True

"""Time as this machine has it, and time as it is played."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SystemClock:
    """A `Clock` on the machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, span: timedelta) -> None:
        time.sleep(max(span.total_seconds(), 0.0))


class PlayedClock:
    """A `Clock` that a simulation or a replay of the past moves on; `meanwhile(start, end)` plays
    the events in between.
    """

    def __init__(self, start: datetime, meanwhile: Callable[[datetime, datetime], None] = lambda _start, _end: None) -> None:
        self._now = start
        self.meanwhile = meanwhile

    def now(self) -> datetime:
        return self._now

    def sleep(self, span: timedelta) -> None:
        start, end = self._now, self._now + max(span, timedelta(0))
        self.meanwhile(start, end)
        self._now = max(self._now, end)

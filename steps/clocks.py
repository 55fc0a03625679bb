"""Time as this machine has it."""

import time
from datetime import UTC, datetime, timedelta


class SystemClock:
    """A `Clock` on the machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, span: timedelta) -> None:
        time.sleep(max(span.total_seconds(), 0.0))

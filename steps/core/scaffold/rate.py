"""The rate of a stream's rows: how many come in a span of time, on a slow day and on a busy one.
Called by init and by the checks of what a policy can ask of its stream.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import pyarrow as pa

from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.moments import moments, seconds_of

_RECENT: Final = timedelta(days=90)  # streams grow: the newest rows say how many will come
_MOMENTS: Final = 2000
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class RowRate:
    """The times of a stream's newest rows, in seconds, ascending, shape (n,); each stands for
    `weight` rows.
    """

    times: Floats
    weight: float = 1.0

    @property
    def per_day(self) -> float:
        """Rows a day in the mean; 0 where there are fewer than two moments."""
        span = self._span
        return self.weight * (len(self.times) - 1) * 86_400 / span if span > 0 else 0.0

    @property
    def words(self) -> str:
        """Such as `24 rows a day`."""
        return f"{counted(self.per_day)} rows a day"

    def mean(self, span: timedelta) -> float:
        return self.per_day * (span / _DAY)

    def within(self, span: timedelta, share: float) -> float:
        """The rows that follow on a row within `span`, of which the given share of moments see no
        more: 0.05 is a slow time, 0.95 a busy one. The mean where less than two spans were seen.
        """
        seconds = span.total_seconds()
        if 2 * seconds > self._span:
            return self.mean(span)
        starts = self.times[: int(np.searchsorted(self.times, self.times[-1] - seconds, side="right"))]
        starts = starts[np.linspace(0, len(starts) - 1, min(len(starts), _MOMENTS)).astype(np.int64)]
        counts = np.searchsorted(self.times, starts + seconds) - np.searchsorted(self.times, starts)
        return self.weight * float(np.quantile(counts, share))

    @property
    def _span(self) -> float:
        return float(self.times[-1] - self.times[0]) if len(self.times) > 1 else 0.0


def rate_of(times: pa.ChunkedArray, rows: int | None = None) -> RowRate:
    """The rate by the times of rows, in any spelling; `rows` says of how many these are an even
    sample.
    """
    known = pa.chunked_array([moments(chunk) for chunk in times.chunks], pa.timestamp("us", tz="UTC")).drop_null()
    seconds = np.sort(seconds_of(known))
    if not len(seconds):
        return RowRate(np.empty(0))
    newest = seconds[np.searchsorted(seconds, seconds[-1] - _RECENT.total_seconds()) :]
    return RowRate(newest, (rows or len(times)) / len(times))


def counted(rows: float) -> str:
    """A number of rows for people: whole from ten on."""
    return f"{rows:,.0f}" if rows >= 10 else f"{rows:.2g}"

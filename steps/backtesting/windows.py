"""The inference log of a replay, in memory: the rows answered so far, with the labels that are
known at the played time.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.backtesting.past import micros
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Clock
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.tables.log_columns import log_schema
from modelmedic.steps.core.tables.moments import microseconds
from modelmedic.steps.core.tables.thinning import thin

_BATCH = 65_536
_MOST_PARTS = 16  # of the rows in memory: reading a year in hundreds of parts took most of a look's time


class PlayedWindows:
    """Implements `Windows`. Rows are added by time, each once; their labels stay hidden for
    data.labels.delay.
    """

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._rows = log_schema(policy, target=True).empty_table()
        self._times: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def add(self, rows: pa.Table) -> None:
        """Rows that are not older than those added before."""
        times = microseconds(rows[self._policy.data.time])
        parts = pa.concat_tables([self._rows, rows.select(self._rows.column_names)])
        self._rows = parts.combine_chunks() if parts.column(0).num_chunks > _MOST_PARTS else parts
        self._times = np.concatenate([self._times, times])

    @property
    def unreadable(self) -> Mapping[str, str]:
        """None: the rows are in memory."""
        return {}

    def batches(self, window: Window, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        names = [name for name in log_schema(self._policy).names if columns is None or name in set(columns)]
        yield from self._inside(window).select(names).to_batches(max_chunksize=_BATCH)

    def count(self, window: Window) -> int:
        return int(self._inside(window).num_rows)

    def table(self, window: Window, *, labelled_only: bool = False, limit: int | None = None) -> pa.Table:
        rows, target = self._inside(window), self._policy.data.target
        due = pa.scalar(self._clock.now() - self._policy.data.labels.delay, rows.schema.field(self._policy.data.time).type)
        label = pc.if_else(pc.less_equal(rows[self._policy.data.time], due), rows[target], pa.scalar(None, pa.float64()))
        rows = rows.set_column(rows.column_names.index(target), target, label)
        if labelled_only:
            rows = rows.filter(pc.is_valid(rows[target]))
        return thin(rows, limit) if limit is not None else rows

    def _inside(self, window: Window) -> pa.Table:
        first, last = np.searchsorted(self._times, [micros(window.start), micros(window.end)])
        return self._rows.slice(int(first), int(last - first))

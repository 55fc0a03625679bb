"""The past that is replayed: labelled rows by time, with the columns that the policy names."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.tables.moments import microseconds
from modelmedic.steps.data.labelled import logged_rows, numbered

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=int(microseconds))


@dataclass(frozen=True)
class Past:
    """`rows` have the columns of a logged window with the target, by time; `times` are theirs in µs
    since 1970, shape (n,).
    """

    policy: Policy
    rows: pa.Table
    times: npt.NDArray[np.int64]

    @property
    def span(self) -> Window:
        return Window(moment(self.times[0]), moment(self.times[-1]) + timedelta(microseconds=1))

    def places(self, window: Window) -> slice:
        """The slice of `rows` that lies in the window."""
        first, last = np.searchsorted(self.times, [micros(window.start), micros(window.end)])
        return slice(int(first), int(last))

    def between(self, window: Window) -> pa.Table:
        here = self.places(window)
        return self.rows.slice(here.start, here.stop - here.start)

    def known(self, window: Window, now: datetime) -> pa.Table:
        """The rows of the window whose labels are known by `now`."""
        delay = self.policy.data.labels.delay
        rows = self.between(Window(window.start, max(window.start, min(window.end, now - delay))))
        return rows.filter(pc.is_valid(rows[self.policy.data.target]))


def read_past(policy: Policy, table: pa.Table, source: str = "the data") -> Past:
    """Raises BadInput when a column that the policy names is missing, a value is no number or no
    time, or no row has a label.
    """
    data = policy.data
    rows = logged_rows(policy, table, source)
    if not rows.num_rows or rows[data.target].null_count == rows.num_rows:
        raise BadInput(f"{source} has no row with both {data.time} and {data.target}; expected labelled rows of the past")
    rows = numbered(rows, "row-{:09d}").combine_chunks()
    return Past(policy, rows, microseconds(rows[data.time]))

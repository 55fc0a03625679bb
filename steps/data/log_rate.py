"""The rate of a model's requests, by the newest rows of its inference log. Called by validate."""

from datetime import timedelta
from typing import Final

import pyarrow as pa

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.ports import Clock, ObjectStore
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.scaffold.rate import RowRate, rate_of
from modelmedic.steps.core.tables.moments import MOMENT
from modelmedic.steps.data.windows import LoggedWindows

_DAYS: Final = (2, 28)  # a busy log is not read further back than it has to be
_ENOUGH: Final = 5000  # rows
_LEAST: Final = 20


def log_rate(store: ObjectStore, policy: Policy, clock: Clock) -> RowRate | None:
    """The rate up to now; None where hardly anything was logged in the last four weeks."""
    windows, now = LoggedWindows(store, policy, clock), clock.now()
    times = pa.chunked_array([], MOMENT)
    for days in _DAYS:
        window = Window(now - timedelta(days=days), now)
        times = pa.chunked_array([batch.column(policy.data.time) for batch in windows.batches(window, [policy.data.time])], MOMENT)
        if len(times) >= _ENOUGH:
            break
    return rate_of(times) if len(times) >= _LEAST else None

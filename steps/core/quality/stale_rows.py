"""Rows that come again by one and the same delay: a feed that is some days old, also where single
rows are too coarse to be known again by themselves.

Tried on six real streams as they are (births, demand, rain, bikes, seoul, air; every second
window): at most 2 % of a window's rows stood before by one delay, of a stale feed 56 %.
"""

import numpy as np

from modelmedic.steps.core.quality.past import Past
from modelmedic.steps.core.quality.repeats import RowKeys, row_keys
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.pairing import Column

_MOST_TIMES = 5  # that a row stood before; more often it is no row that could be known again
_LEAST_SHARE, _LEAST_ROWS, _AS_EVER = 0.1, 40, 3.0  # of the rows, rows, times the share of the last window of the past
_MINUTE = 60.0


def delayed_share(past: Past, columns: list[Column]) -> tuple[float, float]:
    """The share of the current rows that stood before by the one delay that most of them have, and
    that delay in hours; (0, 0) where it is few rows, or as many in the past's last window.
    """
    if not past.timed or past.lore.time is None:
        return 0.0, 0.0
    before, now = past.lore.time
    old, new = row_keys(columns, "reference", past.lore.rows[0]), row_keys(columns, "current", past.lore.rows[1])
    share, hours = _of_one_delay(old, before, new, now)
    if share < _LEAST_SHARE or share * len(new) < _LEAST_ROWS:
        return 0.0, 0.0
    last = np.zeros(len(old), dtype=bool)
    last[past.order[0]] = past.block == past.blocks - 1
    earlier = before < float(before[last].min())
    usual, _ = _of_one_delay(old[earlier], before[earlier], old[last], before[last])
    return (share, hours) if share > _AS_EVER * usual else (0.0, 0.0)


def _of_one_delay(old: RowKeys, before: Floats, new: RowKeys, now: Floats) -> tuple[float, float]:
    """The largest share of new rows with the same keys by one delay, and it in hours."""
    order = np.argsort(old, kind="stable")
    keys, moments = old[order], before[order]
    first, last = (np.searchsorted(keys, new, side) for side in ("left", "right"))
    times = np.where(last - first <= _MOST_TIMES, last - first, 0)
    delays = np.concatenate([now[times > k] - moments[first[times > k] + k] for k in range(_MOST_TIMES)])
    minutes = np.round(delays[delays > 0] / _MINUTE)
    if not len(minutes):
        return 0.0, 0.0
    each, count = np.unique(minutes, return_counts=True)
    best = int(count.argmax())
    return float(count[best]) / len(new), float(each[best]) / 60

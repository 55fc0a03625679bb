"""The phases of the clock, and numbers that follow them: an hour, a weekday, a month, a flag of the
calendar, a counter.
"""

from collections.abc import Sequence

import numpy as np

from modelmedic.steps.core.tables.arrays import Floats, Integers
from modelmedic.steps.core.tables.thinning import evenly

_EXACT = 0.985  # of the rows whose value the phase gives; clocks change twice a year, and a day may be late
_MOST_VALUES = 400
_COUNTER = 0.9995  # of the steps that go one way
_PHASES = ("hour", "weekday", "hour of the week", "day", "month", "year")
_MOST_ROWS = 5000


def phase(name: str, seconds: Floats) -> Integers:
    """The phase of the clock (UTC) at each moment, a whole number from 0."""
    known = np.nan_to_num(np.asarray(seconds, dtype=np.float64))
    days = np.floor(known / 86_400)
    if name == "hour":
        return np.floor(known % 86_400 / 3600).astype(np.int64)
    if name == "weekday":
        return ((days + 3) % 7).astype(np.int64)
    if name == "hour of the week":
        return np.floor((known + 3 * 86_400) % (7 * 86_400) / 3600).astype(np.int64)
    moments = known.astype(np.int64).astype("datetime64[s]")
    if name == "day":
        return np.asarray((moments.astype("datetime64[D]") - moments.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64))
    if name == "month":
        return np.asarray(moments.astype("datetime64[M]").astype(np.int64) % 12)
    return np.asarray(np.maximum(moments.astype("datetime64[Y]").astype(np.int64), 0))


def clock_phase(values: Floats, seconds: Floats) -> str | None:
    """The phase that gives (nearly) every one of the values, by name; None where none does.
    `seconds` are the values' moments since 1970, shape (rows,) like `values`.
    """
    thin = evenly(len(values), _MOST_ROWS)
    return next(
        (name for name in _PHASES if _follows(values[thin], [phase(name, moments) for moments in turned(name, seconds[thin])])), None
    )


def turned(name: str, seconds: Floats) -> tuple[Floats, ...]:
    """The moments, and for a phase of hours an hour to and fro as well: clocks are changed twice a
    year.
    """
    return tuple(seconds + turn for turn in ((0.0, -3600.0, 3600.0) if name in ("hour", "hour of the week") else (0.0,)))


def counts(values: Floats) -> bool:
    """True for a number of many values that never turns back; `values` in the order of time."""
    thin = evenly(len(values), _MOST_ROWS)
    known = values[thin][np.isfinite(values[thin])]
    if len(known) < max(0.9 * len(thin), 100) or len(np.unique(known[:: max(len(known) // 200, 1)])) < 50:
        return False
    steps = np.diff(known)
    return bool((steps >= 0).mean() > _COUNTER or (steps <= 0).mean() > _COUNTER) and bool(known[0] != known[-1])


def usual_value(values: Floats, which: Integers) -> Floats:
    """The commonest value in every phase; NaN where there is none."""
    known = np.isfinite(values)
    levels, code = np.unique(values[known], return_inverse=True)
    if not len(levels):
        return np.full(int(which.max(initial=0)) + 1, np.nan)
    count = int(which.max()) + 1
    if len(levels) * count > 2_000_000:
        return np.full(count, np.nan)
    table = np.bincount(which[known] * len(levels) + code, minlength=count * len(levels)).reshape(count, len(levels))
    return np.where(table.sum(axis=1) > 0, levels[table.argmax(axis=1)], np.nan)


def said(table: Floats, which: Integers) -> Floats:
    """The value that belongs to each row's phase; NaN for a phase that the table does not have."""
    return np.where(which < len(table), table[np.minimum(which, len(table) - 1)], np.nan)


def _follows(values: Floats, phases: Sequence[Integers]) -> bool:
    """True when one of the phases gives (nearly) every value, and more than one."""
    known = np.isfinite(values) & (values >= -1e15)
    if known.sum() < 200:
        return False
    held = values[known]
    if len(np.unique(held[:500])) > _MOST_VALUES:
        return False
    top, count = np.unique(held, return_counts=True)
    if len(top) < 2:
        return False
    table = usual_value(held, phases[0][known])
    right = float(np.any([held == said(table, each[known]) for each in phases], axis=0).mean())
    commonest = float(count.max()) / len(held)
    return right >= _EXACT and right > commonest + 0.5 * (1 - commonest)

"""Columns that are functions of time, told from the data: hours, weekdays, months, flags of the
calendar, counters and an index that was left in the file.

Such a column is never stuck, shifted or new: its values are the clock's. It is broken only where it
contradicts the clock.
"""

from dataclasses import dataclass

import numpy as np

from modelmedic.steps.core.quality.past import Past
from modelmedic.steps.core.statistics.clock import clock_phase, counts, phase, said, turned, usual_value
from modelmedic.steps.core.tables.arrays import Mask
from modelmedic.steps.core.tables.pairing import Column


@dataclass(frozen=True)
class Clockwork:
    """The columns that follow the clock. `phases` maps a column to the phase that gives its value;
    `counters` are monotone in time.
    """

    phases: dict[str, str]
    counters: frozenset[str]

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(self.phases) | self.counters


def clockwork(past: Past) -> Clockwork:
    """The columns of the past that are functions of time; none where the rows have no time."""
    phases: dict[str, str] = {}
    counters: set[str] = set()
    order = past.order[0]
    seconds = past.lore.time[0][order] if past.timed and past.lore.time is not None else None
    for column in past.lore.columns:
        values = np.asarray(column.reference, dtype=np.float64)[order]
        if column.numeric and counts(values):
            counters.add(column.name)
        elif seconds is not None and (found := clock_phase(values, seconds)) is not None:
            phases[column.name] = found
    return Clockwork(phases, frozenset(counters))


def contradiction(past: Past, column: Column, name: str) -> tuple[float, float, Mask]:
    """The share of rows whose value contradicts the clock in the past and in the current window,
    among rows whose phase the past knows, and a mask of these current rows. An hour to or fro is no
    contradiction.
    """
    if past.lore.time is None:
        return 0.0, 0.0, np.zeros(past.lore.rows[1], dtype=bool)
    before = phase(name, past.lore.time[0])
    values = [np.asarray(w, dtype=np.float64) for w in (column.reference, column.current)]
    table = usual_value(values[0], before)
    shares, off = [], np.zeros(0, dtype=bool)
    for moments, held in zip(past.lore.time, values, strict=True):
        told = [said(table, phase(name, each)) for each in turned(name, moments)]
        known = np.isfinite(told[0]) & np.isfinite(held)
        off = known & np.all([held != each for each in told], axis=0)
        shares.append(float(off[known].mean()) if known.sum() >= 20 else 0.0)
    return shares[0], shares[1], off

"""The features of a table that are functions of time: the clock gives their values, or they only
grow. Called by init, which says so in the policy that it writes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelmedic.steps.core.scaffold.columns import Facts
from modelmedic.steps.core.statistics.clock import clock_phase, counts
from modelmedic.steps.core.tables.arrays import Floats, plain
from modelmedic.steps.core.tables.moments import moments


@dataclass(frozen=True, slots=True)
class Calendar:
    """`phases` maps a column to the phase of the clock that gives its value; `counters` never turn
    back.
    """

    phases: dict[str, str] = field(default_factory=dict)
    counters: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The sentence that names the columns; empty without any."""
        said = [name if name == phase else f"{name} (the {phase})" for name, phase in self.phases.items()]
        said += [f"{name} (a counter)" for name in self.counters]
        return f"functions of time: {', '.join(said)}" if said else ""


def calendar(table: pa.Table, columns: Iterable[Facts], time: str) -> Calendar:
    """The columns among these that follow the clock of the column `time`."""
    stamps = pa.chunked_array([moments(chunk) for chunk in table[time].chunks], pa.timestamp("us", tz="UTC"))
    known = pc.is_valid(stamps)
    seconds = np.asarray(pc.cast(stamps.filter(known), pa.int64()).to_numpy(), dtype=np.float64) / 1e6
    order = np.argsort(seconds, kind="stable")
    phases, counters = {}, []
    for column in columns:
        values = _values(column, table[column.name].filter(known))[order]
        if column.kind == "number" and counts(values):
            counters.append(column.name)
        elif (phase := clock_phase(values, seconds[order])) is not None:
            phases[column.name] = phase
    return Calendar(phases, tuple(counters))


def _values(column: Facts, values: pa.ChunkedArray) -> Floats:
    values = plain(values)
    if column.kind != "number":
        values = pc.index_in(values, value_set=pc.unique(values).drop_null())
    return np.asarray(pc.cast(values, pa.float64(), safe=False).to_numpy(), dtype=np.float64)

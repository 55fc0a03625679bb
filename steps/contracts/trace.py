"""The trace of a heal, as other systems are told of it: spans with their times, each with the
attributes and moments that core/records/heal_trace reads off the records.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

Attribute = str | bool | int | float | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that took no time, within a span."""

    name: str
    at: datetime
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a trace. The ids are hex digits, 32 of the trace and 16 of a span; `parent` is
    empty for the first span of a trace. `error` says why it did not succeed.
    """

    trace: str
    id: str
    parent: str
    name: str
    start: datetime
    end: datetime
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    moments: tuple[Moment, ...] = ()
    error: str = ""

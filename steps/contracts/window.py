"""Half-open spans of time, `[start, end)`, in UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from modelmedic.steps.contracts.errors import BadInput

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"([0-9]{1,8})(s|m|h|d|w)")


def parse_duration(text: str) -> timedelta:
    """`30m`, `7d`, `1d12h` → a timedelta. Raises BadInput for anything else."""
    parts = _DURATION.findall(text)
    if not parts or "".join(n + unit for n, unit in parts) != text:
        raise BadInput(f"duration is {text!r}; expected a number and a unit of s, m, h, d or w, such as 30m or 7d")
    try:
        return sum((timedelta(**{_UNITS[unit]: int(n)}) for n, unit in parts), timedelta())
    except OverflowError:
        raise BadInput(f"duration is {text!r}; expected at most {timedelta.max.days}d") from None


def format_duration(span: timedelta) -> str:
    """The shortest text that `parse_duration` reads back: 36 h → `1d12h`."""
    seconds = int(span.total_seconds())
    text = ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def utc(moment: datetime) -> datetime:
    """The same moment in UTC; a moment without a zone is taken to be UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """`start` belongs to the window, `end` does not."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", utc(self.start))
        object.__setattr__(self, "end", utc(self.end))
        if self.end < self.start:
            raise BadInput(f"window ends at {self.end.isoformat()}, before it starts at {self.start.isoformat()}")

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= utc(moment) < self.end

    def overlaps(self, other: "Window") -> bool:
        return self.start < other.end and other.start < self.end

    def __str__(self) -> str:
        return f"[{self.start:%Y-%m-%dT%H:%MZ}, {self.end:%Y-%m-%dT%H:%MZ})"

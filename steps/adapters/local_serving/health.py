"""The health of what serves a model on this machine, from the /metrics of its predictors.

A predictor counts since it came up. So each look is kept, and what was asked of it in a window is
the difference of two looks. Called by the sweep.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from modelmedic.steps.adapters.local_serving.processes import locked
from modelmedic.steps.contracts.codec import decode, encode
from modelmedic.steps.contracts.ports import Clock
from modelmedic.steps.contracts.serving import Traffic
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.rollout.canary_judgement import traffic_between

_KEPT: Final = timedelta(days=2)
_JUST_NOW: Final = timedelta(minutes=1)  # a window that ended so lately is meant to end with the look that is made for it
Counted = tuple[str, Traffic]  # the name of a process, and what it has counted since it came up


@dataclass(frozen=True, slots=True)
class _Look:
    """The counters of one process at one moment."""

    at: datetime
    version: str
    process: str
    counted: Traffic


class LocalHealth:
    """Implements `ServiceHealth`. `read` reads the counters of the process that serves a version,
    None where none does; `file` keeps the looks of two days. Losing it loses only what the window
    of the next look begins with: then everything since the process came up counts.
    """

    def __init__(self, read: Callable[[str], Counted | None], file: Path, clock: Clock) -> None:
        self._read = read
        self._file = file
        self._clock = clock

    def between(self, version: str, window: Window) -> Traffic | None:
        kept = self._looked(version)
        end = self._clock.now() if self._clock.now() - window.end < _JUST_NOW else window.end
        looks = [look for look in kept if look.version == version and look.at <= end]
        earlier = next((look for look in reversed(looks) if look.at <= window.start), None)
        within = [look for look in looks if look.at > window.start]
        if not within:
            return None
        parts = [_since(before, after) for before, after in zip((earlier, *within[:-1]), within, strict=True)]
        return Traffic(sum(each.requests for each in parts), sum(each.failures for each in parts), within[-1].counted.latency_p95_ms)

    def _looked(self, version: str) -> Sequence[_Look]:
        """All looks that are kept, with the one that is made now."""
        read, now = self._read(version), self._clock.now()
        with locked(self._file.with_suffix(".lock")):
            looks = tuple(look for look in self._kept() if look.at > now - _KEPT)
            if read is not None:
                looks = (*looks, _Look(now, version, *read))
                fresh = self._file.with_suffix(".fresh")
                fresh.write_bytes(encode(looks))
                fresh.replace(self._file)
        return looks

    def _kept(self) -> tuple[_Look, ...]:
        with contextlib.suppress(OSError, ValidationError):
            return decode(tuple[_Look, ...], self._file.read_bytes())
        return ()


def _since(before: _Look | None, after: _Look) -> Traffic:
    """What was asked from one look to the next; all that the process has counted where it came up
    in between, or was not looked at before.
    """
    return traffic_between(after.counted, before.counted) if before is not None and before.process == after.process else after.counted

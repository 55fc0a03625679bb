"""The spans of time that a challenger was trained and judged on, on one axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from modelmedic.steps.contracts.window import Window
from modelmedic.steps.reporting.pictures.svg import Scale, days, line, picture, rect, tag, text, tip
from modelmedic.steps.reporting.pictures.text import day, short, span

_WIDTH = 760.0
_LEFT, _RIGHT = 128.0, 16.0
_ROW = 30.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the picture; `kind` is train, holdout, window or excluded."""

    label: str
    kind: str
    windows: tuple[Window, ...]


def spans(lanes: Sequence[Lane], onset: datetime | None = None) -> Markup | None:
    """The lanes above each other; None when there is no span."""
    windows = [window for lane in lanes for window in lane.windows]
    if not windows:
        return None
    start, end = min(w.start for w in windows), max(w.end for w in windows)
    if end <= start:
        return None
    x = Scale(start.timestamp(), end.timestamp(), _LEFT, _WIDTH - _RIGHT)
    height = 14 + len(lanes) * _ROW + 22
    parts = [_hatch(), *_axis(x, start, end, height)]
    for index, lane in enumerate(lanes):
        parts += _lane(lane, x, 14 + index * _ROW)
    if onset and start <= onset <= end:
        parts += _onset(x(onset.timestamp()), height, onset)
    said = "; ".join(f"{lane.label}: {', '.join(span(w) for w in lane.windows[:4])}" for lane in lanes)
    return picture(_WIDTH, height, said, parts)


def _onset(at: float, height: float, onset: datetime) -> list[Markup]:
    right = at > _WIDTH - 120
    label = text(at - 4 if right else at + 4, 12, f"onset {day(onset)}", "tick", "end" if right else "start")
    return [line(at, 4, at, height - 22, "limit"), label]


def _axis(x: Scale, start: datetime, end: datetime, height: float) -> list[Markup]:
    parts: list[Markup] = []
    for mark in days(start, end, 8):
        at = x(mark.timestamp())
        parts += [line(at, 14, at, height - 22, "grid"), text(at, height - 7, f"{mark:%-d %b}", "tick", "middle")]
    return parts


def _lane(lane: Lane, x: Scale, y: float) -> list[Markup]:
    parts = [text(_LEFT - 10, y + 19, short(lane.label, 20), "tick-strong", "end")]
    for window in lane.windows[:60]:
        left, right = x(window.start.timestamp()), x(window.end.timestamp())
        parts.append(rect(left, y + 6, max(right - left, 2.0), 18, f"span-{lane.kind}", tip(f"{lane.label}: {span(window)}"), rx=2))
    return parts


def _hatch() -> Markup:
    return tag(
        "defs",
        tag(
            "pattern",
            rect(0, 0, 6, 6, "hatch-back"),
            line(0, 0, 0, 6, "hatch-line"),
            id="hatch",
            width=6,
            height=6,
            patternUnits="userSpaceOnUse",
            patternTransform="rotate(45)",
        ),
    )

"""Pictures of means with their intervals in both windows: the loss by segment, and labels minus
predictions by column.
"""

from markupsafe import Markup

from modelmedic.steps.reporting.pictures.svg import Scale, circle, line, picture, tag, text, ticks, tip
from modelmedic.steps.reporting.pictures.text import number, plain, short
from modelmedic.steps.reporting.pictures.values import Breakdown, GroupMeans, Mean

_WIDTH = 440.0
_ROW = 30.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 108.0, 66.0, 8.0, 30.0


def means(cut: Breakdown, axis: str, *, whole: GroupMeans | None = None, zero: bool = False) -> Markup:
    """One row per part, the whole first: grey ring before, filled dot now, each with its 95 %
    interval. `axis` names the unit.
    """
    parts = ([whole] if whole else []) + list(cut.parts)
    low, high = _range(parts, zero)
    x = Scale(low, high, _LEFT, _WIDTH - _RIGHT)
    height = _TOP + len(parts) * _ROW + _BOTTOM
    drawn = _axis(x, height, axis, zero)
    for index, part in enumerate(parts):
        drawn += _row(part, x, _TOP + (index + 0.5) * _ROW, part is whole)
    label = f"{axis} by {short(cut.column)}, reference against current window"
    return picture(_WIDTH, height, label, drawn)


def _range(parts: list[GroupMeans], zero: bool) -> tuple[float, float]:
    seen = [edge for part in parts for mean in (part.reference, part.current) if mean for edge in (mean.low, mean.high)]
    low, high = min(seen, default=0.0), max(seen, default=1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = 0.04 * ((high - low) or 1.0)
    return low - room, high + room


def _axis(x: Scale, height: float, axis: str, zero: bool) -> list[Markup]:
    bottom = height - _BOTTOM
    drawn: list[Markup] = []
    for value in ticks(x.low, x.high, 4):
        class_ = "base" if zero and abs(value) < 1e-12 else "grid"
        drawn += [line(x(value), _TOP, x(value), bottom, class_), text(x(value), bottom + 13, plain(value), "tick", "middle")]
    return [*drawn, text((_LEFT + _WIDTH - _RIGHT) / 2, height - 3, axis, "axis-name", "middle")]


def _row(part: GroupMeans, x: Scale, y: float, strong: bool) -> list[Markup]:
    drawn = [text(_LEFT - 8, y + 4, short(part.label, 16), "tick-strong strong" if strong else "tick-strong", "end")]
    if part.reference:
        drawn.append(_dot(part.reference, x, y - 4, "ref", "before"))
    if part.current:
        drawn.append(_dot(part.current, x, y + 4, "cur", "now"))
    rows = part.current.rows if part.current else 0
    drawn.append(text(_WIDTH - 2, y + 4, f"n = {number(rows)}", "tick", "end"))
    return drawn


def _dot(mean: Mean, x: Scale, y: float, which: str, when: str) -> Markup:
    said = tip(f"{when}: {number(mean.value)}, 95 % interval {number(mean.low)} to {number(mean.high)}, {mean.rows} rows")
    return tag("g", said, line(x(mean.low), y, x(mean.high), y, f"{which}-whisker"), circle(x(mean.value), y, 4.2, f"{which}-dot"))

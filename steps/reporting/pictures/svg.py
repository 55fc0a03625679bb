"""SVG written out: every text and attribute is escaped; colours are classes of the page's style
sheet, light and dark.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

from modelmedic.steps.reporting.pictures.text import clean

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_DAYS = (1, 2, 7, 14, 28, 61, 91, 182, 365)


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from `low..high` of the data to `start..end` of the picture; what lies outside
    is held at the edge.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def tag(name: str, *children: Markup | str, **attributes: object) -> Markup:
    """One element. `class_` is written class and `stroke_width` stroke-width; floats get one
    decimal, None leaves it out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"' for key, value in attributes.items() if value is not None
    )
    inner = Markup("").join(child if isinstance(child, Markup) else escape(child) for child in children)
    return Markup(f"<{name}{written}>{inner}</{name}>")


def text(x: float, y: float, content: str, class_: str = "", anchor: str = "start") -> Markup:
    return tag("text", clean(content, 120), x=x, y=y, class_=class_ or None, text_anchor=None if anchor == "start" else anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def rect(x: float, y: float, width: float, height: float, class_: str, *children: Markup, rx: float | None = None) -> Markup:
    return tag("rect", *children, x=x, y=y, width=max(width, 0.0), height=max(height, 0.0), class_=class_, rx=rx)


def circle(x: float, y: float, r: float, class_: str) -> Markup:
    return tag("circle", cx=x, cy=y, r=r, class_=class_)


def path(points: Iterable[tuple[float, float]], class_: str, closed: bool = False) -> Markup:
    corners = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return tag("path", d=f"M{corners}{'Z' if closed else ''}", class_=class_)


def tip(content: str) -> Markup:
    """The text that is shown where the mouse rests."""
    return tag("title", clean(content, 300))


def picture(width: float, height: float, label: str, parts: Sequence[Markup]) -> Markup:
    """A whole picture; `label` is what a screen reader says."""
    said = clean(label, 300)
    return tag("svg", *parts, viewBox=f"0 0 {width:g} {height:g}", width=f"{width:g}", height=f"{height:g}", role="img", aria_label=said)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from low to high, about `most` of them (Heckbert 1990)."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low] if math.isfinite(low) else []
    rough = (high - low) / max(most, 1)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(n * size for n in _NICE if n * size >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def days(start: datetime, end: datetime, most: int) -> list[datetime]:
    """Midnights (UTC) or, over long spans, firsts of months, at most `most` of them."""
    length = (end - start) / timedelta(days=1)
    step = next((n for n in _DAYS if length / n <= most), 365)
    if step >= 28:
        months = max(round(step / 30.4), 1)
        return [moment for moment in _months(start, end) if (moment.month - 1) % months == 0 or months > 12]
    first = start.replace(hour=0, minute=0, second=0, microsecond=0)
    marks = [first + timedelta(days=n * step) for n in range(int(length / step) + 2)]
    return [mark for mark in marks if start <= mark <= end]


def _months(start: datetime, end: datetime) -> Iterable[datetime]:
    year, month = start.year, start.month
    while (moment := datetime(year, month, 1, tzinfo=UTC)) <= end:
        if moment >= start:
            yield moment
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def _short(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)

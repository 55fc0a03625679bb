"""The chart of a model's year: the metric of the frozen model and of the healed one over time, and
marks for the incidents. Called by picture.py.

Drawn with matplotlib, which is imported late; its global state is not touched. Colours are Okabe
and Ito's (2008).
"""

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from modelmedic.steps.contracts.window import Window, utc
from modelmedic.steps.reporting.pictures.text import number, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _SOFT, _LINE = "#1a2027", "#57616d", "#dfe3e8"
_FROZEN, _HEALED = "#66717e", "#0072b2"
_KINDS = {  # marker and colour
    "healed": ("^", "#0072b2"),
    "retrained": ("^", "#0072b2"),
    "rolled_back": ("<", "#8a4f7d"),
    "quarantined": ("s", "#b37400"),
    "rejected": ("X", "#c8500a"),
    "withdrawn": ("X", "#c8500a"),
    "escalated": ("D", "#b5330f"),
}
_OTHER = ("o", _SOFT)
_PLATE = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}  # no line runs through a label
_ROW = 0.24  # inches of one row of marks
_RC: Any = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "modelmedic",  # the same picture has the same bytes
    "font.family": "DejaVu Sans",  # comes with matplotlib, so labels are as wide on every machine
    "font.size": 10.0,
}


@dataclass(frozen=True, slots=True)
class Point:
    """The metric of both models over one window, usually a month; None where it could not be
    measured.
    """

    window: Window
    frozen: float | None
    healed: float | None


@dataclass(frozen=True, slots=True)
class Mark:
    """One incident: `kind` is an outcome such as healed, rejected, quarantined or rolled_back;
    `label` a few words; `window` the span that was set aside, which is shaded.
    """

    at: datetime
    kind: str
    label: str
    window: Window | None = None


def timeline(
    points: Sequence[Point],
    marks: Sequence[Mark],
    *,
    metric: str,
    better: Literal["higher", "lower"] = "higher",
    title: str = "",
    form: Literal["svg", "png"] = "svg",
) -> bytes:
    """The chart as SVG or PNG, the same bytes for the same values."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_RC):
        figure = Figure(figsize=(11, 4.6), facecolor="white")
        _draw(figure, sorted(points, key=lambda point: point.window.start), sorted(marks, key=lambda mark: mark.at), metric, better, title)
        drawn = io.BytesIO()
        figure.savefig(drawn, format=form, dpi=144, metadata={"Date": None} if form == "svg" else {"Software": None})
    return drawn.getvalue()


def _draw(figure: "Figure", points: list[Point], marks: list[Mark], metric: str, better: str, title: str) -> None:
    """The chart on top, the rows of marks beneath it, as many as keep their labels apart."""
    left, right, top = 0.8, 1.75, 0.62  # inches
    width = figure.get_figwidth()
    start, end = _extent(points, marks)
    rows = _rows(figure, marks, (start, end), width - left - right, right - 0.1)
    below = 0.42 + _ROW * (max(rows, default=0) + 1 if rows else 0)
    height = 3.6
    figure.set_figheight(top + height + below)
    chart = figure.add_axes((left / width, below / (top + height + below), 1 - (left + right) / width, height / (top + height + below)))
    chart.set_xlim(_day(start), _day(end))
    _frame(chart, start, end)
    _lines(chart, points)
    _shade(chart, marks)
    _marks(chart, marks, rows, height)
    figure.text(
        left / width, 1 - 0.2 / figure.get_figheight(), title or f"{metric} month by month", size=13, weight="bold", color=_INK, va="top"
    )
    figure.text(left / width, 1 - 0.43 / figure.get_figheight(), f"{metric}, {better} is better", size=9.5, color=_SOFT, va="top")


def _day(at: datetime) -> float:
    """The moment as a matplotlib date number."""
    import matplotlib.dates

    dates: Any = matplotlib.dates
    return float(dates.date2num(utc(at)))


def _extent(points: list[Point], marks: list[Mark]) -> tuple[datetime, datetime]:
    moments = [edge for p in points for edge in (p.window.start, p.window.end)] + [utc(mark.at) for mark in marks]
    if not moments:
        return datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 2, 1, tzinfo=UTC)
    return min(moments), max(max(moments), min(moments) + timedelta(days=1))


def _frame(chart: "Axes", start: datetime, end: datetime) -> None:
    """The axes: months named in their middle, or matplotlib's own dates over more than 500 days."""
    import matplotlib.dates
    from matplotlib.ticker import NullFormatter

    dates: Any = matplotlib.dates

    for side in ("top", "right", "left"):
        chart.spines[side].set_visible(False)
    chart.spines["bottom"].set_color(_SOFT)
    chart.grid(axis="y", color=_LINE, linewidth=0.8)
    chart.set_axisbelow(True)
    chart.tick_params(axis="y", length=0, colors=_SOFT)
    chart.tick_params(axis="x", which="both", colors=_SOFT)
    if end - start <= timedelta(days=500):
        chart.xaxis.set_major_locator(dates.MonthLocator())
        chart.xaxis.set_major_formatter(NullFormatter())
        chart.xaxis.set_minor_locator(dates.MonthLocator(bymonthday=16))
        chart.xaxis.set_minor_formatter(dates.DateFormatter("%b"))
        chart.tick_params(axis="x", which="minor", length=0)
        for label in chart.get_xticklabels(minor=True):
            label.set_bbox(_PLATE)
    else:
        chart.xaxis.set_major_formatter(dates.ConciseDateFormatter(dates.AutoDateLocator()))


def _lines(chart: "Axes", points: list[Point]) -> None:
    """Both lines, each named at its end."""
    places = [_day(point.window.start + point.window.length / 2) for point in points]
    ends: list[tuple[float, float, str, str]] = []
    for name, values, colour, width in (
        ("frozen", [point.frozen for point in points], _FROZEN, 1.8),
        ("healed", [point.healed for point in points], _HEALED, 2.6),
    ):
        heights = [math.nan if value is None else value for value in values]
        chart.plot(places, heights, color=colour, linewidth=width, marker="o", markersize=4.5, solid_capstyle="round")
        known = [(value, place) for value, place in zip(values, places, strict=True) if value is not None]
        if known:
            ends.append((known[-1][0], known[-1][1], name, colour))
    low, high = chart.get_ylim()
    chart.set_ylim(low - 0.03 * (high - low), high + 0.05 * (high - low))
    _name_ends(chart, ends)


def _name_ends(chart: "Axes", ends: list[tuple[float, float, str, str]]) -> None:
    low, high = chart.get_ylim()
    apart = 0.065 * (high - low)
    heights = [value for value, _, _, _ in ends]
    if len(heights) == 2 and abs(heights[0] - heights[1]) < apart:
        middle, up = sum(heights) / 2, 1 if heights[0] >= heights[1] else -1
        heights = [middle + up * apart / 2, middle - up * apart / 2]
    for (value, place, name, colour), height in zip(ends, heights, strict=True):
        said = f"{name} {number(value)}"
        chart.annotate(
            said, (place, height), (9, 0), textcoords="offset points", va="center", color=colour, weight="bold", annotation_clip=False
        )  # fmt: skip


def _shade(chart: "Axes", marks: list[Mark]) -> None:
    """Overlapping spans are shaded as one, and named once."""
    for window in _merged(mark.window for mark in marks if mark.window is not None):
        chart.axvspan(_day(window.start), _day(window.end), facecolor="#fbf1d8", edgecolor="#e3c27a", hatch="///", linewidth=0, zorder=0)
        middle = _day(window.start + window.length / 2)
        chart.annotate(
            "set aside", (middle, 1), (0, -4), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center", va="top", size=8.5, color="#8f6200", annotation_clip=True,
            bbox={"boxstyle": "round,pad=0.2", "facecolor": "#fbf1d8", "edgecolor": "none"},
        )  # fmt: skip


def _merged(windows: Iterable[Window]) -> list[Window]:
    merged: list[Window] = []
    for window in sorted(windows, key=lambda w: w.start):
        if merged and window.start <= merged[-1].end:
            merged[-1] = Window(merged[-1].start, max(merged[-1].end, window.end))
        else:
            merged.append(window)
    return merged


def _rows(figure: "Figure", marks: list[Mark], extent: tuple[datetime, datetime], width: float, beyond: float) -> list[int]:
    """The row of each mark, so that no label touches the next one; `width` of the chart in inches,
    `beyond` right of it.
    """
    ends: list[float] = []
    rows = []
    for mark in marks:
        at = width * ((utc(mark.at) - extent[0]) / (extent[1] - extent[0]))
        row = next((index for index, end in enumerate(ends) if end <= at - 0.12), len(ends))
        if row == len(ends):
            ends.append(0.0)
        ends[row] = at + 0.2 + min(_label_width(figure, mark), width + beyond - at)
        rows.append(row)
    return rows


def _label_width(figure: "Figure", mark: Mark) -> float:
    """The width of the label in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.font_manager import FontProperties

    canvas: Any = FigureCanvasAgg(figure)
    return float(canvas.get_renderer().get_text_width_height_descent(_said(mark), FontProperties(size=9), False)[0] / figure.dpi)


def _said(mark: Mark) -> str:
    return short(mark.label, 44).replace("$", r"\$")  # between dollars matplotlib sets mathematics


def _marks(chart: "Axes", marks: list[Mark], rows: list[int], height: float) -> None:
    """Marks beneath the chart: a symbol, a few words, and a thin line up to the moment."""
    for mark, row in zip(marks, rows, strict=True):
        symbol, colour = _KINDS.get(mark.kind, _OTHER)
        y = -(0.42 + _ROW * (row + 0.35)) / height
        place, at = chart.get_xaxis_transform(), _day(mark.at)
        thin: Any = {"color": colour, "linewidth": 0.9, "linestyle": (0, (1, 2.5)), "zorder": 1}
        chart.plot([at, at], [y, 1], transform=place, clip_on=False, **thin)
        chart.plot([at], [y], marker=symbol, markersize=7, color=colour, markeredgecolor="white", transform=place, clip_on=False)
        chart.annotate(
            _said(mark),
            (at, y),
            (8, 0),
            xycoords=place,
            textcoords="offset points",
            va="center",
            size=9,
            color=_INK,
            annotation_clip=False,
            bbox=_PLATE,
        )

"""A picture of a dashboard, near enough to Grafana's to be looked at: the same panels at the same
places, with the thresholds, words, units and marks of their JSON.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tests.render.panels.board import Asker, Series

_COLOURS = {"green": "#73bf69", "red": "#f2495c", "orange": "#ff9830", "blue": "#5794f2", "purple": "#b877d9", "text": "#ccccdc"}
_PAPER, _PANEL, _INK, _FAINT = "#111217", "#181b1f", "#ccccdc", "#2c3235"
_PALETTE = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#c4162a")
_COLUMN, _ROW, _GAP = 0.58, 0.36, 0.08  # inches
Marks = Sequence[tuple[float, str]]


def draw(board: Mapping[str, Any], asker: Asker, file: Path, model: str = "") -> None:
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    figure = Figure(figsize=(24 * _COLUMN, height * _ROW + 0.5), dpi=75, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    figure.text(0.005, 1 - 0.25 / (height * _ROW + 0.5), f"{board['title']}  {model}", color=_INK, fontsize=13, va="center")
    marks = [mark for each in board["annotations"].get("list", []) for mark in _marks(each, asker, model)]
    for panel in board["panels"]:
        axes = _axes(figure, panel, height)
        _DRAWN[panel["type"]](axes, panel, asker.series(panel, model), marks if panel["type"] == "timeseries" else [])
    figure.savefig(file)


def said(panel: Mapping[str, Any], value: float) -> tuple[str, str]:
    """The text of a value and its colour, by the panel's words, unit and thresholds."""
    defaults = panel["fieldConfig"]["defaults"]
    for mapping in defaults.get("mappings", []):
        found = mapping["options"].get(f"{value:g}")
        if found is not None:
            return found["text"], _COLOURS.get(found["color"], found["color"])
    colour = _INK
    for step in defaults.get("thresholds", {}).get("steps", []):
        if step["value"] is None or value >= step["value"]:
            colour = _COLOURS[step["color"]]
    return unit(defaults.get("unit", "short"), value), colour


def unit(name: str, value: float) -> str:
    if name == "dateTimeAsIso":
        return f"{datetime.fromtimestamp(value / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    if name == "s" and not value:
        return "0 s"
    if name == "s":
        for size, letter in ((86400, "days"), (3600, "hours"), (60, "mins"), (1, "s")):
            if value >= size:
                return f"{value / size:.3g} {letter}"
        return f"{value * 1000:.3g} ms"
    scale, mark = {"percentunit": (100, "%"), "percent": (1, "%"), "reqps": (1, " req/s"), "d": (1, " days")}.get(name, (1, ""))
    if name == "short" and abs(value) >= 1000:
        scale, mark = 0.001, " K"
    return f"{value * scale:.3g}{mark}"


def _marks(annotation: Mapping[str, Any], asker: Asker, model: str) -> list[tuple[float, str]]:
    """Moments and titles; as in Grafana, a value that is a time is in milliseconds."""
    assert annotation["useValueForTime"]
    title = annotation["titleFormat"]
    ended = {
        (value / 1000, title.replace("{{outcome}}", labels["outcome"]))
        for labels, points in asker.course(annotation["target"]["expr"], model)
        for _, value in points
    }
    return sorted(mark for mark in ended if asker.start.timestamp() <= mark[0] <= asker.end.timestamp())


def _axes(figure: Figure, panel: Mapping[str, Any], height: int) -> Axes:
    place = panel["gridPos"]
    whole = height * _ROW + 0.5
    inside = (0.55, 0.55, 0.2, 0.45) if panel["type"] == "timeseries" else (0.1, 0.3, 0.1, 0.45)
    if panel["type"] == "state-timeline":
        inside = (0.9, 0.4, 0.2, 0.45)
    left, top = place["x"] * _COLUMN + _GAP, place["y"] * _ROW + 0.5 + _GAP
    width, tall = place["w"] * _COLUMN - 2 * _GAP, place["h"] * _ROW - 2 * _GAP
    frame = figure.add_axes((left / (24 * _COLUMN), 1 - (top + tall) / whole, width / (24 * _COLUMN), tall / whole), facecolor=_PANEL)
    frame.set(xticks=[], yticks=[])
    frame.text(0.1 / width, 1 - 0.16 / tall, panel["title"], color=_INK, fontsize=9, va="center", transform=frame.transAxes)
    axes = figure.add_axes(
        (
            (left + inside[0]) / (24 * _COLUMN),
            1 - (top + tall - inside[1]) / whole,
            (width - inside[0] - inside[2]) / (24 * _COLUMN),
            (tall - inside[1] - inside[3]) / whole,
        ),
        facecolor=_PANEL,
    )
    axes.tick_params(colors=_INK, labelsize=7, length=0)
    for spine in (*axes.spines.values(), *frame.spines.values()):
        spine.set_color(_FAINT)
    return axes


def _nothing(axes: Axes, panel: Mapping[str, Any]) -> None:
    axes.set(xticks=[], yticks=[])
    text = panel["fieldConfig"]["defaults"].get("noValue", "No data")
    axes.text(0.5, 0.5, text, color=_INK, fontsize=10, ha="center", va="center", transform=axes.transAxes)


def _lines(axes: Axes, panel: Mapping[str, Any], series: Sequence[Series], marks: Marks) -> None:
    if not series:
        return _nothing(axes, panel)
    defaults = panel["fieldConfig"]["defaults"]
    for number, each in enumerate(series):
        moments = [datetime.fromtimestamp(at, UTC) for at, _ in each.points]
        axes.plot(moments, [value for _, value in each.points], color=_PALETTE[number % 8], lw=1.5, label=each.name)  # type: ignore[arg-type]
    if defaults.get("custom", {}).get("thresholdsStyle", {}).get("mode") == "dashed":
        for step in defaults["thresholds"]["steps"]:
            if step["value"] is not None:
                axes.axhline(step["value"], color=_COLOURS[step["color"]], ls="--", lw=1)
    for at, _ in marks:
        moment = datetime.fromtimestamp(at, UTC)
        axes.axvline(moment, color=_COLOURS["purple"], ls="--", lw=1)  # type: ignore[arg-type]
        axes.plot([moment], [0], color=_COLOURS["purple"], marker="^", ms=5, transform=axes.get_xaxis_transform(), clip_on=False)  # type: ignore[list-item]
    axes.grid(color=_FAINT, lw=0.5)
    axes.set_ylim(bottom=defaults.get("min"))
    locator = AutoDateLocator(maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: unit(defaults.get("unit", "short"), value)))
    axes.xaxis.get_offset_text().set_color(_INK)
    if panel["options"]["legend"]["showLegend"]:
        axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.14), ncols=6, fontsize=7, frameon=False, labelcolor=_INK)
    return None


def _number(axes: Axes, panel: Mapping[str, Any], series: Sequence[Series], _marks: Marks) -> None:
    if not series:
        return _nothing(axes, panel)
    text, colour = said(panel, series[0].last)
    axes.set(xticks=[], yticks=[], facecolor=colour)
    axes.text(0.5, 0.5, text, color="white", fontsize=17, ha="center", va="center", transform=axes.transAxes)
    return None


def _states(axes: Axes, panel: Mapping[str, Any], series: Sequence[Series], _marks: Marks) -> None:
    if not series:
        return _nothing(axes, panel)
    for row, each in enumerate(series):
        for (at, value), (until, _) in pairwise((*each.points, (2 * each.points[-1][0] - each.points[-2][0], 0.0))):
            axes.barh(row, until - at, left=at, height=0.8, color=said(panel, value)[1])
        changes = [each.points[0], *(late for early, late in pairwise(each.points) if late[1] != early[1])]
        for at, value in changes:
            axes.text(at, row, f" {said(panel, value)[0]}", color="white", fontsize=8, va="center")
    axes.set_yticks(range(len(series)), [each.name for each in series])
    axes.set_xticks([])
    axes.invert_yaxis()
    return None


def _table(axes: Axes, panel: Mapping[str, Any], series: Sequence[Series], _marks: Marks) -> None:
    if not series:
        return _nothing(axes, panel)
    axes.set(xticks=[], yticks=[])
    rows = table(panel, series)
    drawn = axes.table([[*row.values()] for row in rows], colLabels=[*rows[0]], loc="upper center", cellLoc="left", edges="B")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    for cell in drawn.get_celld().values():
        cell.get_text().set_color(_INK)
        cell.set_edgecolor(_FAINT)
    return None


def table(panel: Mapping[str, Any], series: Sequence[Series]) -> list[dict[str, str]]:
    """The rows of a table by their headings, after the panel's transformations and overrides."""
    organized = panel["transformations"][0]["options"]
    by_heading = {each["matcher"]["options"]: each["properties"] for each in panel["fieldConfig"]["overrides"]}
    rows: list[dict[str, str]] = []
    (sort,) = panel["transformations"][1]["options"]["sort"]
    for each in sorted(series, key=lambda one: one.last, reverse=sort["desc"]):
        row = {}
        for name in sorted(organized["indexByName"], key=organized["indexByName"].__getitem__):
            heading = organized["renameByName"].get(name, name)
            units = [each["value"] for each in by_heading.get(heading, []) if each["id"] == "unit"]
            row[heading] = unit(units[0] if units else "short", each.last) if name == "Value" else each.labels[name]
        rows.append(row)
    return rows


_DRAWN = {"timeseries": _lines, "stat": _number, "state-timeline": _states, "table": _table}

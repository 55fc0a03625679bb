"""Small pictures of one column in both windows: filled grey is the reference, the coloured outline
is the current window.
"""

from markupsafe import Markup

from modelmedic.steps.reporting.pictures.svg import Scale, line, path, picture, rect, tag, text, ticks, tip
from modelmedic.steps.reporting.pictures.text import MINUS, number, percent, plain, short
from modelmedic.steps.reporting.pictures.values import Bins, CodeShare, ColumnComparison

_WIDTH, _HEIGHT = 290.0, 150.0
_ROW = 24.0


def distribution(drawn: ColumnComparison) -> Markup | None:
    """The drawing; None for a column of which nothing can be drawn, such as one that is missing."""
    if drawn.bins is not None:
        return _histogram(drawn, drawn.bins)
    return _bars(drawn, drawn.codes) if drawn.codes else None


def _histogram(drawn: ColumnComparison, bins: Bins) -> Markup:
    left, right, top, bottom = 42.0, 8.0, 8.0, 30.0  # room for 100 %
    x = Scale(bins.edges[0], bins.edges[-1], left, _WIDTH - right)
    y = Scale(0.0, 1.12 * max(*bins.reference, *bins.current, 1e-9), _HEIGHT - bottom, top)
    parts = [tag("g", *_share_axis(y, left), class_="axis")]
    parts.append(path(_stairs(bins.edges, bins.reference, x, y), "ref-area", closed=True))
    parts.append(path(_stairs(bins.edges, bins.current, x, y), "cur-line"))
    if drawn.middles:
        parts += [_middle(x, y, value, which) for value, which in zip(drawn.middles, ("ref", "cur"), strict=True)]
    parts.append(line(left, y.start, _WIDTH - right, y.start, "base"))
    for value in ticks(bins.edges[0], bins.edges[-1], 5):
        parts.append(text(x(value), _HEIGHT - 6, plain(value), "tick", "middle"))
    label = f"{short(drawn.column)}: share of rows over the column's values, reference against current window"
    return picture(_WIDTH, _HEIGHT, label, parts)


def _share_axis(y: Scale, left: float) -> list[Markup]:
    marks: list[Markup] = []
    for value in ticks(0.0, y.high, 3)[1:]:
        marks += [
            line(left, y(value), _WIDTH - 8, y(value), "grid"),
            text(left - 5, y(value) + 3.5, f"{plain(100 * value)} %", "tick", "end"),
        ]
    return marks


def _stairs(edges: tuple[float, ...], shares: tuple[float, ...], x: Scale, y: Scale) -> list[tuple[float, float]]:
    points = [(x(edges[0]), y(0.0))]
    for low, high, share in zip(edges[:-1], edges[1:], shares, strict=True):
        points += [(x(low), y(share)), (x(high), y(share))]
    return [*points, (x(edges[-1]), y(0.0))]


def _middle(x: Scale, y: Scale, value: float, which: str) -> Markup:
    said = f"median of the {'reference' if which == 'ref' else 'current'} window: {number(value)}"
    at = x(value)
    return tag("path", tip(said), d=f"M{at:.1f} {y.start:.1f} l-4.5 7.5 h9z", class_=f"{which}-mark")


def _bars(drawn: ColumnComparison, codes: tuple[CodeShare, ...]) -> Markup:
    left, right, top = 92.0, 52.0, 4.0
    most = max(max(code.reference, code.current) for code in codes) or 1.0
    x = Scale(0.0, most, left, _WIDTH - right)
    parts: list[Markup] = []
    for index, code in enumerate(codes):
        y = top + index * _ROW
        said = f"{code.label}: {percent(code.reference)} of the reference, {percent(code.current)} of the current window"
        parts += [
            text(left - 6, y + 13.5, short(code.label, 13), "tick-strong", "end"),
            rect(left, y + 2, x(code.reference) - left, 8, "ref-bar", tip(said)),
            rect(left, y + 11, x(code.current) - left, 8, "cur-bar", tip(said)),
            text(_WIDTH - 2, y + 14, _difference(code), "tick", "end"),
        ]
    height = top + len(codes) * _ROW + 4
    parts.append(line(left, top, left, height - 4, "base"))
    return picture(_WIDTH, height, f"{short(drawn.column)}: share of rows per value, reference against current window", parts)


def _difference(code: CodeShare) -> str:
    points = 100 * (code.current - code.reference)
    return "±0" if abs(points) < 0.05 else f"{points:+.1f}".replace("-", MINUS) + " pp"

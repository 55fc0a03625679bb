"""Losses of several models on the same rows, as curves over time with their names at the ends;
called by losses.py and ablation.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from modelmedic.steps.reporting.pictures.svg import Scale, circle, days, line, path, picture, tag, text, ticks, tip
from modelmedic.steps.reporting.pictures.text import number

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 900.0, 190.0, 56.0, 168.0, 22.0, 24.0
_APART = 16.0  # between the names of two curves


@dataclass(frozen=True, slots=True)
class Curve:
    """One model's losses, one for each start; `line` and `dot` are classes of the style sheet, and
    without a dot no places are marked.
    """

    name: str
    values: tuple[float, ...]
    line: str
    dot: str = ""


def curves(starts: Sequence[datetime], drawn: Sequence[Curve], tips: Sequence[str], axis: str, label: str) -> Markup | None:
    """The curves, the later ones above; `tips` are told where the mouse rests on a start. None for
    fewer than two starts or no curve.
    """
    if len(starts) < 2 or not drawn:
        return None
    start, end = starts[0], starts[-1]
    x = Scale(0.0, (end - start).total_seconds(), _LEFT, _WIDTH - _RIGHT)
    values = [value for curve in drawn for value in curve.values]
    y = Scale(min(values), max(values) or 1.0, _HEIGHT - _BOTTOM, _TOP)
    places = [x((moment - start).total_seconds()) for moment in starts]
    parts = [text(_LEFT, _TOP - 8, axis, "axis-name")]
    for value in ticks(y.low, y.high, 4):
        parts += [line(_LEFT, y(value), _WIDTH - _RIGHT, y(value), "grid"), text(_LEFT - 6, y(value) + 4, number(value), "tick", "end")]
    for moment in days(start, end, 10):
        parts.append(text(x((moment - start).total_seconds()), _HEIGHT - 6, f"{moment:%d %b}", "tick", "middle"))
    parts += [path(zip(places, map(y, curve.values), strict=True), curve.line) for curve in drawn]
    for number_of, (place, said) in enumerate(zip(places, tips, strict=True)):
        dots = [circle(place, y(curve.values[number_of]), 2.4, curve.dot) for curve in drawn if curve.dot]
        parts.append(tag("g", tip(said), *dots))
    for at, curve in _ends(drawn, y):
        parts.append(path([(_WIDTH - _RIGHT + 8, at), (_WIDTH - _RIGHT + 22, at)], curve.line))
        parts.append(text(_WIDTH - _RIGHT + 27, at + 4, curve.name, "tick-strong"))
    return picture(_WIDTH, _HEIGHT, label, parts)


def _ends(drawn: Sequence[Curve], y: Scale) -> list[tuple[float, Curve]]:
    """The place of each curve's name: at the end of its curve, or as far below the one before that
    both can be read; the lowest one stays inside of the picture.
    """
    ends = sorted(drawn, key=lambda curve: y(curve.values[-1]))
    places: list[float] = []
    for curve in ends:
        places.append(max(y(curve.values[-1]), places[-1] + _APART) if places else y(curve.values[-1]))
    lift = max(places[-1] - (_HEIGHT - 4), 0.0)
    return [(place - lift, curve) for place, curve in zip(places, ends, strict=True)]

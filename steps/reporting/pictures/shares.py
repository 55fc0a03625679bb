"""The challenger's share of the traffic over time, as stairs."""

import itertools
from collections.abc import Sequence
from datetime import timedelta

from markupsafe import Markup

from modelmedic.steps.contracts.results import CanaryStep
from modelmedic.steps.reporting.pictures.svg import Scale, circle, line, path, picture, tag, text, tip
from modelmedic.steps.reporting.pictures.text import short

_WIDTH, _HEIGHT = 760.0, 204.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 28.0, 22.0, 44.0


def shares(steps: Sequence[CanaryStep], ended: int | None) -> Markup | None:
    """`ended` is the share after the last step, 100 or 0; None when it is not known. Steps without
    a time are spread evenly.
    """
    if not steps:
        return None
    x, ticks = _times(steps)
    y = Scale(0.0, 100.0, _HEIGHT - _BOTTOM, _TOP)
    parts: list[Markup] = []
    for value in (0, 25, 50, 75, 100):
        parts += [line(_LEFT, y(value), _WIDTH - _RIGHT, y(value), "grid"), text(_LEFT - 6, y(value) + 4, f"{value} %", "tick", "end")]
    corners = _stairs(steps, ended, x, y)
    parts += [path([*corners, (corners[-1][0], y(0)), (corners[0][0], y(0))], "share-area", closed=True), path(corners, "share-line")]
    parts += [_judged(step, place, y) for step, place in zip(steps, x, strict=True)]
    parts += [text(at, _HEIGHT - 26, label, "tick", "middle") for at, label in ticks]
    parts.append(text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 5, "when each share was judged (UTC)", "axis-name", "middle"))
    return picture(_WIDTH, _HEIGHT, f"share of the traffic: {', '.join(f'{step.share} %' for step in steps)}, then {ended} %", parts)


def _times(steps: Sequence[CanaryStep]) -> tuple[list[float], list[tuple[float, str]]]:
    """The place of each judgement: on a true scale of time, or evenly spread where two would
    overlap; and the labels beneath.
    """
    room = (_WIDTH - _RIGHT - _LEFT) / (len(steps) + 1)
    places = [_LEFT + (index + 1) * room for index in range(len(steps))]
    moments = [step.at for step in steps]
    if all(moments):
        first, last = min(m for m in moments if m), max(m for m in moments if m)
        if last > first:
            true = [_LEFT + room + (m - first) / (last - first) * room * (len(steps) - 1) for m in moments if m]
            if all(b - a >= 70 for a, b in itertools.pairwise(true)):
                places = true
    far = any(m and moments[0] and abs(m - moments[0]) >= timedelta(days=1) for m in moments)
    form = "%-d %b %H:%M" if far else "%H:%M:%S"
    return places, [(place, f"{m:{form}}") for place, m in zip(places, moments, strict=True) if m]


def _stairs(steps: Sequence[CanaryStep], ended: int | None, x: list[float], y: Scale) -> list[tuple[float, float]]:
    """The corners of the stairs: a share lasts from the judgement before to its own."""
    corners = [(_LEFT, y(steps[0].share))]
    for index, step in enumerate(steps):
        following = steps[index + 1].share if index + 1 < len(steps) else ended
        corners.append((x[index], y(step.share)))
        if following is not None:
            corners.append((x[index], y(following)))
    return [*corners, (_WIDTH - _RIGHT, corners[-1][1])] if ended is not None else corners


def _judged(step: CanaryStep, x: float, y: Scale) -> Markup:
    good = step.verdict == "pass"
    at = y(step.share)
    mark = circle(x, at, 5, "good-dot") if good else tag("path", d=f"M{x - 5:.1f} {at - 5:.1f} l10 10 m0 -10 l-10 10", class_="bad-cross")
    label = "dark" if step.share == 0 else f"{step.share} %"
    return tag("g", tip(short(step.sentence, 200)), mark, text(x - 9, at - 9, f"{label} {'✓' if good else '✕'}", "tick-strong", "end"))

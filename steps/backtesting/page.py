"""The HTML page of a backtest: the metric of each way as a line over time, the deeds beneath it,
and the tables.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from markupsafe import Markup

from modelmedic.steps.backtesting.result import (
    ANY_DRIFT,
    EVERY_WINDOW,
    FROZEN,
    HINDSIGHT,
    POLICY,
    RULE_OF_THUMB,
    WEEKLY,
    Backtest,
    Deed,
    WayLine,
)
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.reporting.pictures import ageing
from modelmedic.steps.reporting.pictures.svg import Scale, circle, days, line, path, picture, rect, tag, text, ticks, tip
from modelmedic.steps.reporting.pictures.text import MINUS, NOTHING, number, plain, short, words
from modelmedic.steps.reporting.render import fragment, render

_WIDTH, _LEFT, _RIGHT, _TOP, _HEIGHT = 900.0, 56.0, 168.0, 12.0, 270.0
_ROW = 20.0  # of the lanes beneath the chart
_NAME = 14.0  # the height of a line's name
_MARKS = {"retrained": "▲", "healed": "▲", "rolled_back": "◀", "quarantined": "■", "rejected": "✕", "withdrawn": "✕", "escalated": "◆"}
_LANES = (EVERY_WINDOW, RULE_OF_THUMB, ANY_DRIFT, POLICY, HINDSIGHT)  # weekly marks would be a line
_STYLES = {
    FROZEN: "way-frozen",
    WEEKLY: "way-weekly",
    EVERY_WINDOW: "way-window",
    RULE_OF_THUMB: "way-rule",
    ANY_DRIFT: "way-drift",
    POLICY: "way-policy",
    HINDSIGHT: "way-hindsight",
}
_THEIRS = {FROZEN: "the frozen model", RULE_OF_THUMB: "a rule of thumb"}
At = Callable[[datetime], float]  # from a moment to its place in the picture
_NOTABLE = 60  # deeds of the policy in the list


def backtest_page(found: Backtest) -> str:
    """One HTML file without scripts."""
    policy = found.played(POLICY)
    deeds = policy.deeds if policy is not None else ()
    notable = [deed for deed in deeds if deed.kind != "no_action"]
    return render(
        "backtest.html.j2",
        title=short(f"modelmedic: {found.model} replayed", 120),
        found=found,
        metric=_said(found.metric),
        loss=_said(found.loss),
        better="higher" if found.higher else "lower",
        sentence=_sentence(found),
        drawing=drawing(found),
        rows=[_row(found, index, window) for index, window in enumerate(found.windows)],
        deeds=notable[:_NOTABLE],
        more=max(len(notable) - _NOTABLE, 0),
        silent=len(deeds) - len(notable),
        causes=sorted(policy.causes.items(), key=lambda pair: -pair[1]) if policy is not None else (),
        shared=any(each.share is not None for each in found.lines),
        won=_won,
        ageing=ageing.ageing(found.ageing) if found.ageing is not None else None,
        aged=ageing.sentence(found.ageing) if found.ageing is not None else "",
    )


def backtest_fragment(found: Backtest) -> str:
    """The picture and the sums for a notebook."""
    return fragment(
        "notebook_backtest.html.j2",
        found=found,
        metric=_said(found.metric),
        sentence=_sentence(found),
        drawing=drawing(found),
        shared=any(each.share is not None for each in found.lines),
    )


def drawing(found: Backtest) -> Markup:
    """A line over time for each way, and lanes of deeds; the spans that the policy set aside are
    shaded.
    """
    start, end = found.windows[0].start, found.windows[-1].end
    known = [score for each in found.lines for score in each.scores if score is not None] or [0.0, 1.0]
    room = 0.06 * ((max(known) - min(known)) or 1.0)
    x = Scale(0.0, (end - start).total_seconds(), _LEFT, _WIDTH - _RIGHT)
    y = Scale(min(known) - room, max(known) + room, _HEIGHT, _TOP)

    def at(moment: datetime) -> float:
        return x((moment - start).total_seconds())

    policy, lanes = found.played(POLICY), [each for each in found.lines if each.name in _LANES]
    parts = [*_aside(policy.deeds if policy is not None else (), at, end), *_axes(y, start, end, at)]
    for each in found.lines:
        parts += _curve(each, found.windows, at, y)
    parts += _names(found.lines, y)
    height = _HEIGHT + 26 + _ROW * len(lanes) + 8
    for index, each in enumerate(lanes):
        parts += _lane(each, _HEIGHT + 40 + index * _ROW, at)
    return picture(_WIDTH, height, f"{_said(found.metric)} of {found.model} in {len(found.lines)} ways of running it", parts)


def _sentence(found: Backtest) -> str:
    """One sentence: the policy beside the best of the other ways that could have been run."""
    policy = found.played(POLICY)
    others = [each for each in found.lines if each.name not in (POLICY, HINDSIGHT) and each.mean is not None]
    if policy is None:
        return "The policy itself was not played."
    if policy.mean is None or not others:
        return "No window has enough labels for a comparison."
    best = (max if found.higher else min)(others, key=lambda each: each.mean or 0.0)
    ours = f"This policy has a mean {_said(found.metric)} of {number(policy.mean, 4)} with {_trainings(policy)}"
    theirs = _THEIRS.get(best.name, f"to {best.title}")
    share = f" It won {number(policy.share)} of what hindsight could." if policy.share is not None else ""
    return f"{ours}; the best of the others is {theirs}, with {number(best.mean, 4)} and {_trainings(best)}.{share}"


def _said(metric: str) -> str:
    return metric.upper() if metric in ("auc", "rmse", "mae") else words(metric)


def _won(gain: float | None) -> str:
    """A share of the frozen model's loss as signed per cent."""
    return NOTHING if gain is None else f"{100 * gain:+.1f} %".replace("-", MINUS)


def _trainings(each: WayLine) -> str:
    return f"{each.counts.retrains} training{'' if each.counts.retrains == 1 else 's'}"


def _row(found: Backtest, index: int, window: Window) -> dict[str, object]:
    scores = [each.scores[index] for each in found.lines]
    known = [score for score in scores if score is not None]
    best = (max if found.higher else min)(known) if len(set(known)) > 1 else None
    cells = [{"value": number(score, 4), "best": score is not None and score == best} for score in scores]
    return {"window": f"{window.start:%Y-%m-%d}", "rows": found.rows[index], "cells": cells}


def _axes(y: Scale, start: datetime, end: datetime, at: At) -> Iterator[Markup]:
    for value in ticks(y.low, y.high, 6):
        yield line(_LEFT, y(value), _WIDTH - _RIGHT, y(value), "grid")
        yield text(_LEFT - 6, y(value) + 4, plain(value), "tick", "end")
    for moment in days(start, end, 12):
        yield line(at(moment), _HEIGHT, at(moment), _HEIGHT + 4, "base")
        yield text(at(moment), _HEIGHT + 16, f"{moment:%d %b}" if (end - start).days < 400 else f"{moment:%b %Y}", "tick", "middle")


def _curve(each: WayLine, windows: Sequence[Window], at: At, y: Scale) -> Iterator[Markup]:
    points = [
        (at(window.start + window.length / 2), y(score), score, window)
        for window, score in zip(windows, each.scores, strict=True)
        if score is not None
    ]
    style = _STYLES[each.name]
    if len(points) > 1:
        yield path([(a, b) for a, b, _, _ in points], style)
    for a, b, score, window in points:
        yield tag("g", tip(f"{each.title}, {window.start:%d %b %Y}: {number(score, 4)}"), circle(a, b, 3.0, f"{style}-dot"))


def _names(lines: Sequence[WayLine], y: Scale) -> Iterator[Markup]:
    """The name of each line at its end, none over another and none below the chart."""
    lasts = [(next((score for score in reversed(each.scores) if score is not None), None), each) for each in lines]
    ends = sorted(((y(last), each) for last, each in lasts if last is not None), key=lambda pair: pair[0])
    height = -1e9
    for number_below, (place, each) in zip(range(len(ends) - 1, -1, -1), ends, strict=True):
        height = max(min(place, _HEIGHT - _NAME * number_below), height + _NAME)
        yield text(_WIDTH - _RIGHT + 10, height + 4, each.title, f"{_STYLES[each.name]}-name")


def _lane(each: WayLine, height: float, at: At) -> Iterator[Markup]:
    yield text(_WIDTH - _RIGHT + 10, height + 4, each.title, f"{_STYLES[each.name]}-name")
    yield line(_LEFT, height, _WIDTH - _RIGHT, height, "grid")
    for deed in each.deeds:
        if deed.kind in _MARKS:
            said = tip(f"{deed.at:%d %b %Y}, {words(deed.kind)}: {deed.sentence}")
            yield tag("g", said, text(at(deed.at), height + 4, _MARKS[deed.kind], f"mark-{deed.kind}", "middle"))


def _aside(deeds: Sequence[Deed], at: At, end: datetime) -> Iterator[Markup]:
    for deed in deeds:
        if deed.window is not None:
            left, right = at(deed.window.start), at(min(deed.window.end, end))
            yield rect(left, _TOP, right - left, _HEIGHT - _TOP, "set-aside", tip(f"set aside: {deed.sentence}"))

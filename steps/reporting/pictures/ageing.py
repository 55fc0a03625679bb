"""The ageing of a model over time: what its age has cost since each training, rising to the price
of one, the interval that follows, and what each training won.

Amounts are in %-days, per cent of the loss times days: 100 of them are 1 % of the loss for 100
days. Called by the page of a backtest and by the pages of a model.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from markupsafe import Markup

from modelmedic.steps.reporting.pictures.svg import Scale, circle, days, line, path, picture, rect, tag, text, ticks, tip
from modelmedic.steps.reporting.pictures.text import day, number, plain, short

_WIDTH, _LEFT, _RIGHT = 900.0, 56.0, 168.0
_TOP, _COST, _WON, _INTERVAL, _GAP, _BOTTOM = 20.0, 160.0, 90.0, 56.0, 34.0, 24.0
_BAR = 7.0
_BEYOND = 6.0  # times what the loop measured, or the price: what turned out dearer is cut off
At = Callable[[datetime], float]  # from a moment to its place in the picture


@dataclass(frozen=True, slots=True)
class AgePoint:
    """One look. `paid` is what age has cost since the last training, in %-days; `ageing` and its
    standard `error` are in per cent of the loss a day of age, `interval` is in days.
    """

    at: datetime
    paid: float
    ageing: float | None = None
    error: float | None = None
    interval: float | None = None


@dataclass(frozen=True, slots=True)
class TrainingMark:
    """A training whose model served from `at` on. `won` is what it spared until the next one, in
    %-days; `before` and `after` are the losses of the version before and of its own on these rows.
    """

    at: datetime
    version: str
    won: float | None = None
    before: float | None = None
    after: float | None = None


@dataclass(frozen=True, slots=True)
class AgeingCurve:
    """The looks and the trainings of a model from `start` to `end`; `price` is that of a training.
    `known` are the same costs as they turned out to be, where a replay can tell.
    """

    start: datetime
    end: datetime
    price: float
    points: tuple[AgePoint, ...] = ()
    trainings: tuple[TrainingMark, ...] = ()
    known: tuple[AgePoint, ...] = ()


def ageing(curve: AgeingCurve) -> Markup | None:
    """The drawing; None where nobody looked twice."""
    drawn = curve.points or curve.known
    if len(drawn) < 2 or curve.end <= curve.start:
        return None
    x = Scale(0.0, (curve.end - curve.start).total_seconds(), _LEFT, _WIDTH - _RIGHT)

    def at(moment: datetime) -> float:
        return x((moment - curve.start).total_seconds())

    height = _TOP + _COST
    parts = [*_costs(curve, at, height)]
    if any(each.won is not None for each in curve.trainings):
        parts += _won(curve, at, height + _GAP)
        height += _GAP + _WON
    if any(each.interval is not None for each in drawn):
        parts += _intervals(drawn, at, height + _GAP)
        height += _GAP + _INTERVAL
    for moment in days(curve.start, curve.end, 12):
        parts.append(text(at(moment), height + 16, _date(moment, curve), "tick", "middle"))
    return picture(_WIDTH, height + _BOTTOM, sentence(curve), parts)


def sentence(curve: AgeingCurve) -> str:
    """The picture in one sentence."""
    won = [each.won for each in curve.trainings if each.won is not None]
    count = len(curve.trainings)
    trained = f"{count} training{'' if count == 1 else 's'} from {day(curve.start)} to {day(curve.end)}"
    paid = f" won {number(sum(won))} %-days of the loss for a price of {number(curve.price * len(won))}" if won else ""
    last = next((each for each in reversed(curve.points or curve.known) if each.ageing is not None), None)
    if last is None or last.ageing is None:
        return f"{trained}{paid}."
    error = f" ± {plain(round(last.error, 3))}" if last.error is not None else ""
    every = f", so a training pays every {last.interval:.0f} days" if last.interval is not None else ""
    return f"{trained}{paid}. The model ages by {plain(round(last.ageing, 3))}{error} % of its loss a day{every}."


def _date(moment: datetime, curve: AgeingCurve) -> str:
    return f"{moment:%d %b}" if (curve.end - curve.start).days < 400 else f"{moment:%b %Y}"


def _costs(curve: AgeingCurve, at: At, bottom: float) -> Iterator[Markup]:
    """What age has cost, falling to nothing at each training."""
    main, other = (curve.points, curve.known) if curve.points else (curve.known, ())
    most = max([curve.price, *(each.paid for each in main)]) or 1.0
    least, highest = min(0.0, *(each.paid for each in (*main, *other))), max([0.0, *(each.paid for each in other)])
    y = Scale(max(least, -_BEYOND * most), 1.08 * max(most, min(highest, _BEYOND * most)), bottom, _TOP)
    yield from _axis(y, "what its age has cost since it was trained, %-days", _TOP - 8)
    yield line(_LEFT, y(curve.price), _WIDTH - _RIGHT, y(curve.price), "limit")
    yield text(_WIDTH - _RIGHT + 10, y(curve.price) + 4, f"a training: {number(curve.price)}", "tick-strong")
    for run in _runs(other, curve):
        yield from _turned_out(run, at, y)
    for run in _runs(main, curve):
        corners = [(at(each.at), y(each.paid)) for each in run]
        yield path([(corners[0][0], y(0.0)), *corners, (corners[-1][0], y(0.0))], "share-area", closed=True)
        yield path(corners, "age-line")
    for each in main:
        yield tag("g", tip(_look(each)), circle(at(each.at), y(each.paid), 2.4, "age-dot"))
    for training in curve.trainings:
        yield line(at(training.at), _TOP, at(training.at), bottom, "age-training")
        yield tag("g", tip(_training(training, curve.price)), text(at(training.at), bottom + 12, "▲", "mark-retrained", "middle"))


def _turned_out(run: Sequence[AgePoint], at: At, y: Scale) -> Iterator[Markup]:
    """The cost as it turned out; where it leaves the picture, its height is written instead."""
    outside = next((index for index, each in enumerate(run) if each.paid > y.high), None)
    shown = run if outside is None else run[: outside + 1]
    yield path([(at(each.at), y(each.paid)) for each in shown], "age-known")
    if outside is not None:
        yield text(at(run[outside].at), _TOP + 10, f"↑ to {number(max(each.paid for each in run))}", "tick")


def _runs(points: Sequence[AgePoint], curve: AgeingCurve) -> Iterator[list[AgePoint]]:
    """The looks between two trainings, each run beginning with nothing paid."""
    edges = [curve.start, *(each.at for each in curve.trainings), curve.end]
    for start, end in pairwise(edges):
        inside = [each for each in points if start < each.at <= end]
        if inside:
            yield [AgePoint(start, 0.0), *inside]


def _look(each: AgePoint) -> str:
    said = f"{day(each.at)}: its age has cost {number(each.paid)} %-days"
    if each.ageing is not None:
        said += f"; it ages by {plain(round(each.ageing, 3))} % a day"
    return f"{said}; a training pays every {each.interval:.0f} days" if each.interval is not None else said


def _training(training: TrainingMark, price: float) -> str:
    said = f"{day(training.at)}: version {short(training.version)} serves"
    if training.before is not None and training.after is not None:
        said += f"; on the rows that it answered it lost {number(training.after, 4)}, the version before {number(training.before, 4)}"
    return said if training.won is None else f"{said}; it won {number(training.won)} %-days for a price of {number(price)}"


def _won(curve: AgeingCurve, at: At, top: float) -> Iterator[Markup]:
    """A bar for each training: what it won until the next."""
    won = [each.won for each in curve.trainings if each.won is not None]
    y = Scale(min(0.0, *won), 1.1 * max(curve.price, *won), top + _WON, top)
    yield from _axis(y, "what each training won until the next, %-days", top - 8, 3)
    yield line(_LEFT, y(curve.price), _WIDTH - _RIGHT, y(curve.price), "limit")
    for each in curve.trainings:
        if each.won is not None:
            high, low = min(y(each.won), y(0.0)), max(y(each.won), y(0.0))
            style = "won-bar" if each.won >= curve.price else "kept-bar" if each.won >= 0 else "lost-bar"
            yield rect(at(each.at) - _BAR / 2, high, _BAR, max(low - high, 1.0), style, tip(_training(each, curve.price)))
    yield line(_LEFT, y(0.0), _WIDTH - _RIGHT, y(0.0), "base")
    total = sum(won)
    yield text(_WIDTH - _RIGHT + 10, top + 14, f"won {number(total)}", "tick-strong")
    yield text(_WIDTH - _RIGHT + 10, top + 30, f"for {number(curve.price * len(won))}", "tick-strong")


def _intervals(drawn: Sequence[AgePoint], at: At, top: float) -> Iterator[Markup]:
    """The interval that is best by what was measured so far."""
    known = [(each.at, each.interval) for each in drawn if each.interval is not None]
    y = Scale(0.0, 1.1 * max(interval for _, interval in known), top + _INTERVAL, top)
    yield from _axis(y, "days between two trainings that follow from it", top - 8, 2)
    if len(known) > 1:
        yield path([(at(moment), y(interval)) for moment, interval in known], "age-interval")
    yield text(_WIDTH - _RIGHT + 10, y(known[-1][1]) + 4, f"every {known[-1][1]:.0f} days", "tick-strong")


def _axis(y: Scale, name: str, above: float, most: int = 5) -> Iterator[Markup]:
    yield text(_LEFT, above, name, "axis-name")
    for value in ticks(y.low, y.high, most):
        yield line(_LEFT, y(value), _WIDTH - _RIGHT, y(value), "grid")
        yield text(_LEFT - 6, y(value) + 4, number(value), "tick", "end")

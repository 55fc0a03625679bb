"""Broken data as far as counts show it; the verdict checks it before it looks at any distribution.

Every check compares with the reference: a column that was half null stays unremarkable at half
null. A count cannot tell July from a sensor that hangs, winter from another unit, or a holiday from
a wrong code: whatever the calendar or the season can do is left to the diagnosis, which has the
rows and their past, and shows as drift here. So does a fault inside one segment.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from modelmedic.steps.contracts.detection import Problem, ProblemKind
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.detection.units import changed_scale
from modelmedic.steps.core.profiles.profile import Codes, Numbers, Profile
from modelmedic.steps.core.tables.arrays import LARGEST, Floats

LEAST_ROWS = 40
_QUANTILES = np.linspace(0.02, 0.98, 49)
_HOUR = 3600
# Nulls gained by a column that never had any: weather stations of `flights` miss up to 2 % of a
# fortnight's hours at a time. Of one that had some, as yesterday's value in `air`: up to 14 % more.
_LEAST_NULLS = 0.03
_NEVER_NULL = 0.002
_MANY_NULLS = 0.2
_MOST_NEWS = 0.4  # of the rows: the first snow of a year is a fifth of a month's weather in `traffic`
_REPLACED = 0.5  # of the new codes' share, that old codes have to have lost
_CALENDAR = 40  # different values, at most, that a clock or a calendar gives a column


def profile_problems(
    reference: Profile, current: Profile, window: Window | None = None, design: Mapping[str, float] | None = None
) -> tuple[Problem, ...]:
    """All problems, the one that touches most rows first. `window` is the span that the current
    rows were asked for in.

    `design` is each column's design effect: the number of rows in sequence that tell as much as one
    independent row.
    """
    found = list(_schema(current)) if current.rows else []
    if min(reference.rows, current.rows) >= LEAST_ROWS:
        for name, before in reference.columns.items():
            after = current.columns.get(name)
            if after is not None and name not in current.retyped:
                found.extend(_column(name, reference, before, current, after, max((design or {}).get(name, 1.0), 1.0)))
        found.extend(_repeats(reference, current))
        found.extend(_times(reference, current, window))
    return tuple(sorted(found, key=lambda p: (-p.share, p.column or "", p.kind)))


def _schema(current: Profile) -> Iterator[Problem]:
    for name in sorted(current.absent):
        yield Problem(ProblemKind.MISSING_COLUMN, name, f"column {name} is missing from the current window", 1.0)
    for name in sorted(current.retyped):
        yield Problem(ProblemKind.TYPE_CHANGED, name, f"column {name} holds text where the reference has numbers", 1.0)


def _column(
    name: str, reference: Profile, before: Numbers | Codes, current: Profile, after: Numbers | Codes, design: float
) -> Iterator[Problem]:
    was, now = before.nulls / reference.rows, after.nulls / current.rows
    noise = 6 * np.sqrt(max(was * (1 - was), 1 / reference.rows) * (1 / reference.rows + 1 / current.rows) * design)
    if now - was > max(_LEAST_NULLS if was < _NEVER_NULL else max(_MANY_NULLS, 4 * was), noise):
        yield Problem(ProblemKind.NULL_JUMP, name, f"column {name} is {now:.0%} null, was {was:.0%}", now - was)
    if now > 0.98:
        return
    if isinstance(before, Numbers) and isinstance(after, Numbers):
        yield from _numbers(name, before, after, current.rows, design)
    elif isinstance(before, Codes) and isinstance(after, Codes):
        yield from _codes(name, before, after)


def _numbers(name: str, before: Numbers, after: Numbers, rows: int, design: float) -> Iterator[Problem]:
    infinite = after.infinite / rows
    if infinite > 0.001 and not before.infinite:
        yield Problem(ProblemKind.INFINITE, name, f"column {name} is infinite in {infinite:.1%} of the rows", infinite)
    if min(before.known - before.infinite, after.known - after.infinite) < LEAST_ROWS:
        return
    stuck = _stuck_value(before, after)
    if stuck is not None:
        value, share = stuck
        yield Problem(ProblemKind.CONSTANT, name, f"column {name} is stuck at {value:.6g} in {share:.0%} of the rows", share)
        return
    scale = changed_scale(quantiles(before), quantiles(after), min(before.known, after.known) / design)
    if scale:
        yield Problem(ProblemKind.UNIT_CHANGE, name, f"column {name} looks {scale}: a unit has changed", 1.0)


def _stuck_value(before: Numbers, after: Numbers) -> tuple[float, float] | None:
    """A value that suddenly fills a third of a column or more, and the share of rows by which it
    gained.
    """
    if not after.repeated:
        return None
    value = max(after.repeated, key=lambda v: after.repeated[v])
    share, was = after.repeated[value] / after.known, _share_at(before, value)
    many = len(before.points()[0]) > _CALENDAR  # a month is constant in every window of a fortnight
    return (value, share - was) if many and share - was > 0.3 and was < 0.1 else None


def _share_at(numbers: Numbers, value: float) -> float:
    """The share of rows that have the value, at most: the share of its cell."""
    if value in numbers.repeated:
        return numbers.repeated[value] / numbers.known
    if not abs(value) < LARGEST:
        return 0.0
    place = int(np.floor((value - numbers.axis.low) / numbers.axis.width))
    return float(numbers.counts[place] / numbers.known) if 0 <= place < numbers.axis.bins else 0.0


def quantiles(numbers: Numbers) -> Floats:
    """The quantiles from 2 to 98 percent, interpolated inside of the cells."""
    places, counts = numbers.points()
    share = (np.cumsum(counts) - 0.5 * counts) / counts.sum()
    return np.asarray(np.interp(_QUANTILES, share, places))


def _codes(name: str, before: Codes, after: Codes) -> Iterator[Problem]:
    if before.identifier or not before.known or not after.known or not before.counts:
        return
    if after.identifier:
        yield Problem(ProblemKind.UNSEEN_CATEGORIES, name, f"column {name} has thousands of values, had {len(before.counts)}", 1.0)
        return
    new = {value: count for value, count in after.counts.items() if value not in before.counts}
    unseen = sum(new.values()) / after.known
    expected = sum(1 for count in before.counts.values() if count == 1) / before.known  # Good and Turing: the share of values never met
    noise = 6 * np.sqrt(max(expected, 1 / before.known) / after.known)
    if unseen > max(_MOST_NEWS, 2 * expected + noise) and _gone(before, after) > _REPLACED * unseen:
        worst = max(new, key=lambda value: new[value])
        sentence = f"column {name} has values that the reference never had in {unseen:.0%} of the rows, most often {worst!r}"
        yield Problem(ProblemKind.UNSEEN_CATEGORIES, name, sentence, unseen)


def _gone(before: Codes, after: Codes) -> float:
    """The share of the reference's rows whose codes (nearly) vanished: a new code beside the old
    ones is news, in their place it is another spelling.
    """
    shares = ((count / before.known, after.counts.get(value, 0) / after.known) for value, count in before.counts.items())
    return sum(was for was, now in shares if now < 0.1 * was)


def _repeats(reference: Profile, current: Profile) -> Iterator[Problem]:
    """Rows that occur twice, where the columns are so rich that two equal rows are no accident."""
    if len(reference.layout.rich) < 2 or min(sum(reference.prints.values()), sum(current.prints.values())) < LEAST_ROWS:
        return
    was, now = (1 - len(p.prints) / sum(p.prints.values()) for p in (reference, current))
    if now - was > 0.05:
        sentence = f"{now:.0%} of the rows repeat another row, {was:.0%} did in the reference"
        yield Problem(ProblemKind.DUPLICATED_ROWS, None, sentence, now - was)


def _times(reference: Profile, current: Profile, window: Window | None) -> Iterator[Problem]:
    name = reference.layout.time
    if current.span is None or reference.span is None:
        return
    if current.span[0] == current.span[1] and reference.span[0] < reference.span[1] and current.rows >= 100:
        yield Problem(ProblemKind.STALE, name, f"column {name} is the same in every row: its times are stale", 1.0)
    elif window is not None:
        yield from _truncation(reference, current, window)


def _truncation(reference: Profile, current: Profile, window: Window) -> Iterator[Problem]:
    """The end of the window is empty for much longer than the reference ever was, and for at least
    a quarter of the window.
    """
    assert current.span is not None
    silence = (window.end.timestamp() - current.span[1] / 1e6) / _HOUR
    hours = np.array(sorted(reference.hours))
    usual = float(np.diff(hours).max(initial=1))
    length = window.length.total_seconds() / _HOUR
    rate = reference.rows / max(hours[-1] - hours[0] + 1, 1) if len(hours) else 0.0
    if silence > max(0.25 * length, 3 * usual) and rate * silence > 30:
        sentence = (
            f"the window is empty for its last {silence:.0f} of {length:.0f} hours; the reference never paused for more than {usual:.0f}"
        )
        yield Problem(ProblemKind.TRUNCATED, reference.layout.time, sentence, silence / length)

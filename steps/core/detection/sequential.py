"""Sequential detection: the hour at which a quantity has surely left its own past, on all time
scales from an hour to a week at once. Called by steps.detection.sequential at every look.

All quantities together alarm `rate` times a year where nothing happens: each gets a share of the
rate (core.detection.evidence). A sum must stay above its level for two hours with rows, because one
row that is wrong once is no change. After an alarm nothing more is said for a week: what lasts has
become the past by then, and what is slower than some weeks is not seen here but measured as ageing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np

from modelmedic.steps.contracts.detection import SuddenChange
from modelmedic.steps.core.detection.evidence import (
    SCATTER,
    SHARE_SCATTER,
    SIZES,
    learnt_level,
    level_evidence,
    share_evidence,
    stated_level,
    stated_share,
    sums,
)
from modelmedic.steps.core.detection.hours import Hours, is_outcome, is_share
from modelmedic.steps.core.detection.surprise import EXPECTATIONS, PAST, WEEK, steady, surprises
from modelmedic.steps.core.tables.arrays import Floats, Integers, Mask

SILENT: Final = WEEK  # hours after an alarm
_MEMORY = 4  # weeks that a sum reaches back
_LEAST_WEEKS = 4.0  # of known hours before a quantity is watched
_FOR_LEVELS = 0.85  # of the rate; the rest is for shares
_MOST_BLAMED = 5
_LOWEST = -12.0  # a sum is never farther below its level, so that weeks without evidence are alike
_BLAMED = 0.25  # of its level: a quantity that came so far moved as well

Row = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class HourlyWeek:
    """One week of hours, kept between looks. `week` counts weeks since 1970, from Thursday on.

    Rows are counted for the hours before `until`, outcomes for those before `judged_until`, both
    since 1970. `surprise` and `highest` are there once the week is over and its labels are known.
    """

    week: int
    until: int = 0
    judged_until: int = 0
    rows: Row = ()
    totals: Mapping[str, Row] = field(default_factory=dict)
    known: Mapping[str, Row] = field(default_factory=dict)
    surprise: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    highest: Row = ()
    changes: tuple[SuddenChange, ...] = ()


def added(week: HourlyWeek, hours: Hours, names: Sequence[str]) -> HourlyWeek:
    """The week with the sums of these hours' quantities added; hours outside of it are left out.
    Rows are added when `names` hold an input.
    """
    place = hours.first + np.arange(len(hours.rows)) - week.week * WEEK
    inside = (place >= 0) & (place < WEEK)

    def plus(row: Row, values: Floats) -> Row:
        total = np.array(row or np.zeros(WEEK), dtype=np.float64)
        np.add.at(total, place[inside], values[inside])
        return tuple(np.round(total, 6).tolist())

    mine = [name for name in names if name in hours.totals]
    return replace(
        week,
        rows=plus(week.rows, hours.rows) if not all(map(is_outcome, names)) else week.rows,
        totals={**week.totals, **{name: plus(week.totals.get(name, ()), hours.totals[name]) for name in mine}},
        known={**week.known, **{name: plus(week.known.get(name, ()), hours.known[name]) for name in mine}},
    )


def watch(
    weeks: Sequence[HourlyWeek], rate: float, *, since: int, breaks: Sequence[int] = (), aside: Sequence[tuple[int, int]] = ()
) -> tuple[HourlyWeek, ...]:
    """The weeks with what follows from them: surprises and highest sums of weeks that are over, and
    the changes that were seen after the last one, from the hour `since` on.

    `breaks` are hours at which another version began to answer: for a week nothing is said of its
    answers. Hours in `aside` are left out.
    """
    stack = _stacked(weeks, aside)
    if not stack.levels:
        return stack.weeks
    surprise = _surprises(stack)
    answered = np.array([not name.startswith("level:") for name in stack.levels], dtype=bool)
    changed = np.array([each - stack.start for each in breaks if 0 <= each - stack.start < len(stack.rows)], dtype=np.int64)
    tracks = _Tracks(stack, steady(surprise, changed, answered), _muted(stack, changed, answered), rate)
    highest = tracks.highest()
    changes = tracks.changes(since)
    ended = {place for place, each in enumerate(stack.weeks) if each.judged_until >= (each.week + 1) * WEEK}
    sealed = {place for place in ended if len(stack.weeks[place].highest) != highest.shape[1]}
    return tuple(
        replace(
            each,
            surprise=_rows_of(stack, surprise, place) if place in sealed else each.surprise,
            highest=_row(highest[place]) if place in sealed else each.highest,
            changes=each.changes + tuple(c for c in changes if _hour(c.seen) // WEEK == each.week),
        )
        for place, each in enumerate(stack.weeks)
    )


@dataclass(frozen=True)
class _Stack:
    """Consecutive weeks as arrays over their hours: scores, shape (hours, n), counts of shares,
    shape (hours, m), and rows, shape (hours,).
    """

    weeks: tuple[HourlyWeek, ...]
    levels: tuple[str, ...]
    shares: tuple[str, ...]
    values: Floats
    hits: Floats
    rows: Floats

    @property
    def start(self) -> int:
        return self.weeks[0].week * WEEK


def _stacked(weeks: Sequence[HourlyWeek], aside: Sequence[tuple[int, int]]) -> _Stack:
    held = {each.week: each for each in weeks}
    every = tuple(held.get(week, HourlyWeek(week)) for week in range(min(held), max(held) + 1))
    names = sorted({name for each in weeks for name in each.totals})
    levels, shares = tuple(n for n in names if not is_share(n)), tuple(n for n in names if is_share(n))
    rows = _column([each.rows for each in every])
    totals, known, hits = (
        np.stack([_column([part(each).get(name, ()) for each in every]) for name in kind], axis=1) if kind else np.zeros((len(rows), 0))
        for kind, part in ((levels, _totals), (levels, _known), (shares, _totals))
    )
    values = np.divide(totals, known, out=np.full(totals.shape, np.nan), where=known > 0)
    for start, end in aside:
        gone = slice(max(start - every[0].week * WEEK, 0), max(end - every[0].week * WEEK, 0))
        values[gone], hits[gone], rows[gone] = np.nan, 0.0, 0.0
    return _Stack(every, levels, shares, values, hits, rows)


def _totals(week: HourlyWeek) -> Mapping[str, Row]:
    return week.totals


def _known(week: HourlyWeek) -> Mapping[str, Row]:
    return week.known


def _column(rows: Sequence[Row]) -> Floats:
    return np.concatenate([np.array(row or (0.0,) * WEEK, dtype=np.float64) for row in rows])


def _surprises(stack: _Stack) -> Floats:
    """Shape (2, hours, n); those of weeks that are over were kept."""
    found = np.full((EXPECTATIONS, *stack.values.shape), np.nan)
    inputs = np.array([place for place, name in enumerate(stack.levels) if name.startswith("level:")], dtype=np.int64)
    for place, each in enumerate(stack.weeks):
        span = slice(place * WEEK, (place + 1) * WEEK)
        if each.highest and set(stack.levels) <= set(each.surprise):
            kept = [[each.surprise[name][kind] for name in stack.levels] for kind in range(EXPECTATIONS)]
            found[:, span] = np.array(kept, dtype=np.float64).transpose(0, 2, 1)
        else:
            found[:, span] = surprises(stack.values[: span.stop], stack.start, place, inputs, found)
    found[:, ~np.isfinite(stack.values)] = np.nan
    return found


def _muted(stack: _Stack, breaks: Integers, answered: Mask) -> Mask:
    """Hours and quantities of which nothing is said because a version had just begun to answer."""
    muted = np.zeros(stack.values.shape, dtype=bool)
    for hour in breaks:
        muted[hour : hour + SILENT] |= answered
    return muted


class _Tracks:
    """The cumulative sums of one stack: 2 expectations x 2 sides x 5 sizes of each level, two
    kinds of breakage of each share.
    """

    def __init__(self, stack: _Stack, steady_surprise: Floats, muted: Mask, rate: float) -> None:
        self._stack, self._surprise, self._muted, self._rate = stack, steady_surprise, muted, rate
        levels, shares = len(stack.levels), len(stack.shares)
        self._each = _FOR_LEVELS / (EXPECTATIONS * 2 * len(SIZES) ** 0.5 * max(levels, 1))  # neighbouring sizes say nearly the same
        self._other = (1 - _FOR_LEVELS) / (2**0.5 * max(shares, 1))
        self._losses = np.array([name.startswith("loss") for name in stack.levels], dtype=bool)
        self._sums = EXPECTATIONS * 2 * len(SIZES) * levels
        group = np.arange(self._sums // 2).reshape(EXPECTATIONS, 1, len(SIZES), levels)
        group = np.broadcast_to(group, (EXPECTATIONS, 2, len(SIZES), levels))
        self._group = np.concatenate([group.ravel(), self._sums // 2 + np.arange(2 * shares)])
        self._scatter = np.concatenate([np.repeat(SCATTER.ravel(), levels), np.full(2 * shares, SHARE_SCATTER)])
        self._part = np.concatenate([np.full(self._sums // 2, 2 * self._each), np.full(2 * shares, self._other)])
        self._found: dict[int, tuple[Floats, Floats]] = {}

    def highest(self) -> Floats:
        """The highest sums over their stated levels of each week, of those that began in it or in
        the week before, shape (weeks, groups); NaN where little was known.
        """
        found = np.full((len(self._stack.weeks), len(self._part)), np.nan)
        for week, each in enumerate(self._stack.weeks):
            if len(each.highest) == len(self._part):
                found[week] = np.array(each.highest, dtype=np.float64)
            elif self._known(week):
                lead = [w for w in (week - 1, week) if self._known(w)]
                over = self._over(lead)[-int((self._stack.rows[_span(week)] > 0).sum()) :]
                top = np.full(len(self._part), -np.inf)
                np.maximum.at(top, self._group, over.max(axis=0))
                found[week] = np.maximum(top, _LOWEST)
        self._highest = found
        return found

    def changes(self, since: int) -> list[SuddenChange]:
        """The changes from the hour `since` on that are not among those of the weeks."""
        stack = self._stack
        found: list[SuddenChange] = []
        told = [_hour(change.seen) + SILENT for each in stack.weeks for change in each.changes]
        first = max([since - stack.start, *(hour - stack.start for hour in told), 0])
        while True:
            weeks = [w for w in range(max(first // WEEK, len(stack.weeks) - _MEMORY - 1), len(stack.weeks)) if self._known(w)]
            change = self._first_change(weeks, first) if weeks else None
            if change is None:
                return found
            found.append(change)
            first = _hour(change.seen) - stack.start + SILENT

    def _first_change(self, weeks: Sequence[int], first: int) -> SuddenChange | None:
        hours = np.concatenate([np.arange(w * WEEK, (w + 1) * WEEK)[self._stack.rows[_span(w)] > 0] for w in weeks])
        inside = hours >= first
        evidence, stated = (np.concatenate([self._evidence(w)[part] for w in weeks])[inside] for part in (0, 1))
        hours = hours[inside]
        if len(hours) < 2:
            return None
        learnt = np.concatenate([np.repeat(self._learnt(w)[None], (self._stack.rows[_span(w)] > 0).sum(), axis=0) for w in weeks])[inside]
        level = stated + learnt[:, self._group]
        over = _confirmed(sums(evidence) - level, evidence)
        sure = np.flatnonzero((over >= 0).any(axis=1))
        return self._told(evidence, level, over, hours, int(sure[0])) if len(sure) else None

    def _told(self, evidence: Floats, level: Floats, over: Floats, hours: Integers, at: int) -> SuddenChange:
        surest = int(over[at].argmax())
        path = np.concatenate([[0.0], np.cumsum(evidence[: at + 1, surest])])
        began = int(path[: at + 1].argmin())
        name, rise = self._name(surest)
        reached = sums(evidence[: at + 1])[at] / (level[at] + 1e-9)
        blamed = [self._name(place)[0] for place in np.argsort(-reached, kind="stable") if reached[place] >= _BLAMED]
        columns = dict.fromkeys(each.partition(":")[2] for each in blamed if each.startswith(("level:", "nulls:", "repeats:", "unusual:")))
        return SuddenChange(
            quantity=name,
            columns=tuple(columns)[:_MOST_BLAMED],
            onset=_moment(hours[began] + self._stack.start),
            seen=_moment(hours[at] + self._stack.start + 1),
            rise=rise,
            harms=is_outcome(name) and self._loss_rose(hours[began], hours[at]),
        )

    def _loss_rose(self, began: int, at: int) -> bool:
        if "loss" not in self._stack.levels:
            return False
        return bool(np.nansum(self._surprise[:, began : at + 1, self._stack.levels.index("loss")]) > 0)

    def _name(self, place: int) -> tuple[str, bool]:
        """The quantity of a sum, and True when it tells of a rise."""
        levels = len(self._stack.levels)
        if place < self._sums:
            _, side, _, column = np.unravel_index(place, (EXPECTATIONS, 2, len(SIZES), levels))
            return self._stack.levels[int(column)], bool(side == 0)
        return self._stack.shares[(place - self._sums) % len(self._stack.shares)], True

    def _known(self, week: int) -> bool:
        if week < 0 or not (self._stack.rows[_span(week)] > 0).any():
            return False
        past = self._surprise[0, max(0, week - PAST) * WEEK : week * WEEK]
        return bool(len(past) and np.isfinite(past).sum(axis=0).max(initial=0) >= _LEAST_WEEKS * WEEK)

    def _over(self, weeks: Sequence[int]) -> Floats:
        evidence, stated = (np.concatenate([self._evidence(w)[part] for w in weeks]) for part in (0, 1))
        return _confirmed(sums(evidence) - stated, evidence)

    def _learnt(self, week: int) -> Floats:
        return learnt_level(self._highest[max(0, week - PAST) : week], self._scatter, self._rate, self._part)

    def _evidence(self, week: int) -> tuple[Floats, Floats]:
        """Evidence and stated levels of one week's hours that have rows, shapes (hours, sums)."""
        if week not in self._found:
            self._found[week] = self._measured(week)
        return self._found[week]

    def _measured(self, week: int) -> tuple[Floats, Floats]:
        low, span = max(0, week - PAST) * WEEK, _span(week)
        rows = self._stack.rows[span] > 0
        past, now = self._surprise[:, low : span.start], self._surprise[:, span]
        clock = (np.arange(low, span.stop) + self._stack.start) % 24
        level, drift = level_evidence(past, now, clock[: span.start - low], clock[span.start - low :])
        enough = np.isfinite(past).sum(axis=1) >= _LEAST_WEEKS * WEEK
        level = np.where(enough[:, None, None, None] & ~self._muted[span], level, 0.0)
        level[:, 1][..., self._losses] = 0.0  # a loss that falls is no fault
        share = share_evidence(self._stack.hits[low : span.stop], self._stack.rows[low : span.stop], span.start - low, self._stack.shares)
        broken = np.full(2 * len(self._stack.shares), stated_share(self._rate, self._other))
        stated = np.concatenate([stated_level(drift, self._rate, self._each).ravel(), broken])
        found = np.concatenate([level.transpose(3, 0, 1, 2, 4).reshape(WEEK, -1), share.transpose(1, 0, 2).reshape(WEEK, -1)], axis=1)
        return found[rows], np.broadcast_to(stated, (int(rows.sum()), len(stated)))


def _span(week: int) -> slice:
    return slice(week * WEEK, (week + 1) * WEEK)


def _confirmed(over: Floats, evidence: Floats) -> Floats:
    """The smaller one of two hours in a row, the newer of which speaks for the change as well."""
    found = np.vstack([np.full((1, over.shape[1]), -np.inf), np.minimum(over[1:], over[:-1])])
    found[evidence <= 0] = -np.inf
    return found


def _rows_of(stack: _Stack, surprise: Floats, place: int) -> dict[str, tuple[Row, ...]]:
    part = surprise[:, _span(place)]
    return {name: tuple(_row(each) for each in part[:, :, column]) for column, name in enumerate(stack.levels)}


def _row(values: Floats) -> Row:
    return tuple(None if np.isnan(value) else round(float(value), 4) for value in values)


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // 3600


def _moment(hour: int) -> datetime:
    return datetime.fromtimestamp(int(hour) * 3600, tz=UTC)

"""The hours of one model, counted once each and kept by the week, and the sudden changes that they
show. Called by the monitor at every look.

A look reads the rows since the last one, and no more than four weeks of them; all else comes from
the kept weeks. The first look fills them from the rows of the champion's reference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import numpy as np

from modelmedic.steps.contracts.codec import canonical, sha256, to_plain
from modelmedic.steps.contracts.detection import SuddenChange
from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.inference_log import MODEL_VERSION, PREDICTION, SERVED_BY
from modelmedic.steps.contracts.keys import hours_key
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.detection.hours import Hours, Scales, choose_scales, count_hours, is_outcome
from modelmedic.steps.core.detection.sequential import HourlyWeek, added, watch
from modelmedic.steps.core.detection.surprise import PAST, WEEK
from modelmedic.steps.core.tables.thinning import thin
from modelmedic.steps.detection.profiles import champion_rows, first_releases
from modelmedic.steps.records.documents import put, read
from modelmedic.steps.runtime.reference import champion_reference
from modelmedic.steps.runtime.run import Site

T = TypeVar("T")

SHARE: Final = 0.5  # of the policy's false alarms a year; the windows have the other half
_FARTHEST = 4 * WEEK  # hours that one look reads back at most
_MOST_JUDGED = 200_000  # labelled rows that one look reads
_HOUR = timedelta(hours=1)


def sudden_changes(site: Site, end: datetime) -> tuple[SuddenChange, ...]:
    """All changes of the last weeks that are known by `end`, the oldest first; none while the past
    is too short to tell.

    Rows without a time, or a reference without them, show none.
    """
    scales = _scales(site)
    if not scales.rows:
        return ()
    kept = {week.week: week for week in _kept(site, _hour(end))}
    weeks = _with_outcomes(site, scales, _with_rows(site, scales, kept, _hour(end)), _hour(end))
    if weeks:
        rate = site.policy.detect.falseAlarmsPerYear * SHARE
        watched = watch(list(weeks.values()), rate, since=scales.since, breaks=_breaks(site), aside=_aside(site))
        for week in watched:
            if week != kept.get(week.week):
                put(site.store, _key(site, week.week), week)
        weeks = {week.week: week for week in watched}
    return tuple(change for week in sorted(weeks) for change in weeks[week].changes if change.seen <= end)


def _scales(site: Site) -> Scales:
    """The scales, made at the first look; the weeks of the reference are kept with them."""
    key = _key(site)
    found = _read(site, Scales, key)
    if found is None:
        found = _seeded(site)
        put(site.store, key, found)
    return found


def _seeded(site: Site) -> Scales:
    rows, roles = champion_reference(site).table, site.policy.roles
    if roles.time not in rows.column_names:
        return Scales()
    rows = rows.sort_by(roles.time)
    scales = choose_scales(rows, roles)
    hours = count_hours(thin(rows, 4 * _MOST_JUDGED), scales, roles)
    if hours is None:
        return Scales()
    until = hours.first + len(hours.rows)
    for week in _of_weeks({}, hours, list(hours.totals)).values():
        put(site.store, _key(site, week.week), replace(week, until=min(until, (week.week + 1) * WEEK), judged_until=until))
    return replace(scales, since=until)


def _with_rows(site: Site, scales: Scales, weeks: dict[int, HourlyWeek], now: int) -> dict[int, HourlyWeek]:
    """The weeks with the rows that were logged since the last look."""
    data, known = site.policy.data, max((week.until for week in weeks.values()), default=scales.since)
    start = max(known, now - _FARTHEST)
    if now <= start:
        return weeks
    aside, released = site.history.quarantined(site.model), first_releases(site)
    columns = (*site.policy.features, data.time, PREDICTION, MODEL_VERSION, SERVED_BY)
    for batch in site.windows.batches(_window(start, now), columns):
        hours = count_hours(champion_rows(batch, data.time, aside, released), scales, site.policy.roles)
        if hours is not None:
            weeks = _of_weeks(weeks, hours, [name for name in hours.totals if not is_outcome(name)])
    weeks = _of_weeks(weeks, Hours(start, np.zeros(now - start), {}, {}), [])
    return {week: replace(each, until=max(each.until, min(now, (week + 1) * WEEK))) for week, each in weeks.items()}


def _with_outcomes(site: Site, scales: Scales, weeks: dict[int, HourlyWeek], now: int) -> dict[int, HourlyWeek]:
    """The weeks with the losses of the rows whose labels have come since the last look."""
    data, known = site.policy.data, max((week.judged_until for week in weeks.values()), default=scales.since)
    due = now - -(-data.labels.delay // _HOUR)
    start = max(known, due - _FARTHEST)
    if due <= start:
        return weeks
    names = [data.time, PREDICTION, MODEL_VERSION, SERVED_BY, *data.segments, data.target]
    rows = site.windows.table(_window(start, due), labelled_only=True, limit=_MOST_JUDGED)
    aside, released = site.history.quarantined(site.model), first_releases(site)
    for batch in rows.select([name for name in dict.fromkeys(names) if name in rows.column_names]).to_batches():
        hours = count_hours(champion_rows(batch, data.time, aside, released), scales, site.policy.roles)
        if hours is not None:
            weeks = _of_weeks(weeks, hours, [name for name in hours.totals if is_outcome(name)])
    until = due if rows.num_rows else start
    return {week: replace(each, judged_until=max(each.judged_until, min(until, (week + 1) * WEEK))) for week, each in weeks.items()}


def _of_weeks(weeks: dict[int, HourlyWeek], hours: Hours, names: Sequence[str]) -> dict[int, HourlyWeek]:
    touched = range(hours.first // WEEK, (hours.first + len(hours.rows) - 1) // WEEK + 1)
    return weeks | {week: added(weeks.get(week, HourlyWeek(week)), hours, names) for week in touched}


def _kept(site: Site, now: int) -> Iterator[HourlyWeek]:
    for week in range(now // WEEK - PAST - 1, now // WEEK + 1):
        found = _read(site, HourlyWeek, _key(site, week))
        if found is not None:
            yield found


def _breaks(site: Site) -> list[int]:
    return [_hour(release.at) for release in site.history.releases(site.model)]


def _aside(site: Site) -> list[tuple[int, int]]:
    return [(_hour(span.start), _hour(span.end - timedelta(microseconds=1)) + 1) for span in site.history.quarantined(site.model)]


def _window(start: int, end: int) -> Window:
    return Window(*(datetime.fromtimestamp(hour * 3600, tz=UTC) for hour in (start, end)))


def _hour(moment: datetime) -> int:
    return int(moment.timestamp()) // 3600


def _key(site: Site, week: int | None = None) -> str:
    return hours_key(site.model, sha256(canonical({"roles": to_plain(site.policy.roles)}))[:16], week)


def _read(site: Site, kind: type[T], key: str) -> T | None:
    try:
        return read(site.store, kind, key)
    except BadInput:  # another release of this program wrote it
        return None

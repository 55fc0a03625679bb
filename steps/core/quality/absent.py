"""Rows that are missing or come again, by the stream's own past: a code that was in every window
and is gone, a silence longer than any before, rows of earlier windows over again.
"""

from collections.abc import Iterator

import numpy as np

from modelmedic.steps.contracts.detection import Problem, ProblemKind, Segment
from modelmedic.steps.core.quality.past import Past, bits, surprise
from modelmedic.steps.core.quality.repeats import row_keys
from modelmedic.steps.core.quality.stale_rows import delayed_share
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.pairing import Column

_LEAST_SHARE = 0.02  # of the past's rows, of a code that is missed
_STEADY = 0.25  # of its mean share, that the code had in every window
_EXPECTED = 40.0  # rows of the code that should have come
_LEAST_AGAIN = 0.05  # of the rows
_RICH = 0.9  # of the past's rows are different, where two equal rows are no accident
_LEAST_SILENCE = 0.08  # of the window


def absent_problems(past: Past, timeless: frozenset[str]) -> Iterator[tuple[Problem, float]]:
    """Each problem with its evidence in powers of ten. `timeless` are the columns that are
    functions of time: what stands in them tells no two rows apart, and is there when its time is.
    """
    for column in past.lore.columns:
        if column.name not in timeless:  # a window without a Wednesday is a short one
            yield from _gone(past, column)
    again = list(_again(past, timeless))
    yield from again or _delayed(past, timeless)
    yield from _silence(past)


def _gone(past: Past, column: Column) -> Iterator[tuple[Problem, float]]:
    """The code, or the value of a number of few, that every window had."""
    if column.numeric and column.levels is None:
        return
    cells = column.cells
    names = cells.names
    if len(names) > 200:
        return
    keep = past.block >= 0
    codes, block = cells.reference[past.order[0]][keep], past.block[keep]
    table = np.bincount(block * len(names) + codes, minlength=past.blocks * len(names)).reshape(past.blocks, len(names))
    mix = table / np.maximum(table.sum(axis=1), 1)[:, None]
    mean = mix.mean(axis=0)
    steady = (mean > _LEAST_SHARE) & (mix.min(axis=0) > _STEADY * mean)
    now = cells.current[past.order[1]]
    for part in (now, now[len(now) // 2 :]):
        count = np.bincount(part, minlength=len(names))
        fresh = int(count[(mean == 0)].sum())  # in place of what is gone: that is another finding
        gone = (
            steady
            & (count == 0)
            & (mean * len(part) > 2 * fresh)
            & (mix.min(axis=0) * len(part) > _EXPECTED / 4)
            & (mean * len(part) > _EXPECTED)
        )
        for number in np.flatnonzero(gone[:-1]):
            detail = f"no row has {column.name} {names[number]} any more, which every window had, {mean[number]:.0%} of all rows"
            segment = Segment(column.name, names[number]) if gone[:-1].sum() == 1 else None
            yield Problem(ProblemKind.TRUNCATED, column.name, detail, float(mean[number]), segment), 10.0
        if gone.any():
            return


def _again(past: Past, timeless: frozenset[str]) -> Iterator[tuple[Problem, float]]:
    """Rows whose values, but for the calendar's, stood in an earlier window."""
    columns = [c for c in past.lore.columns if c.name not in timeless]
    if not columns:
        return
    keep = past.block >= 0
    old = row_keys(columns, "reference", past.lore.rows[0])[past.order[0]][keep]
    block = past.block[keep]
    new = row_keys(columns, "current", past.lore.rows[1])
    if len(new) == len(past.block) and bool(np.isin(new[:: max(len(new) // 200, 1)], old).all()) and past.lore.rows[0] == len(new):
        return  # a table beside itself
    if past.timed and past.lore.time is not None:  # a reference may reach into the window
        earlier = past.lore.time[0][past.order[0]][keep] < float(np.nanmin(past.lore.time[1]))
        old, block = old[earlier], block[earlier]
        if len(old) < 100:
            return
    once, place = np.unique(old, return_inverse=True)
    if len(once) < _RICH * len(old):
        return
    first, last = np.full(len(once), past.blocks), np.full(len(once), -1)
    np.minimum.at(first, place, block)
    np.maximum.at(last, place, block)
    blocks_of = (first != last).astype(np.int64)
    history = np.bincount(block, blocks_of[place].astype(np.float64), minlength=past.blocks) / np.maximum(past.sizes, 1)
    found = once[np.minimum(np.searchsorted(once, new), len(once) - 1)] == new
    share = float(found.mean())
    gained = share - float(history.mean())
    evidence = bits(surprise(past, history, share, 0.01))
    if gained > _LEAST_AGAIN and evidence > 4:
        detail = (
            f"{share:.0%} of the rows have the values of rows of earlier windows, {float(history.mean()):.0%} ever had: a feed is stale"
        )
        yield Problem(ProblemKind.STALE, max(columns, key=_richness).name, detail, share), evidence


def _delayed(past: Past, timeless: frozenset[str]) -> Iterator[tuple[Problem, float]]:
    """Rows whose values stood before by one delay, as rows of the past never did."""
    columns = [c for c in past.lore.columns if c.name not in timeless]
    share, hours = delayed_share(past, columns) if columns else (0.0, 0.0)
    if share:
        detail = f"{share:.0%} of the rows have the values of the rows {hours:.3g} hours before, as no row ever had: a feed is stale"
        yield Problem(ProblemKind.STALE, max(columns, key=_richness).name, detail, share), 10.0


def _richness(column: Column) -> int:
    values = column.ordered[1] if column.numeric else np.asarray(column.current, dtype=np.float64)
    return len(np.unique(values))


def _silence(past: Past) -> Iterator[tuple[Problem, float]]:
    """A pause inside of the window that is longer than the past lets expect."""
    if not past.timed or past.lore.time is None:
        return
    keep = past.block >= 0
    before, block = past.lore.time[0][past.order[0]][keep], past.block[keep]
    after: Floats = past.lore.time[1][past.order[1]]
    if len(after) < 40:
        return
    longest = np.array([_longest(before[block == b]) for b in range(past.blocks)])
    now = _longest(after)
    span = float(after[-1] - after[0])
    if span <= 0 or now < _LEAST_SILENCE * span or now <= 2 * float(np.nanmax(longest)):
        return
    evidence = bits(surprise(past, np.log2(1 + longest), float(np.log2(1 + now)), 0.3))
    if evidence > 3:
        detail = f"the window has no row during {now / 3600:.1f} hours of its {span / 3600:.1f}; the past never paused for more than"
        yield Problem(ProblemKind.TRUNCATED, None, f"{detail} {float(np.nanmax(longest)) / 3600:.1f}", now / span), evidence


def _longest(moments: Floats) -> float:
    return float(np.diff(moments).max()) if len(moments) > 1 else np.nan

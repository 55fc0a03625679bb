"""Thresholds from a stated rate of false alarms: the reference is replayed in windows as long as
the current one.

The level of a p-value follows from the rate: with at most `rate` false incidents a year, `k`
alarming windows to one incident and `w` windows a year, a window may alarm by chance with
probability k * rate / w, whatever the windows have to do with each other; it is never more than 0.6
%. That level holds for dependent rows only after their dependence is known: the design effect is
the dispersion between stretches of the reference as long as a window, over what independent rows
would show; that of cell counts (Pearson's index of dispersion; Rao and Scott 1981) or of mean
ranks, whichever is larger. A reference of few such stretches knows its own dispersion badly: it is
drawn towards that of stretches half as long, theirs towards that of a quarter and so on; where rows
clearly depend on each other, the excess over one is raised to what nine in ten references would
have shown.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.detection import Thresholds
from modelmedic.steps.core.detection.calibration_slope import calibration_slope, slope_score
from modelmedic.steps.core.detection.profile_shift import code_effect, number_effect
from modelmedic.steps.core.profiles.layout import Layout, NumberAxis
from modelmedic.steps.core.profiles.profile import Codes, Counts, Numbers, Profile, merge
from modelmedic.steps.core.profiles.profiler import profile_table
from modelmedic.steps.core.profiles.segments import segment_places
from modelmedic.steps.core.tables.arrays import Floats, distinct

Dispersion = Callable[[Floats, int], tuple[float, int]]  # of stretches of so many blocks: the dispersion, and how many there are

_YEAR = timedelta(days=365)
_LARGEST_CHANCE = 0.006
_SHARE_OF_COLUMNS = 0.8  # of the chance; the rest is for the loss
_BLOCKS = 64
_LEAST_BLOCK = 25  # rows
_LEAST_BLOCKS = 8
_CELLS = 8
_REPLAYS = 32
_PRIOR = 6.0  # degrees of freedom that the shorter stretches' dispersion counts for
_DEVIATIONS = 3.0
_CLEARLY = 2.6  # normal deviate: a dispersion that one in two hundred references of independent rows would show
_LOW = -1.2816  # the same for one in ten
_ENOUGH = 12  # stretches


def alarm_level(rate: float, window: timedelta, hits: int) -> float:
    """The level of the columns' adjusted p-values for at most `rate` false incidents a year."""
    return min(_LARGEST_CHANCE, hits * rate * (window / _YEAR)) * _SHARE_OF_COLUMNS


def calibrate(
    reference: pa.Table, layout: Layout, rows: int, *, alpha: float, explicit: Mapping[str, float], version: str | None
) -> Thresholds:
    """Thresholds for current windows of about `rows` rows. `reference` is in the order of its time;
    effects in `explicit` override.
    """
    count = min(_BLOCKS, reference.num_rows // _LEAST_BLOCK)
    if count < _LEAST_BLOCKS:
        return Thresholds(alpha, dict(explicit), model_version=version)
    bounds = np.linspace(0, reference.num_rows, count + 1).astype(int)
    counted = replace(layout, rich=(), time=None, cuts=())  # neither repeats nor times play a part here
    blocks = [profile_table(counted, reference.slice(a, b - a)) for a, b in itertools.pairwise(bounds)]
    run = int(np.clip(round(rows * count / reference.num_rows), 1, count // 4))
    stretch = max(rows * count / reference.num_rows / run, 1.0)
    tables = {name: _counts([b.columns.get(name) for b in blocks]) for name in layout.columns}
    designs = {name: _design(_cells(table), run, stretch) for name, table in tables.items()}
    starts = np.unique(np.linspace(0, count - run, min(_REPLAYS, 2 * count // run - 1)).astype(int))
    effects = {name: _quiet_effect(table, layout.numbers.get(name), starts, run, rows) for name, table in tables.items()}
    floor = Thresholds().default_effect
    found = Thresholds(
        alpha,
        effect={name: max(floor, effect) for name, effect in effects.items()} | dict(explicit),
        replayed=len(starts),
        model_version=version,
        design=designs,
        **_losses(blocks, run, stretch),
    )
    return replace(found, segments=tuple(_at_least(own, found) for own in _of_segments(reference, layout, rows, found, explicit)))


def _of_segments(reference: pa.Table, layout: Layout, rows: int, whole: Thresholds, explicit: Mapping[str, float]) -> Iterator[Thresholds]:
    """Those of each segment, whose own rows are replayed."""
    for cut in layout.cuts:
        places = np.concatenate([segment_places(cut, chunk) for chunk in reference[cut.column].chunks])
        for place in range(len(cut.values)):
            held = reference.filter(pa.array(places == place))
            its = max(round(rows * held.num_rows / reference.num_rows), 1)
            yield calibrate(held, layout.within, its, alpha=whole.alpha, explicit=explicit, version=whole.model_version)


def _at_least(own: Thresholds, whole: Thresholds) -> Thresholds:
    """A segment's thresholds: it has few rows from which to know how they depend on each other, so
    they are taken to do so at least as much as all rows do.
    """
    return replace(
        own,
        design={name: max(own.design.get(name, 1.0), design) for name, design in whole.design.items()},
        loss_design=max(own.loss_design, whole.loss_design),
        hold_design=max(own.hold_design, whole.hold_design),
        loss_usual=max(own.loss_usual, whole.loss_usual),
    )


def _design(cells: Floats, run: int, stretch: float) -> float:
    """The design effect at stretches of `run` blocks, times `stretch` where a window is longer than
    the reference can show.
    """
    if cells.shape[1] < 2:
        return 1.0
    scales = [1 << i for i in range(run.bit_length()) if 1 << i < run] + [run]
    return max(_dispersion_estimate(dispersion, cells, scales, stretch) for dispersion in (_cell_dispersion, _rank_dispersion))


def _dispersion_estimate(dispersion: Dispersion, cells: Floats, scales: Sequence[int], stretch: float) -> float:
    """The dispersion estimated from the shortest stretches to the longest, each estimate drawn
    towards the one before it.
    """
    estimate, freedom, dependent = 1.0, 0.0, False
    sure: list[float] = []  # at scales of which there are enough stretches to tell how it grows
    for scale in scales:
        value, stretches = dispersion(cells, scale)
        dependent |= value > _chi_square(stretches - 1, _CLEARLY) / (stretches - 1)
        weight = min(freedom, _PRIOR)
        estimate = ((stretches - 1) * value + weight * estimate) / (stretches - 1 + weight)
        freedom = stretches - 1 + weight
        if stretches > _ENOUGH:
            sure.append(value)
    if not dependent or estimate <= 1:
        return max(1.0, estimate)
    growth = float(np.clip(np.log2(max(sure[-1] / sure[0], 1.0)) / (len(sure) - 1), 0, 1)) if len(sure) > 1 and stretch > 1 else 0.0
    return 1 + float((estimate * stretch**growth - 1) * freedom / _chi_square(freedom, _LOW))


def _stretches(cells: Floats, run: int) -> Floats:
    count = len(cells) // run
    return np.asarray(cells[: count * run].reshape(count, run, -1).sum(axis=1))


def _cell_dispersion(cells: Floats, run: int) -> tuple[float, int]:
    """Pearson's statistic of homogeneity over its degrees of freedom, and the number of
    stretches.
    """
    counts = _stretches(cells, run)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / max(counts.sum(), 1)
    held = expected > 0
    statistic = float(((counts - expected)[held] ** 2 / expected[held]).sum())
    freedom = max((len(counts) - 1) * (int((counts.sum(axis=0) > 0).sum()) - 1), 1)
    return statistic / freedom, len(counts)


def _rank_dispersion(cells: Floats, run: int) -> tuple[float, int]:
    """The dispersion of the mean rank alone, which shows best where whole stretches lie high or
    low, and the number of stretches.
    """
    counts = _stretches(cells, run)
    total = counts.sum(axis=0)
    scores = (np.cumsum(total) - 0.5 * total) / max(total.sum(), 1)
    mean = float(scores @ total) / max(total.sum(), 1)
    variance = float((scores - mean) ** 2 @ total) / max(total.sum(), 1)
    rows = np.maximum(counts.sum(axis=1), 1)
    deviations = counts @ scores / rows - mean
    return float((rows * deviations**2).sum()) / variance / (len(counts) - 1) if variance > 0 else 1.0, len(counts)


def _chi_square(freedom: float, z: float) -> float:
    """The value of a chi-square as far out as `z` is in a normal distribution (Wilson and Hilferty
    1931).
    """
    spread = 2 / (9 * freedom)
    return float(freedom * max(1 - spread + z * np.sqrt(spread), 0.2) ** 3)


@dataclass(frozen=True)
class _Table:
    """Counts of one column, block by block: of cells by their places, ascending, or of codes, which
    have no places.
    """

    counts: Floats
    places: Floats | None = None


def _counts(blocks: Sequence[Numbers | Codes | None]) -> _Table:
    numbers = [block for block in blocks if isinstance(block, Numbers)]
    codes = [block for block in blocks if isinstance(block, Codes)]
    if len(codes) == len(blocks):
        values = sorted({value for block in codes for value in block.counts})
        return _Table(np.array([[block.counts.get(value, 0) for value in values] for block in codes], dtype=np.float64))
    if len(numbers) < len(blocks):
        return _Table(np.zeros((len(blocks), 0)))
    cells = [block.points() for block in numbers]
    places, _ = distinct(np.concatenate([where for where, _ in cells]))
    counts = np.zeros((len(numbers), len(places)))
    for row, (where, held) in zip(counts, cells, strict=True):
        row[np.searchsorted(places, where)] = held
    return _Table(counts, places)


def _cells(table: _Table) -> Floats:
    """Counts of at most eight cells, of about equal weight where the column is a number, block by
    block.
    """
    total = table.counts.sum(axis=0)
    if not total.sum():
        return np.ones((len(table.counts), 1))
    if table.places is None:
        cell = np.minimum(np.argsort(np.argsort(-total, kind="stable")), _CELLS - 1)
    else:
        cell = np.minimum((np.cumsum(total) / total.sum() - 1e-12) * _CELLS, _CELLS - 1).astype(int)
    grouped = np.stack([table.counts[:, cell == number].sum(axis=1) for number in range(_CELLS)], axis=1)
    return np.asarray(grouped[:, grouped.sum(axis=0) > 0])


def _losses(blocks: Sequence[Profile], run: int, stretch: float) -> dict[str, Any]:
    """The loss fields of the thresholds: the design effects of the mean and of the calibration
    slope, and the largest rise of a stretch.
    """
    rows = np.array([b.losses.rows for b in blocks], dtype=np.float64)
    total, squares = np.array([b.losses.total / 2**20 for b in blocks]), np.array([b.losses.squares / 2**16 for b in blocks])
    if rows.min() < 1 or total.sum() <= 0:
        return {}
    mean = total.sum() / rows.sum()
    variance = squares.sum() / rows.sum() - mean**2
    if variance <= 0:
        return {}
    runs, risen = np.ones(run), total - rows * mean
    usual = np.convolve(risen, runs, "valid") / np.convolve(rows, runs, "valid") / mean
    found = {"loss_design": _design(_coins(rows, risen / np.sqrt(variance)), run, stretch), "loss_usual": float(usual.max(initial=0.0))}
    whole = calibration_slope(functools.reduce(merge, blocks))
    if whole is not None:
        found["hold_design"] = _design(_coins(rows, np.array([slope_score(whole, block) for block in blocks])), run, stretch)
    return found


def _coins(rows: Floats, scores: Floats) -> Floats:
    """Two cells that disperse as summed scores do, whose variance is one per independent row: a
    fair coin's variance is a quarter.
    """
    return np.column_stack([rows / 2 + scores / 2, rows / 2 - scores / 2])


def _quiet_effect(table: _Table, axis: NumberAxis | None, starts: Counts, run: int, rows: int) -> float:
    """The effect that a quiet window of `rows` rows stays below: mean and three deviations over the
    replayed windows.
    """
    total = table.counts.sum(axis=0)
    found = []
    for start in starts:
        window = table.counts[start : start + run].sum(axis=0)
        rest = total - window
        n, m = float(rest.sum()), float(window.sum())
        if min(n, m) < 1:
            continue
        effect = code_effect(rest, window) if axis is None or table.places is None else number_effect(axis, table.places, rest, window)
        found.append(effect * np.sqrt((1 / rows + 1 / (n + m)) / (1 / n + 1 / m)))
    return float(np.mean(found) + _DEVIATIONS * np.std(found)) if found else 0.0

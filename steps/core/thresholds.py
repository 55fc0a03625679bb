"""Thresholds from a stated rate of false alarms: the reference is replayed in windows as long as the current one.

The level of a p-value follows from the rate: with at most `rate` false incidents a year, `k` alarming windows to one incident
and `w` windows a year, a window may alarm by chance with probability k * rate / w, whatever the windows have to do with each
other; it is never more than 0.6 %. What independent rows would make of that level holds for real ones only after their
dependence is known: the design effect is the dispersion between stretches of the reference as long as a window, over what
independent rows would show; that of cell counts (Pearson's index of dispersion; Rao and Scott 1981) or of mean ranks, whichever
is larger. A reference of few such stretches knows its own dispersion badly: it is drawn towards that of stretches half as long,
theirs towards that of a quarter and so on, and what it exceeds one by is raised to what nine in ten references would have shown.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa

from steps.contracts.detection import Thresholds
from steps.core.layout import Floats, Layout
from steps.core.profile import Codes, Counts, Numbers, Profile, merge
from steps.core.profile_shift import measure_counts
from steps.core.profiling import profiled

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


def level(rate: float, window: timedelta, hits: int) -> float:
    """The level of the columns' adjusted p-values for at most `rate` false incidents a year."""
    return min(_LARGEST_CHANCE, hits * rate * (window / _YEAR)) * _SHARE_OF_COLUMNS


def calibrate(reference: pa.Table, layout: Layout, rows: int, *, alpha: float, explicit: Mapping[str, float], version: str) -> Thresholds:
    """Thresholds for current windows of about `rows` rows. `reference` is in the order of its time; `explicit` effects win."""
    count = min(_BLOCKS, reference.num_rows // _LEAST_BLOCK)
    if count < _LEAST_BLOCKS:
        return Thresholds(alpha, dict(explicit), model_version=version)
    bounds = np.linspace(0, reference.num_rows, count + 1).astype(int)
    counted = replace(layout, rich=(), time=None)  # neither repeats nor times play a part here
    blocks = [profiled(counted, reference.slice(a, b - a)) for a, b in itertools.pairwise(bounds)]
    run = int(np.clip(round(rows * count / reference.num_rows), 1, count // 4))
    stretch = max(rows * count / reference.num_rows / run, 1.0)
    designs = {name: _design(_cells([b.columns.get(name) for b in blocks]), run, stretch) for name in layout.columns}
    effects, replayed = _replay(blocks, run, rows)
    floor = Thresholds().default_effect
    return Thresholds(
        alpha=alpha,
        effect={name: max(floor, effect) for name, effect in effects.items()} | dict(explicit),
        replayed=replayed,
        model_version=version,
        design=designs,
        loss_design=_design(_loss_cells(blocks), run, stretch),
    )


def _design(cells: Floats, run: int, stretch: float) -> float:
    """The design effect at stretches of `run` blocks (times `stretch`, when a window is longer than the reference can show)."""
    if cells.shape[1] < 2:
        return 1.0
    scales = [1 << i for i in range(run.bit_length()) if 1 << i < run] + [run]
    return max(_grown(dispersion, cells, scales, stretch) for dispersion in (_cell_dispersion, _rank_dispersion))


def _grown(dispersion: Dispersion, cells: Floats, scales: Sequence[int], stretch: float) -> float:
    """From the shortest stretches to the longest, each estimate drawn towards the one before it."""
    before = estimate = 1.0
    freedom = 0.0
    for scale in scales:
        value, stretches = dispersion(cells, scale)
        before, weight = estimate, min(freedom, _PRIOR)
        estimate = ((stretches - 1) * value + weight * estimate) / (stretches - 1 + weight)
        freedom = stretches - 1 + weight
    if estimate <= 1:
        return 1.0
    growth = float(np.clip(np.log2(max(estimate / max(before, 1.0), 1.0)), 0, 1)) if stretch > 1 and len(scales) > 1 else 0.0
    return 1 + float((estimate * stretch**growth - 1) * freedom / _low_chi_square(freedom))


def _stretches(cells: Floats, run: int) -> Floats:
    count = len(cells) // run
    return np.asarray(cells[: count * run].reshape(count, run, -1).sum(axis=1))


def _cell_dispersion(cells: Floats, run: int) -> tuple[float, int]:
    """Pearson's statistic of homogeneity over its degrees of freedom, and the number of stretches."""
    counts = _stretches(cells, run)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / max(counts.sum(), 1)
    held = expected > 0
    statistic = float(((counts - expected)[held] ** 2 / expected[held]).sum())
    freedom = max((len(counts) - 1) * (int((counts.sum(axis=0) > 0).sum()) - 1), 1)
    return statistic / freedom, len(counts)


def _rank_dispersion(cells: Floats, run: int) -> tuple[float, int]:
    """The same of the mean rank alone: where whole stretches lie high or low, this shows it most."""
    counts = _stretches(cells, run)
    total = counts.sum(axis=0)
    scores = (np.cumsum(total) - 0.5 * total) / max(total.sum(), 1)
    mean = float(scores @ total) / max(total.sum(), 1)
    variance = float((scores - mean) ** 2 @ total) / max(total.sum(), 1)
    rows = np.maximum(counts.sum(axis=1), 1)
    deviations = counts @ scores / rows - mean
    return float((rows * deviations**2).sum()) / variance / (len(counts) - 1) if variance > 0 else 1.0, len(counts)


def _low_chi_square(freedom: float) -> float:
    """The value that one chi-square in ten stays below (Wilson and Hilferty 1931)."""
    spread = 2 / (9 * freedom)
    return float(freedom * max(1 - spread - 1.2816 * np.sqrt(spread), 0.2) ** 3)


def _cells(blocks: Sequence[Numbers | Codes | None]) -> Floats:
    """Counts of at most eight cells of about equal weight, block by block."""
    known = [block for block in blocks if block is not None]
    if len(known) < len(blocks) or not known:
        return np.ones((len(blocks), 1))
    if isinstance(known[0], Codes):
        return _code_cells([block for block in known if isinstance(block, Codes)])
    numbers = [block for block in known if isinstance(block, Numbers)]
    places = np.unique(np.concatenate([block.points()[0] for block in numbers]))
    if not len(places):
        return np.ones((len(blocks), 1))
    counts = np.zeros((len(numbers), len(places)))
    for row, block in zip(counts, numbers, strict=True):
        where, held = block.points()
        row[np.searchsorted(places, where)] = held
    shares = np.cumsum(counts.sum(axis=0)) / max(counts.sum(), 1)
    cell = np.minimum((shares - 1e-12) * _CELLS, _CELLS - 1).astype(int)
    return _grouped(counts, cell)


def _code_cells(blocks: Sequence[Codes]) -> Floats:
    values = sorted({value for block in blocks for value in block.counts})
    counts = np.array([[block.counts.get(value, 0) for value in values] for block in blocks], dtype=np.float64)
    if not len(values):
        return np.ones((len(blocks), 1))
    rank = np.argsort(np.argsort(-counts.sum(axis=0), kind="stable"))
    return _grouped(counts, np.minimum(rank, _CELLS - 1))


def _grouped(counts: Floats, cell: Counts) -> Floats:
    grouped = np.zeros((len(counts), _CELLS))
    for number in np.unique(cell):
        grouped[:, number] = counts[:, cell == number].sum(axis=1)
    return grouped[:, grouped.sum(axis=0) > 0]


def _loss_cells(blocks: Sequence[Profile]) -> Floats:
    """Two cells that disperse as the mean loss does: rows, each split by its loss as a share of a bound far above the mean."""
    rows = np.array([b.losses.rows for b in blocks], dtype=np.float64)
    total = np.array([b.losses.total / 2**20 for b in blocks])
    squares = np.array([b.losses.squares / 2**16 for b in blocks])
    if rows.min(initial=0) < 1 or total.sum() <= 0:
        return np.ones((len(blocks), 1))
    mean = total.sum() / rows.sum()
    variance = squares.sum() / rows.sum() - mean**2
    if variance <= 0:
        return np.ones((len(blocks), 1))
    # a fair coin of `rows` throws varies by rows / 4: the deviation of the summed loss is brought to that scale
    half = rows / 2 + (total - rows * mean) / np.sqrt(variance) / 2
    return np.column_stack([half, rows - half])


def _replay(blocks: Sequence[Profile], run: int, rows: int) -> tuple[dict[str, float], int]:
    """Per column the effect that a quiet window of `rows` rows keeps below: mean and three deviations over the replayed ones."""
    starts = np.unique(np.linspace(0, len(blocks) - run, min(_REPLAYS, 2 * len(blocks) // run - 1)).astype(int))
    found: dict[str, list[float]] = {}
    for start in starts:
        window = _joined(blocks[start : start + run])
        rest = _joined([*blocks[:start], *blocks[start + run :]])
        scale = np.sqrt((1 / rows + 1 / (window.rows + rest.rows)) / (1 / window.rows + 1 / rest.rows))
        for name in window.columns.keys() & rest.columns.keys():
            effect = measure_counts(rest.columns[name], window.columns[name]).effect
            found.setdefault(name, []).append(effect * float(scale))
    spread = {name: (float(np.mean(e)), float(np.std(e))) for name, e in sorted(found.items())}
    return {name: mean + _DEVIATIONS * deviation for name, (mean, deviation) in spread.items()}, len(starts)


def _joined(blocks: Sequence[Profile]) -> Profile:
    """Halves of halves, so that every count is copied a few times only."""
    if len(blocks) == 1:
        return blocks[0]
    middle = len(blocks) // 2
    return merge(_joined(blocks[:middle]), _joined(blocks[middle:]))

"""The rise of the loss from one version to another on the same rows, looked at once or at each day.

Every block of time gives one number: the two losses' difference over their sum, (served - other) /
(served + other), between -1 and 1, so that neither a day of many rows nor one of large losses owns
the verdict; rows of one day err together, so days are counted, not rows. In words it is told as the
rise of a typical day's loss: a share of 1/3 is a loss that doubled.

Looked at once: Student's t over the blocks. Looked at every day, for ever: betting. A gambler who
bets that the served version loses more wins bet x share each day, and cannot expect to win while
that is not so. His capital, drawn up to 1 whenever it falls below, is an e-detector (Shin, Ramdas
and Rinaldo, E-detectors, NEJSDS 2023): however often it is looked at, it reaches 1 / error at most
once in 1 / error days in the mean. The interval of the mean is the set of means against which no
gambler got rich (Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting,
JRSS B 2024; Choe and Ramdas, Comparing sequential forecasters, Operations Research 2023): it holds
at all times at once. Days may depend on each other and drift. Shares are clipped at a range that is
learnt from the days before each day, because a bet is the bolder the smaller the range.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelmedic.steps.contracts.comparison import LossBlock
from modelmedic.steps.core.statistics.metrics import Interval
from modelmedic.steps.core.tables.arrays import Floats

_BETS = np.array([0.1, 0.2, 0.4, 0.7, 0.95])  # shares of the capital that may be lost in a day; the gamblers' mean counts
_RANGE = 1.5  # robust standard deviations of the days before: beyond it a day's share is clipped
_FIRST_RANGE, _LEAST_RANGE = 0.25, 0.02
_LEARNT = 5  # days before a range is learnt from them
_GRID = 401  # means that the interval tries


@dataclass(frozen=True, slots=True)
class Rise:
    """`value` is the rise of the mean loss per row, as a share of the other version's; `least` a
    lower bound of the rise on a typical block.
    """

    value: float
    least: float


def rise_at_once(blocks: Sequence[LossBlock], error: float) -> Rise | None:
    """The rise with a bound that is too high with probability `error`; None for fewer than three
    blocks or a version that loses nothing.
    """
    rows, served, other = _arrays(blocks)
    base = float(rows @ other)
    if not base > 0:
        return None
    each = shares(served, other)
    least = least_share(len(each), float(each.sum()), float((each**2).sum()), error)
    return Rise(float(rows @ served) / base - 1, as_rise(least)) if least is not None else None


def shares(served: Floats, other: Floats) -> Floats:
    """(served - other) / (served + other) of losses, 0 where both are 0."""
    return np.asarray((served - other) / np.maximum(served + other, 1e-300))


def least_share(count: int, total: float, squares: float, error: float) -> float | None:
    """The lower bound of the mean of `count` shares by their sum and the sum of their squares; None
    for fewer than three.
    """
    if count < 3:
        return None
    mean = total / count
    variance = max(squares / count - mean**2, 0.0) * count / (count - 1)
    from scipy.stats import t  # a second to import, which a monitor that compares nothing does without

    return mean - float(t.ppf(1 - error, count - 1)) * float(np.sqrt(variance / count))


def as_rise(share: float) -> float:
    """The rise of the loss, as a share of the other's, that a block's share stands for."""
    return 2 * share / max(1 - share, 1e-6)


def as_share(rise: float) -> float:
    return rise / (2 + rise)


def capital(blocks: Sequence[LossBlock], margin: float, past: Sequence[LossBlock] = (), *, drawn_up: bool = True) -> float:
    """The e-detector against "the served version loses at most `margin` (a rise) more" after these
    days; 1 or less says nothing. `past` are earlier blocks, from which only the range is learnt.

    Not `drawn_up` it is an e-process, of a trial that ends: however often it is looked at, it ever
    reaches 1 / error with probability `error` at most (Ville 1939).
    """
    held = np.ones(len(_BETS))
    for share, width in zip(*_ranged(blocks, past), strict=True):
        held = (np.maximum(held, 1.0) if drawn_up else held) * (1 + _BETS * np.clip((share - as_share(margin)) / width, -1, 1))
    return float(held.mean())


def mean_rise(blocks: Sequence[LossBlock], error: float, past: Sequence[LossBlock] = ()) -> Interval | None:
    """The rise on a typical day and its interval that holds at all times at once but for `error`;
    None without a day. The days are clipped at their range, or not at all where that is as clear.
    """
    if not blocks:
        return None
    found, ranges = _ranged(blocks, past)
    clipped, whole = (_interval(found, width, error / 2) for width in (float(ranges[0]), 1.0))
    chosen = whole if whole.low > 0 or whole.high < 0 else clipped
    return Interval(as_rise(chosen.value), as_rise(chosen.low), as_rise(chosen.high))


def _interval(found: Floats, width: float, error: float) -> Interval:
    """The means within +-`width` against which betting, either way, won less than 2 / error."""
    values = np.clip(found, -width, width)
    tried = np.linspace(-width, width, _GRID)[1:-1]
    alive = tried[(_best(values, tried, width, up=True) < 2 / error) & (_best(values, tried, width, up=False) < 2 / error)]
    mean = float(values.mean())
    return Interval(mean, min(float(alive.min()), mean), max(float(alive.max()), mean)) if len(alive) else Interval(mean, mean, mean)


def _best(values: Floats, means: Floats, width: float, *, up: bool) -> Floats:
    """The largest capital so far against each mean, of gamblers who bet that the values lie above
    it (`up`) or below.
    """
    reach = (width + means) if up else (width - means)
    gain = (values[:, None] - means[None, :]) * (1 if up else -1) / reach[None, :]
    logs = np.log1p(_BETS[:, None, None] * gain[None, :, :]).cumsum(axis=1)
    return np.asarray(np.exp(np.minimum(logs, 700)).mean(axis=0).max(axis=0))


def _ranged(blocks: Sequence[LossBlock], past: Sequence[LossBlock]) -> tuple[Floats, Floats]:
    """Each day's share, and the range learnt from the days before it."""
    _, served, other = _arrays([*past, *blocks])
    every = shares(served, other)
    ranges = [_range(every[:place]) for place in range(len(past), len(every))]
    return every[len(past) :], np.array(ranges, dtype=np.float64)


def _range(earlier: Floats) -> float:
    if len(earlier) < _LEARNT:
        return _FIRST_RANGE
    spread = 1.4826 * float(np.median(np.abs(earlier - np.median(earlier))))
    return float(np.clip(_RANGE * spread, _LEAST_RANGE, 1.0))


def _arrays(blocks: Sequence[LossBlock]) -> tuple[Floats, Floats, Floats]:
    rows, served, other = (np.array([getattr(b, name) for b in blocks], dtype=np.float64) for name in ("rows", "served", "other"))
    return rows, served, other

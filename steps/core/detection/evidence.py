"""The evidence of each hour that a quantity has left its past, and the level that evidence must
reach. Called by core.detection.sequential.

For a shift of `size` the evidence of one hour is the logarithm of an e-value: exp(size * surprise)
over its mean on the past, the hour itself counted among it (Vovk and Wang 2021, Shin, Ramdas and
Rinaldo 2023). So no hour's evidence is much more than the logarithm of how many hours the past has,
but as far as the past's own tail, a Pareto fitted to its largest surprises, says that it is rarer.
Five sizes are five time scales: some 16 / size^2 hours, from one hour to more than a week.

Sums of it that restart at zero (Page's CUSUM) pass log(hours in a year / (rate * share)) at most
`rate * share` times a year if hours are exchangeable; Siegmund's correction (1985) takes off that
what restarts saves. Real hours are not: the same sums of earlier weeks are known, and a Gumbel
distribution fitted to their weekly maxima says what is reached `rate * share` times a year. The
larger of both holds.
"""

from typing import Final

import numpy as np

from modelmedic.steps.core.detection.surprise import WEEK, carried
from modelmedic.steps.core.tables.arrays import Floats

SIZES: Final = np.array([0.25, 0.5, 1.0, 2.0, 4.0])
HOURS_A_YEAR: Final = 8760.0
_HOURLY_ROWS = 15.0  # of each hour of the day that its spread is drawn to the day's by
_LEAST_SPREAD = 0.05
_TAIL = 20  # largest surprises
_STEEPEST, _TRUST = 8.0, 0.8  # of the tail's exponent
_LEAST_EXTREME = 3.0  # surprises beyond it are thought to have been
# What weekly maxima of sums scatter by (Gumbel's scale) where little is known, by expectation and
# size: rounded medians of bikes, seoul, air, turbine and weather; 1 if hours were exchangeable.
SCATTER: Final = np.array([[1.1, 1.6, 2.0, 2.4, 2.0], [2.0, 2.6, 3.2, 2.0, 1.0]])
SHARE_SCATTER: Final = 2.0
_SCATTER_WEIGHT = 6.0  # weeks that the prior counts for
_CAUTION = 1.5
_GUMBEL_MEDIAN, _GUMBEL_EXCESS = 0.3665, 1.2
_KNOWN_SHARE = (0.95, 0.3)  # of rows, once a column is broken in all of them or in a part
_FIRST, _BROKEN = 0.5, 0.1  # hits of one row that are thought to have been: after a usual hour, after a hit
_LASTING, _LASTING_WEIGHT = 0.95, 48.0  # the same of unusual values, which last as a holiday or a snowfall does
_FEW_ROWS = 8.0  # of an hour count as independent
_FEW_WEEKS = 3


def level_evidence(past: Floats, now: Floats, past_hours: Floats, hours: Floats) -> tuple[Floats, Floats]:
    """Evidence of a shift up and down and its usual drift, shapes (2 expectations, 2 sides, 5
    sizes, hours, n) and (2, 2, 5, n).

    `past` and `now` are surprises, shape (2, hours, n), NaN where nothing is known; the hours are
    their hours of the day.
    """
    known = np.isfinite(past)
    count = known.sum(axis=1)
    spread = _spread(past, known, past_hours)
    z, u = past / spread[:, past_hours.astype(int)], now / spread[:, hours.astype(int)]
    calm = np.clip(np.where(known, z, 0.0), -6, 6)
    alike = np.sqrt(_dependence(calm, 24))
    z, u, calm = z / alike[:, None], u / alike[:, None], calm / alike[:, None]
    held = np.isfinite(u) & (count[:, None] > 0)
    found = np.zeros((len(past), 2, len(SIZES), *now.shape[1:]))
    drift = np.zeros((len(past), 2, len(SIZES), past.shape[2]))
    for side, sign in enumerate((1.0, -1.0)):
        x, y = np.where(known, np.clip(sign * z, -10, 12), -10.0), np.where(held, sign * u, 0.0)
        rarity = np.log(count + 1)[:, None] + _beyond(x, y)
        for place, size in enumerate(SIZES):
            mean = (np.where(known, np.exp(size * x), 0.0).sum(axis=1) + np.exp(size * _LEAST_EXTREME)) / (count + 1)
            usual = np.maximum(np.log(mean), size**2 / 2)
            lasting = _lasting_dependence(calm, size, count) * size**2 / 2
            raw = size * y - usual[:, None]
            one = raw - np.logaddexp(0.0, raw - rarity) - lasting[:, None]
            found[:, side, place] = np.where(held, one, 0.0)
            drift[:, side, place] = usual + lasting
    return found, drift


def _spread(past: Floats, known: Floats, hours: Floats) -> Floats:
    """Spread by the hour of the day, shape (2, 24, n)."""
    squares = np.where(known, past, 0.0) ** 2
    whole = squares.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    each = np.empty((len(past), 24, past.shape[2]))
    for hour in range(24):
        its = hours == hour
        each[:, hour] = (squares[:, its].sum(axis=1) + _HOURLY_ROWS * whole) / (known[:, its].sum(axis=1) + _HOURLY_ROWS)
    return np.asarray(np.sqrt(np.maximum(each, _LEAST_SPREAD**2)))


def _dependence(z: Floats, block: int) -> Floats:
    """The variance of sums of a block over that of independent hours, at least 1."""
    whole = z[:, z.shape[1] % block :]
    blocks = whole.reshape(len(z), -1, block, z.shape[2])
    return np.asarray(np.maximum((blocks.sum(axis=2) ** 2).sum(axis=1) / np.maximum((blocks**2).sum(axis=(1, 2)), 1e-9), 1.0))


def _lasting_dependence(z: Floats, size: float, count: Floats) -> Floats:
    """What hours depend on each other over the time scale of a size, beyond a day."""
    block = min(round(16 / size**2), WEEK)
    if block <= 24 or z.shape[1] < 2 * block:
        return np.zeros_like(count, dtype=np.float64)
    variance = (z**2).sum(axis=1) / np.maximum(count, 1)
    return np.asarray(np.maximum(_dependence(z, block) * variance - 1, 0.0))


def _beyond(x: Floats, y: Floats) -> Floats:
    """How much rarer than once in the past a surprise is, by the exponent of the past's tail (Hill
    1975), as a logarithm.
    """
    if x.shape[1] <= _TAIL:
        return np.zeros_like(y)
    tail = np.sort(np.partition(x, x.shape[1] - _TAIL - 1, axis=1)[:, -_TAIL - 1 :], axis=1)
    floor, top = np.maximum(tail[:, :1], 0.5), np.maximum(tail[:, -1], 2.0)
    mean = np.log(np.maximum(tail[:, 1:], floor) / floor).mean(axis=1)
    exponent = _TRUST * np.clip(1 / np.maximum(mean, 1e-3), 1.0, _STEEPEST)
    return np.asarray(exponent[:, None] * np.log(np.maximum(y / top[:, None], 1.0)))


def share_evidence(hits: Floats, rows: Floats, past: int, names: tuple[str, ...]) -> Floats:
    """Evidence that nearly all rows, or three in ten, are hit now, shape (2, hours after `past`,
    n). `hits` are counts by hour, shape (hours, n).

    The usual share is that of the past after an hour like the one before: outages that come and
    go by themselves are as long as they were.
    """
    share = np.divide(hits, rows[:, None], out=np.full(hits.shape, np.nan), where=rows[:, None] > 0)
    before = np.vstack([np.zeros((1, hits.shape[1])), carried(share)[:-1]]) >= 0.5
    found = np.zeros((len(_KNOWN_SHARE), len(hits) - past, hits.shape[1]))
    usual = np.empty(hits.shape)
    lasting = np.array([name.startswith("unusual:") for name in names], dtype=bool)
    for state in (False, True):
        its = before[:past] == state
        prior = np.where(lasting, _LASTING, _BROKEN) if state else _FIRST
        weight = np.where(lasting, _LASTING_WEIGHT, 1.0) if state else 1.0
        counted = (np.where(its, hits[:past], 0).sum(axis=0) + prior * weight) / (np.where(its, rows[:past, None], 0).sum(axis=0) + weight)
        usual = np.where(before == state, counted, usual)
    usual = np.clip(usual[past:], 1e-6, 1 - 1e-6)
    held, now = np.minimum(rows[past:, None], _FEW_ROWS), np.nan_to_num(share[past:])
    for place, broken in enumerate(_KNOWN_SHARE):
        other = np.maximum(broken, usual)
        each = held * (now * np.log(other / usual) + (1 - now) * np.log(np.maximum(1 - other, 1e-6) / (1 - usual)))
        watched = np.array([place == 0 or name.startswith("nulls:") for name in names], dtype=bool)
        found[place] = np.where(watched, each, 0.0)
    return found


def stated_level(drift: Floats, rate: float, share: float) -> Floats:
    """The sum that is passed at most `rate * share` times a year by exchangeable hours whose
    evidence drifts down by `drift`.
    """
    sizes = SIZES[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        saved = np.log(drift) - 1.166 * np.sqrt(2 * drift)
    saved = np.clip(np.nan_to_num(saved), np.log(sizes**2 / 2) - 1.166 * sizes, 0.0)
    return np.asarray(np.log(HOURS_A_YEAR / (rate * share)) + saved)


def stated_share(rate: float, share: float) -> float:
    """The same for sums of `share_evidence`."""
    return float(np.log(HOURS_A_YEAR / (rate * share)))


def learnt_level(highest: Floats, scatter: Floats, rate: float, share: Floats) -> Floats:
    """How far above its stated level a sum must be, from the weekly maxima of earlier weeks over
    their stated levels, shape (weeks, sums); 0 or more.
    """
    years = np.asarray(np.log(52 / (rate * share)) - _GUMBEL_MEDIAN)
    known = highest[np.isfinite(highest).all(axis=1)]
    if len(known) < _FEW_WEEKS:
        return np.asarray(np.maximum(scatter * years - 0.5 * years - 4, 0.0))
    middle = np.median(known, axis=0)
    excess = np.maximum(known - middle, 0.0)
    weight = _SCATTER_WEIGHT + (excess > 0).sum(axis=0)
    scale = (_SCATTER_WEIGHT * scatter + _CAUTION * excess.sum(axis=0) / _GUMBEL_EXCESS) / weight
    return np.asarray(np.maximum(middle + scale * years, 0.0))


def sums(evidence: Floats) -> Floats:
    """Page's cumulative sums over the first axis, restarting at zero."""
    total = np.cumsum(evidence, axis=0)
    before = np.concatenate([np.zeros((1, *evidence.shape[1:])), total[:-1]])
    return np.asarray(total - np.minimum.accumulate(np.minimum(before, 0.0), axis=0))

"""The surprise of each hour: the difference between a quantity and what the stream's own past, at
the same hour of the day and the week, let expect. Called by core.detection.sequential.

Two expectations compete. `own`: from the season and the quantity's own last hours, so that what is
left is nearly independent and a jump stands out. `given`: from the season and the other columns of
the same hour, less its own mean of the last weeks, so that a column that leaves the others is seen
for as long as it does. Both are least squares over the weeks before, the newer ones weighing more;
so a drift that takes longer than some weeks is learnt, and belongs to ageing, not to an alarm.
"""

from typing import Final

import numpy as np

from modelmedic.steps.core.tables.arrays import Floats, Integers, Mask

WEEK: Final = 168
EXPECTATIONS: Final = 2
PAST: Final = 26  # weeks that teach what to expect
_HALVING = 13.0  # weeks
_LEAST_WEEKS = 3.0  # of known hours before anything is expected
_RIDGE = 1.0  # hours
_LAGS = (1, 2, 24, WEEK)
_MOST_OTHERS = 16
_SLOW = 240.0  # hours in which the mean of `given` forgets half
_VOLATILE = 24.0  # hours in which the spread of `own` forgets half
_LEAST_SPREAD = 0.05  # scores
_FARTHEST = 8.0
_BENT = 3.5  # scores beyond which a square grows no more
_BELIEVED = 3.0  # deviations of one hour
_STEP = 6  # hours in which a lasting mean stays
_AFRESH = 0.05  # of what was known of a mean before a break


def surprises(values: Floats, first: int, week: int, others: Integers, before: Floats) -> Floats:
    """What `own` and `given` leave of one week's values, shape (2, 168, n), NaN where nothing
    is known.

    `values` are scores by hour, shape (weeks * 168, n), of which only the weeks before `week`
    teach. `first` is the first hour since 1970; `others` the columns that may explain the rest;
    `before` what was left of the hours before, shape (2, hours, n).
    """
    low, start = max(0, week - PAST) * WEEK, week * WEEK
    held = values[low : start + WEEK]
    past, known = start - low, np.isfinite(held)
    filled, season = carried(held), _season(first + low + np.arange(len(held)))
    weight = 0.5 ** (np.arange(past, 0, -1) / (WEEK * _HALVING))
    found = np.full((EXPECTATIONS, len(held) - past, held.shape[1]), np.nan)
    taught = np.flatnonzero(known[:past].sum(axis=0) >= _LEAST_WEEKS * WEEK)
    near = _nearest(filled[:past], others) if len(taught) else []
    for column in taught:
        mine, of = filled[:, column], near[column]
        found[0, :, column] = _followed(season, mine, known[:past, column], weight, before[0, low:start, column])
        given = np.hstack([season, _bent(filled[:, of])])
        found[1, :, column] = mine[past:] - given[past:] @ _weights(given[:past], mine[:past], known[:past, column], weight)
    found[:, ~known[past:]] = np.nan
    return found


def _followed(features: Floats, values: Floats, known: Mask, weight: Floats, before: Floats) -> Floats:
    """Values less what the features and the column's own last hours let expect, where no hour moves
    the expectation of the next ones by more than three deviations (a robust filter, Masreliez
    1975).

    So one wrong value is one surprise and not two, and a jump stays one until it is believed.
    """
    past, spread = len(weight), _usual(before)
    calm = values.copy()
    calm[:past] -= np.nan_to_num(before - np.clip(before, -_BELIEVED * spread, _BELIEVED * spread))
    lags = np.stack([_lagged(calm[:past], lag) for lag in _LAGS], axis=1)
    shares = _weights(np.hstack([features[:past], lags]), values[:past], known, weight)
    base, own = (features[past:] @ shares[: -len(_LAGS)]).tolist(), shares[-len(_LAGS) :].tolist()
    line, bound = calm.tolist(), _BELIEVED * spread
    found = np.empty(len(base))
    for hour, expected in enumerate(base):
        at = past + hour
        expected += sum(share * line[max(at - lag, 0)] for share, lag in zip(own, _LAGS, strict=True))
        found[hour] = values[at] - expected
        line[at] = expected + min(max(found[hour], -bound), bound)
    return found


def _usual(surprise: Floats) -> float:
    """The spread of surprises; wide where little is known."""
    known = surprise[np.isfinite(surprise)]
    if len(known) <= WEEK:
        return 1.0
    return float(np.sqrt((np.clip(known, -_FARTHEST, _FARTHEST) ** 2).mean())) + _LEAST_SPREAD


def _bent(others: Floats) -> Floats:
    """The other columns, their squares, and the products of the three nearest, because sensors
    seldom go together in a straight line.
    """
    calm = np.clip(others, -_BENT, _BENT)
    products = [calm[:, a] * calm[:, b] for a in range(min(3, calm.shape[1])) for b in range(a)]
    return np.hstack([others, calm**2, *(product[:, None] for product in products)])


def _weights(features: Floats, target: Floats, known: Mask, weight: Floats) -> Floats:
    """The weights of a ridge regression of the known hours of the past."""
    x, w = features[known], weight[known]
    gram = (x * w[:, None]).T @ x
    gram[np.diag_indices_from(gram)] += _RIDGE * np.diag(gram) / max(float(w.sum()), 1.0) + 1e-3
    return np.asarray(np.linalg.solve(gram, x.T @ (w * target[known])))


def _nearest(past: Floats, others: Integers) -> list[Integers]:
    """Of each column the others that go with it most."""
    centred = past - past.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    alike = np.abs(centred.T @ centred[:, others]) / np.maximum(np.outer(spread, spread[others]), 1e-9)
    alike[others, np.arange(len(others))] = -1.0
    ordered = np.argsort(-alike, axis=1, kind="stable")[:, :_MOST_OTHERS]
    return [others[order[alike[column, order] >= 0]] for column, order in enumerate(ordered)]


def _season(hour: Integers) -> Floats:
    """Four harmonics of the day, apart for days off, and the day of the week, shape (hours, 23)."""
    weekday = (hour // 24 + 3) % 7
    off = (weekday >= 5).astype(np.float64)
    waves = [f(2 * np.pi * k * hour / 24) for k in (1, 2, 3, 4) for f in (np.sin, np.cos)]
    days = [(weekday == day).astype(np.float64) for day in range(1, 7)]
    return np.stack([np.ones(len(hour)), *waves, *(wave * off for wave in waves), *days], axis=1)


def carried(values: Floats) -> Floats:
    """The last known value of each column, 0 before the first."""
    place = np.where(np.isfinite(values), np.arange(len(values))[:, None], 0)
    np.maximum.accumulate(place, axis=0, out=place)
    return np.nan_to_num(np.take_along_axis(values, place, axis=0))


def _lagged(values: Floats, lag: int) -> Floats:
    return np.concatenate([np.full(min(lag, len(values)), values[0]), values[:-lag]])[: len(values)]


def steady(surprise: Floats, breaks: Integers, renewed: Mask) -> Floats:
    """Surprises less what lasts: `own` over the spread of the last day where that is larger than
    usual, `given` less its mean of the last weeks. Shapes (2, hours, n).

    `breaks` are hours, by their place, at which the mean of `renewed` columns is learnt anew, such
    as releases those of the answers.
    """
    own, given = surprise
    return np.stack([own / _volatility(own), given - _lasting(given, breaks, renewed)])


def _volatility(surprise: Floats) -> Floats:
    """Spread of the last day over the usual one, at least 1."""
    known = np.isfinite(surprise)
    squares = np.where(known, np.clip(surprise, -_FARTHEST, _FARTHEST), 0.0) ** 2
    usual = np.maximum(squares.sum(axis=0) / np.maximum(known.sum(axis=0), 1), _LEAST_SPREAD**2)
    share = np.where(known, np.minimum(np.where(known, surprise, 0.0) ** 2 / usual, 16.0), 1.0)
    keep, now, found = 0.5 ** (1 / _VOLATILE), np.ones(surprise.shape[1]), np.empty_like(surprise)
    for hour, each in enumerate(share):
        found[hour] = now
        now = keep * now + (1 - keep) * each
    return np.asarray(np.sqrt(np.maximum(found, 1.0)))


def _lasting(surprise: Floats, breaks: Integers, renewed: Mask) -> Floats:
    """The mean of the hours before, fading; no six hours move it by more than three deviations
    would.
    """
    known = np.isfinite(surprise).reshape(-1, _STEP, surprise.shape[1]).sum(axis=1)
    values = np.nan_to_num(surprise).reshape(-1, _STEP, surprise.shape[1]).sum(axis=1) / np.maximum(known, 1)
    keep, found = 0.5 ** (_STEP / _SLOW), np.empty_like(values)
    total, weight, spread = (np.full(surprise.shape[1], start) for start in (0.0, 0.0, 0.3))
    fresh = set((breaks // _STEP).tolist())
    for step, (each, held) in enumerate(zip(values, known, strict=True)):
        if step in fresh:
            weight, total = (np.where(renewed, _AFRESH * kept, kept) for kept in (weight, total))
        mean = total / np.maximum(weight, 24.0)
        found[step] = mean
        off = np.clip(each - mean, -3 * spread, 3 * spread)
        total, weight = keep * total + held * (mean + off), keep * weight + held
        spread += np.where(held > 0, 0.05 * (1.25 * np.minimum(np.abs(each - mean), 4 * spread) - spread), 0.0)
    return np.repeat(found, _STEP, axis=0)

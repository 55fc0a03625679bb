"""Is the difference expected at this time of the day, the week or the year?

The reference is redrawn so that its phases (hour, weekday, month, or a stated period) are mixed as
the current window's are. What then no longer differs was the season's doing. A phase that the
reference never saw proves nothing.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from modelmedic.steps.core.tables.pairing import Codes, Floats, Pair

_LEAST_ROWS = 30  # of the reference in every phase that matters
_SEED = 20130101


def seasonal_matches(pair: Pair, season: timedelta | None) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    """Name of the phase, and the reference rows (with repeats) that carry the current window's mix
    of phases.
    """
    if pair.time is None:
        return
    for name, phases in _phases(pair.time, season):
        rows = _redraw(*phases)
        if rows is not None:
            yield name, rows


def _phases(time: tuple[Floats, Floats], season: timedelta | None) -> Iterator[tuple[str, tuple[Codes, Codes]]]:
    if season is not None:
        period = season.total_seconds()
        yield "the stated season", _each(time, lambda t: np.floor(t % period / period * 24))
    yield "hour of the day", _each(time, lambda t: np.floor(t % 86400 / 3600))
    yield "day of the week", _each(time, lambda t: (np.floor(t / 86400) + 4) % 7)
    yield "hour of the week", _each(time, lambda t: np.floor(t % (7 * 86400) / 3600))
    yield "month of the year", _each(time, _month)


def _each(time: tuple[Floats, Floats], phase: Callable[[Floats], Floats]) -> tuple[Codes, Codes]:
    first, second = (np.where(np.isfinite(t), phase(np.nan_to_num(t)), -1).astype(np.int64) for t in time)
    return first, second


def _month(seconds: Floats) -> Floats:
    months = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    return np.asarray(months % 12, dtype=np.float64)


def _redraw(reference: Codes, current: Codes) -> npt.NDArray[np.int64] | None:
    """None when the two mixes are alike already, or the reference lacks a phase that holds 1 % of
    the current rows.
    """
    count = int(max(reference.max(initial=0), current.max(initial=0))) + 1
    sizes, wanted = (np.bincount(w[w >= 0], minlength=count).astype(float) for w in (reference, current))
    if not sizes.sum() or not wanted.sum():
        return None
    mix, share = sizes / sizes.sum(), wanted / wanted.sum()
    if np.abs(mix - share).sum() / 2 < 0.1 or (sizes[share > 0.01] < _LEAST_ROWS).any():
        return None
    weight = np.divide(share, mix, out=np.zeros(count), where=mix > 0)
    weights = np.where(reference >= 0, weight[np.maximum(reference, 0)], 0.0)
    draw = np.random.default_rng(_SEED)
    return draw.choice(len(reference), size=len(reference), p=weights / weights.sum())

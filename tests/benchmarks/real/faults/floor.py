"""The floor to beat: each column's plain statistics of a week against those of the weeks before, a
rival that knows neither models nor other columns.
"""

import numpy as np
import pandas as pd

from modelmedic.steps.contracts.words import Cause
from tests.benchmarks.real.faults.planting import Planted
from tests.benchmarks.real.faults.sources import Floats, Scene, microseconds

_WEEK = 7 * 86_400_000_000
_FEWEST = 6  # weeks behind it, before it says anything


def scores(case: Planted, history: dict[str, Floats]) -> dict[str, float]:
    """How far beyond its own past each column is, in ranges of that past; the worst statistic."""
    now = _weeks(case.frame, case.scene)
    return {
        column: (np.inf if column not in now else _beyond(before, now[column])) if len(before) >= _FEWEST else 0.0
        for column, before in history.items()
    }


def history(scene: Scene) -> dict[str, Floats]:
    """Statistics of the last year's weeks before the window, per column, shape (weeks, k)."""
    at = scene.source.at
    rows = np.flatnonzero((at < scene.start) & (at >= scene.start - 52 * _WEEK))
    return _weeks(scene.source.rows.iloc[rows], scene)


def accused(found: dict[str, float], threshold: float, target: str) -> tuple[Cause, str | None]:
    """The cause and the column that it names."""
    worst = max(found, key=lambda c: found[c])
    if found[worst] <= threshold:
        return Cause.NONE, None
    return (Cause.LABEL_QUALITY, None) if worst == target else (Cause.DATA_QUALITY, worst)


def _weeks(frame: pd.DataFrame, scene: Scene) -> dict[str, Floats]:
    data = scene.source.policy.data
    week = (microseconds(frame[data.time]) - scene.start) // _WEEK
    parts = [frame[week == w] for w in np.unique(week)]
    parts = [part for part in parts if len(part) >= 20]
    return {
        c: np.array([_statistics(part[c], c in data.categorical) for part in parts])
        for c in (*scene.source.policy.features, data.target)
        if c in frame
    }


def _statistics(values: pd.Series, code: bool) -> list[float]:
    shares = values.value_counts(normalize=True)
    common = [values.isna().mean(), shares.iloc[0] if len(shares) else 1.0, np.log1p(len(shares))]
    if code:
        return [*common, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return [*common, np.inf, np.inf, np.inf, np.inf, np.inf, np.inf]
    return [*common, numbers.mean(), np.log(numbers.std() + 1e-9), *np.quantile(numbers, [0.0, 0.25, 0.75, 1.0])]


def _beyond(before: Floats, now: Floats) -> float:
    low, high = before.min(axis=0), before.max(axis=0)
    wide = np.where(high > low, high - low, np.maximum(np.abs(high) * 0.05, 0.01))
    with np.errstate(invalid="ignore"):
        beyond = np.maximum(now - high, low - now) / wide
    return float(np.nanmax(np.where(np.isnan(beyond), np.inf, beyond), initial=0.0))

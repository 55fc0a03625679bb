"""Values that stand some rows behind their own: labels, or a column, joined to later rows than they
belong to, in all of the window or since a moment inside it.

Learnt on six real streams as they are (births, demand, rain, bikes, seoul, air; 168 windows): the
best of a hundred delays gained at most 5.1 standard errors there, and a planted one 10 and more.
"""

import numpy as np

from modelmedic.steps.core.quality.given import Errors
from modelmedic.steps.core.tables.arrays import Floats

_MOST = 100  # rows
_LEFT, _LEFT_BY_AN_HOUR = 0.5, 0.125  # of the error; one row may be the hour that clocks are changed by
_FAR = 6.0  # standard errors
_AS_USUAL = 6.0  # times the past's mean error; 2.0 was left in a drifting demand, 5.1 in a made autumn
_LEAST_ROWS = 60
_NONE = (0, 1.0)


def late_by(full: Errors) -> tuple[int, float]:
    """The number of rows by which values are late, if since some moment they fit what was expected
    of as many rows before far better than their own, and the share of the error that is left then;
    (0, 1) otherwise.
    """
    truth, expected = full.truth[1], full.truth[1] - full.current
    own, most, usual = full.current**2, min(_MOST, len(truth) // 4), float((full.past**2).mean())
    found = [(_left(own[lag:], (truth[lag:] - expected[:-lag]) ** 2, usual), lag) for lag in range(1, most)]
    left, lag = min(found, default=(1.0, 0))
    return (lag, left) if left < (_LEFT_BY_AN_HOUR if lag == 1 else _LEFT) else _NONE


def _left(own: Floats, earlier: Floats, usual: float) -> float:
    """The share of the squared error that is left by the earlier rows' expectation since the moment
    from which on it gains most (Page 1954); 1 where that is no clear gain, or far from the usual.
    """
    gained = own - earlier
    start = int(np.argmin(np.concatenate([[0.0], np.cumsum(gained)])))
    since = gained[start:]
    if len(since) < _LEAST_ROWS or float(since.mean()) < _FAR * float(since.std()) / np.sqrt(len(since)):
        return 1.0
    left = float(earlier[start:].mean())
    return left / max(float(own[start:].mean()), 1e-12) if left < _AS_USUAL * usual else 1.0

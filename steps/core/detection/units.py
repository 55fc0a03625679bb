"""Changes of unit: the quantiles of two windows lie on one line through a factor of conversion.

Only factors of ten or more: winter is a factor of 3.3, and a sunny week one of 1.8.
"""

import numpy as np

from modelmedic.steps.core.tables.arrays import Floats, distinct

_FACTORS = (1e6, 1e3, 3600.0, 100.0, 60.0, 24.0, 12.0, 10.0)
_BY_SIZE = tuple(sorted({s for factor in _FACTORS for s in (factor, 1 / factor)} | {-1.0}))


def changed_scale(before: Floats, after: Floats, rows: float) -> str:
    """The words for a change of unit, or an empty text.

    `before` and `after` are the same quantiles of both windows; `rows` counts the independent rows
    of the smaller one.
    """
    spread = float(before.std())
    if spread == 0 or len(distinct(before)[0]) < 8 or np.abs(after - before).mean() < max(0.3, 6 / np.sqrt(rows)) * spread:
        return ""
    noise = 0.05 + 3 / np.sqrt(rows)
    for scale in _BY_SIZE:
        scaled = np.sort(before * scale)
        if scale > 0 and np.abs(after - scaled).mean() < min(noise, 0.12) * abs(scale) * spread:
            return f"multiplied by {scale:.4g}" if scale >= 1 else f"divided by {1 / scale:.4g}"
        if scale == -1.0 and abs(before.mean()) > 1.5 * spread and np.abs(after - scaled).mean() < 0.12 * spread:
            return "negated"
    return ""

"""The errors of a memory beside their own past: by how much they grew, and the one segment in which
they did. Of labels and of columns alike.
"""

import numpy as np

from modelmedic.steps.contracts.detection import Segment
from modelmedic.steps.core.quality.given import Errors
from modelmedic.steps.core.quality.past import Past, block_means

_LEAST_ROWS, _LEAST_BEFORE, _MOST_OF_ROWS = 20, 50, 0.8
_ALL_OF_IT, _LITTLE = 0.85, 0.3  # of the growth inside; of the usual error, that grew outside


def growth(past: Past, full: Errors) -> float:
    """The mean squared error as a multiple of the worst block's of the past."""
    usual = block_means(full.block, full.past**2, past.blocks)
    return float((full.current**2).mean()) / max(float(np.nanmax(usual)), 1e-12) if np.isfinite(usual).any() else 0.0


def error_segment(past: Past, full: Errors, but: str = "") -> Segment | None:
    """The one code inside of which (nearly) all of the new error lies; `but` names a column that
    does not count. A stretch of time, such as a month, is no segment.
    """
    best: tuple[float, Segment] | None = None
    usual, now = full.past**2, full.current**2
    if float(now.sum() - usual.mean() * len(now)) <= 0:
        return None
    for cut in past.lore.segmenting:
        if cut.name == but:
            continue
        names = cut.cells.names
        old, new = cut.cells.reference[full.places], cut.cells.current[full.rows]
        size, its = np.bincount(new, minlength=len(names)), np.bincount(old, minlength=len(names))
        mean = np.bincount(old, usual, minlength=len(names)) / np.maximum(its, 1)
        excess = np.bincount(new, now, minlength=len(names)) - mean * size
        for number in range(len(names) - 1):
            if not _LEAST_ROWS <= size[number] <= _MOST_OF_ROWS * len(now) or its[number] < _LEAST_BEFORE:
                continue
            rest = float(excess.sum() - excess[number])
            share = float(excess[number]) / max(float(excess.sum()), 1e-12)
            little = rest < _LITTLE * float((mean * size).sum() - mean[number] * size[number])
            if share > _ALL_OF_IT and little and (best is None or share > best[0]) and np.count_nonzero(np.diff(new == number)) > 2:
                best = (share, Segment(cut.name, names[number]))
    return best[1] if best else None

"""A change of the model: other answers to the same inputs.

A model is a function of its inputs. Where its answers to the same inputs have changed, either
another model answers, or the recorded inputs are not those that the model saw; the world has no
part in it.
"""

from dataclasses import dataclass

import numpy as np

from modelmedic.steps.contracts.detection import Segment
from modelmedic.steps.core.statistics.crossfit import remember, thin_mask
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.pairing import Pair, finite

_MOST_ROWS = 30_000
_LEAST_EXPLAINED = 0.3  # of the answers' variance, before the memory of them is trusted
_LEAST_GROWTH = 1.5  # of the memory's squared error …
_LEAST_CHANGE = 0.02  # … and by that share of the answers' variance


@dataclass(frozen=True)
class RememberedAnswers:
    """The old model's answers as the reference remembers them (reference rows: by a forest that has
    not seen them), and their error now.

    `known` selects rows of each window that have an answer, at most 30,000; `expected` and `error`
    belong to those rows.
    """

    known: tuple[Mask, Mask]
    expected: tuple[Floats, Floats]
    error: tuple[Floats, Floats]
    spread: float
    supported: Mask

    def changed(self, chosen: Mask | None = None) -> bool:
        """True when the answers in the chosen current rows (a mask over those with an answer) are
        another function of the inputs.
        """
        return self.growth(chosen) > _LEAST_GROWTH and self.change(chosen) > _LEAST_CHANGE

    def change(self, chosen: Mask | None = None) -> float:
        """The growth of the squared error as a share of the answers' variance, without rows outside
        of the reference's range.
        """
        after = self._after(chosen)
        return (float(after.mean()) - float(self.error[0].mean())) / self.spread if len(after) >= 50 else 0.0

    def growth(self, chosen: Mask | None = None) -> float:
        after = self._after(chosen)
        return float(after.mean()) / max(float(self.error[0].mean()), 1e-12) if len(after) >= 50 else 1.0

    def changed_segment(self, both: Pair) -> Segment | None:
        """The one code inside of which the answers changed, when outside of it they did not."""
        best: tuple[float, Segment] | None = None
        usual = float(self.error[0].mean())
        for cut in both.segmenting:
            which = cut.cells.current[self.known[1]]
            size = np.bincount(which, minlength=len(cut.cells.names))
            total = np.bincount(which, self.error[1], minlength=len(cut.cells.names))
            inside = total / np.maximum(size, 1)
            outside = (total.sum() - total) / np.maximum(size.sum() - size, 1)
            for number in np.flatnonzero((size >= 50) & (size.sum() - size >= 100) & (outside < 1.5 * usual) & (inside > 4 * usual)):
                if number < len(inside) - 1 and (best is None or inside[number] > best[0]) and comes_and_goes(which == number):
                    best = (float(inside[number]), Segment(cut.name, cut.cells.names[number]))
        return best[1] if best else None

    def _after(self, chosen: Mask | None) -> Floats:
        return self.error[1][self.supported if chosen is None else self.supported & chosen]


def comes_and_goes(inside: Mask) -> bool:
    """True for rows that lie among the others; a month, of which a window sees one stretch, is a
    span of time and no segment.
    """
    return int(np.count_nonzero(np.diff(inside))) > 2


def remember_answers(both: Pair) -> RememberedAnswers | None:
    """The memory of the answers; None without answers in both windows, or where the inputs explain
    too little of them.
    """
    if both.prediction is None:
        return None
    known = (np.isfinite(both.prediction[0]), np.isfinite(both.prediction[1]))
    if known[1].sum() < 50:
        return None
    known = (thin_mask(known[0], _MOST_ROWS), thin_mask(known[1], _MOST_ROWS))
    given = (both.prediction[0][known[0]], both.prediction[1][known[1]])
    memory = remember(both.columns, given[0], known, rounds=80)
    if memory is None or memory.explained < _LEAST_EXPLAINED:
        return None
    expected = (memory.reference, memory.current)
    error = ((given[0] - expected[0]) ** 2, (given[1] - expected[1]) ** 2)
    return RememberedAnswers(known, expected, error, float(given[0].var()), supported_rows(both)[known[1]])


def supported_rows(both: Pair) -> Mask:
    """The current rows inside of the reference's range in every number (0.5 % off at either
    end).
    """
    keep = np.ones(both.rows[1], dtype=bool)
    share = 0.005 if len(both.columns) <= 40 else 0.0005
    for column in both.columns:
        if column.numeric:
            old = finite(column.reference)
            old = np.sort(old[:: max(len(column.reference) // 20_000, 1)])
            if len(old) < 20:
                continue
            low, high = old[int(share * (len(old) - 1))], old[int((1 - share) * (len(old) - 1))]
            new = np.asarray(column.current, dtype=np.float64)
            keep &= ~((new < low) | (new > high))
    return keep

"""Problems of a column of codes: values never seen, one value only, a value that vanished, names
exchanged.
"""

from collections.abc import Iterator

import numpy as np
from scipy.special import chdtrc

from modelmedic.steps.contracts.detection import Problem, ProblemKind
from modelmedic.steps.core.tables.arrays import Integers
from modelmedic.steps.core.tables.pairing import Column

_LEAST_UNSEEN = 0.01


def code_problems(column: Column, part: Column) -> Iterator[Problem]:
    """At most one problem of each kind in these rows of one column; `part` has some of its rows, or
    all.
    """
    before, after = part.counts
    if not before.any() or not after.any():
        return
    whole = len(part.reference) == len(column.reference)
    found = _unseen_codes(column, before, after, len(part.current)) or _single_code(column, before, after)
    if whole:  # in a segment any two mixes look alike, and a code that comes or goes there is a change of the world
        found = found or _vanished_code(column, before, after) or _exchanged_names(column, before, after)
    if found:
        yield found


def _unseen_codes(column: Column, before: Integers, after: Integers, rows: int) -> Problem | None:
    """More values that the reference never had than its own rare values let expect (Good 1953:
    singletons / rows).

    A value that is new to the segment and known to the rest of the reference is no new value.
    """
    fresh = column.counts[0] == 0
    unseen = float(after[fresh].sum() / rows)
    expected = float((before == 1).sum() / before.sum())
    if unseen < _LEAST_UNSEEN + 3 * expected or after[fresh].sum() < 5:
        return None
    worst = column.vocabulary[int(np.where(fresh, after, -1).argmax())]
    sentence = f"column {column.name} has values that the reference never had in {unseen:.0%} of the rows, most often {worst!r}"
    return Problem(ProblemKind.UNSEEN_CATEGORIES, column.name, sentence, unseen)


def _single_code(column: Column, before: Integers, after: Integers) -> Problem | None:
    if (after > 0).sum() != 1 or before[after.argmax()] / before.sum() > 0.9 or (before > 0).sum() < 2:
        return None
    share = 1 - float(before[after.argmax()] / before.sum())
    return Problem(
        ProblemKind.CONSTANT, column.name, f"column {column.name} is {column.vocabulary[int(after.argmax())]!r} in every row", share
    )


def _exchanged_names(column: Column, before: Integers, after: Integers) -> Problem | None:
    """The same shares under other names: five codes or more do not exchange their places by
    chance.
    """
    if (before > 0.02 * before.sum()).sum() < 5 or min(before.sum(), after.sum()) < 500:
        return None
    p, q = before / before.sum(), after / after.sum()
    if np.abs(p - q).sum() / 2 < 0.25:
        return None
    first, second = np.sort(before)[::-1], np.sort(after)[::-1]
    counted = first + second > 0
    expected = (first + second)[counted] / (before.sum() + after.sum())
    statistic = sum(float(((w[counted] - expected * w.sum()) ** 2 / (expected * w.sum())).sum()) for w in (first, second))
    if chdtrc(max(int(counted.sum()) - 1, 1), statistic) < 0.05 or _one_alone(before, after):
        return None
    return Problem(
        ProblemKind.REMAPPED, column.name, f"the codes of column {column.name} have exchanged their places", float(np.abs(p - q).sum() / 2)
    )


def _one_alone(before: Integers, after: Integers) -> bool:
    """True when a single code became more or less frequent and all the others kept their
    proportions: a mix that moved.
    """
    for number in np.flatnonzero(before + after):
        rest = np.arange(len(before)) != number
        p, q = before[rest], after[rest]
        if not p.sum() or not q.sum():
            continue
        expected = (p + q) / (p.sum() + q.sum())
        kept = expected > 0
        statistic = sum(float(((w - expected * w.sum())[kept] ** 2 / (expected * w.sum())[kept]).sum()) for w in (p, q))
        if chdtrc(max(int(kept.sum()) - 1, 1), statistic) > 1e-3:
            return True
    return False


def _vanished_code(column: Column, before: Integers, after: Integers) -> Problem | None:
    share = before / before.sum()
    gone = (after == 0) & (share > 0.05) & (share * after.sum() > 60)
    if not gone.any():
        return None
    worst = int(np.where(gone, share, 0).argmax())
    sentence = f"column {column.name} has no row with {column.vocabulary[worst]!r} any more, which held {share[worst]:.0%} of the reference"
    return Problem(ProblemKind.TRUNCATED, column.name, sentence, float(share[gone].sum()))

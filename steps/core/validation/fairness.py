"""The fairness gate: a binary challenger may not treat the groups of a column so much more
differently than its champion does that the policy's limit is passed. Called beside the other gates.

An answer counts as positive from `validate.fairness.threshold` on. Of two groups g and h three
rates are compared: the share of positive answers, P(yes | g) - P(yes | h) (demographic parity), and
the same among rows with label 1 and among rows with label 0 (equalised odds; Hardt, Price and
Srebro 2016). The largest of the three over all pairs of groups is the column's difference.

Each difference has a two-sided interval at `validate.confidence`, widened by the number of
differences that are judged of all columns (Bonferroni), because the largest of many is large by
chance. Its half width is that of rows which err together within blocks of time, as of every other
gate, or Agresti and Caffo's (2000), whichever is greater: a rate of 0 or 1 among few rows has no
spread of its own. The gate fails where the lower end lies above `maxDifference` and, on the same
pair, the challenger's difference is shown to be larger than the champion's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import Gate
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.statistics.metrics import Blocks, Interval, interval_of
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.slices import Slice, slices

LEAST_GROUP: Final = 100  # rows; a smaller group is not judged
_LEAST_RATE: Final = 30  # rows with the label, below which a group's rate among them is not judged


@dataclass(frozen=True)
class GroupedAnswers:
    """Labelled rows with both models' answers, shape (n,), and the features by whose groups they
    are compared.
    """

    target: Floats
    challenger: Floats
    champion: Floats
    blocks: Blocks
    columns: Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class _Compared:
    """One difference that is judged: of a rate among some rows of two groups, the masks of which
    are over all rows.
    """

    rate: str
    first: Slice
    second: Slice
    rows: tuple[Mask, Mask]


def fairness_gates(policy: Policy, asked: GroupedAnswers) -> tuple[Gate, ...]:
    """A gate for each column of `validate.fairness.columns`; none for a regression, which says yes
    to nobody.
    """
    if policy.data.task is not Task.BINARY:
        return ()
    judged = {column: list(_compared(asked.target, _groups(column, asked))) for column in policy.validation.fairness.columns}
    count = sum(len(each) for each in judged.values())
    return tuple(_gate(policy, column, asked, pairs, count) for column, pairs in judged.items())


def _groups(column: str, asked: GroupedAnswers) -> list[Slice]:
    return [each for each in slices(column, asked.columns[column]) if int(each.rows.sum()) >= LEAST_GROUP]


def _compared(target: Floats, groups: Sequence[Slice]) -> Iterator[_Compared]:
    """The differences of every pair of groups whose rates rest on enough rows."""
    every = np.ones(len(target), dtype=bool)
    for rate, among in (("positive answers", every), ("true positives", target > 0.5), ("false positives", target <= 0.5)):
        enough = [(group, group.rows & among) for group in groups if int((group.rows & among).sum()) >= _LEAST_RATE]
        for (first, rows), (second, others) in combinations(enough, 2):
            yield _Compared(rate, first, second, (rows, others))


def _gate(policy: Policy, column: str, asked: GroupedAnswers, pairs: Sequence[_Compared], count: int) -> Gate:
    limit, name = policy.validation.fairness.maxDifference, f"fairness:{column}"
    if not pairs:
        return Gate(name, True, f"not judged: no two groups of {column} have the {LEAST_GROUP} labelled rows that are needed")
    confidence = 1 - (1 - policy.validation.confidence) / count
    least = policy.validation.fairness.threshold
    yes, before = ((answers >= least).astype(np.float64) for answers in (asked.challenger, asked.champion))
    found = [(pair, _difference(pair, yes, asked.blocks, confidence)) for pair in pairs]
    over = [(pair, seen) for pair, seen in found if seen.low > limit]
    worse = [(pair, seen) for pair, seen in over if _more(pair, yes, before, asked.blocks, confidence)]
    pair, seen = max(worse or over or found, key=lambda each: each[1].low if over else each[1].value)
    words = f"of {column}'s groups {pair.first.name} and {pair.second.name} differ most in their share of {pair.rate}: {seen.value:.3f}"
    bounds = f"({seen.low:.3f} to {seen.high:.3f}; the champion's {_value(pair, before):.3f}); {limit:g} is allowed"
    excuse = ", and it is not shown to be more than the champion's" if over and not worse else ""
    low, high = (bound if np.isfinite(bound) else None for bound in (seen.low, seen.high))
    return Gate(name, not worse, f"{words} {bounds}{excuse}", seen.value, limit, low, high)


def _means(pair: _Compared, values: Floats) -> tuple[float, float]:
    first, second = (float(values[rows].mean()) for rows in pair.rows)
    return first, second


def _value(pair: _Compared, yes: Floats) -> float:
    first, second = _means(pair, yes)
    return abs(first - second)


def _difference(pair: _Compared, yes: Floats, blocks: Blocks, confidence: float) -> Interval:
    """The absolute difference of two rates, with its interval; `yes` is 1 for a positive answer."""
    value = _value(pair, yes)
    half = max(_half_width(pair, yes, blocks, confidence), _agresti_caffo(pair, yes, confidence))
    return Interval(value, value - half, value + half)


def _more(pair: _Compared, yes: Floats, before: Floats, blocks: Blocks, confidence: float) -> bool:
    """True when the challenger's difference is shown to be larger than the champion's on this pair,
    by the rows that the two answer differently.
    """
    first, second = _means(pair, yes)
    more, less = _means(pair, yes - before)
    gained = more - less if first >= second else less - more
    return gained > _half_width(pair, yes - before, blocks, confidence)


def _half_width(pair: _Compared, values: Floats, blocks: Blocks, confidence: float) -> float:
    """Of the interval of a difference of two means, for rows that err together within blocks."""
    first, second = (
        (values - mean) * rows * (len(blocks) / int(rows.sum())) for rows, mean in zip(pair.rows, _means(pair, values), strict=True)
    )
    return interval_of(0.0, first - second, blocks, confidence).high


def _agresti_caffo(pair: _Compared, yes: Floats, confidence: float) -> float:
    """Half the width of the interval of a difference of two shares, each with one success and one
    failure added (Agresti and Caffo 2000).
    """
    from scipy.stats import norm

    sizes = [int(rows.sum()) + 2 for rows in pair.rows]
    shares = [(int(yes[rows].sum()) + 1) / size for rows, size in zip(pair.rows, sizes, strict=True)]
    variance = sum(share * (1 - share) / size for share, size in zip(shares, sizes, strict=True))
    return float(norm.ppf(0.5 + confidence / 2) * np.sqrt(variance))

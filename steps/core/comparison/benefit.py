"""The verdict on a heal: does the version that it put in place lose less than the version before
would have lost on the same rows? Called by the assessment (reconcile/assess.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from modelmedic.steps.contracts.comparison import LossBlock
from modelmedic.steps.core.comparison.blocks import means
from modelmedic.steps.core.comparison.rise import mean_rise

_ERROR = 0.1  # of the interval, at all looks together: a wrong verdict costs a line in a report
LEAST_LABELS = 100


@dataclass(frozen=True, slots=True)
class Benefit:
    """`effective` is True when the new version lost less; `told_apart` when the interval says so as
    well.
    """

    effective: bool
    told_apart: bool
    sentence: str


def benefit(new: str, old: str, since: Sequence[LossBlock], before: Sequence[LossBlock], loss: str) -> Benefit | None:
    """The verdict from the days since the heal; `before` are blocks from which the range of a day's
    difference is learnt. None with too few labels to say anything.
    """
    labels = sum(block.rows for block in since)
    rise = mean_rise(since, _ERROR, before)
    if rise is None or labels < LEAST_LABELS:
        return None
    served, other = means(since)
    effective = served < other
    told = rise.high < 0 if effective else rise.low > 0
    verdict = "not told apart" if not told else "effective" if effective else "not effective"
    bound = -rise.high if effective else rise.low
    sure = (
        f"{bound:.1%} {'less' if effective else 'more'} on a typical day at least" if told else f"{rise.low:+.1%} to {rise.high:+.1%} a day"
    )
    sentence = (
        f"{verdict}: mean {loss} of version {new} since is {served:.4g} on {labels} labels, of version {old} on the same rows "
        f"{other:.4g} ({sure}, {1 - _ERROR:.0%} interval)"
    )
    return Benefit(effective, told, sentence)

"""The ablation of rows in doubt: the losses of a model that was taught with them, of one that was
taught without, and of the champion, on the same newest rows. Called by the retrain stage.
"""

import math
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from modelmedic.steps.contracts.comparison import Ablation, AblationBlock, LossBlock
from modelmedic.steps.core.comparison.blocks import means, short
from modelmedic.steps.core.comparison.rise import rise_at_once
from modelmedic.steps.core.tables.arrays import Floats

_ERROR = 0.05  # of the bound on a typical block: the words inform a person, and gates follow


def ablation(
    seconds: Floats, taught_with: Floats | None, taught_without: Floats | None, champion: Floats | None, *, doubtful: int
) -> Ablation | None:
    """The comparison, by ten blocks or more of alike rows; `seconds` since 1970 and each model's
    losses per row, shapes (n,), None for a model that is not there. None without a row that every
    model there has a loss of, or without either challenger.
    """
    if taught_with is None and taught_without is None:
        return None
    nothing = np.full(len(seconds), np.nan)
    each = [nothing if losses is None else losses for losses in (taught_with, taught_without, champion)]
    there = [losses for losses in (taught_with, taught_without, champion) if losses is not None]
    known = np.logical_and.reduce([np.isfinite(losses) for losses in there])
    if not known.any():
        return None
    at, (first, second, third) = seconds[known], (losses[known] for losses in each)
    pairs, beside = short(at, first, second), short(at, first, third)
    blocks = tuple(_block(pair, other) for pair, other in zip_longest(pairs, beside))
    (mean_with, mean_without), (_, mean_champion) = means(pairs), means(beside)
    found = Ablation(doubtful, int(known.sum()), blocks, _number(mean_with), _number(mean_without), _number(mean_champion))
    return replace(found, sentence=f"{_losses(found)}{_difference(pairs)}")


def _block(pair: LossBlock, beside: LossBlock) -> AblationBlock:
    return AblationBlock(pair.start, pair.rows, _number(pair.served), _number(pair.other), _number(beside.other))


def _number(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None


def _losses(found: Ablation) -> str:
    """The losses of the models that are there in one sentence."""
    whom = f"the {found.doubtful} doubtful rows a model loses"
    without = "without them" if found.taught_with is not None else f"taught without {whom}"
    each = ((f"taught with {whom}", found.taught_with), (without, found.taught_without), ("the one that serves", found.champion))
    first, *rest = [f"{who} {loss:.3g}" for who, loss in each if loss is not None]
    return ", ".join([f"{first} on the newest {found.rows} labels", *rest])


def _difference(pairs: tuple[LossBlock, ...]) -> str:
    """Whether chance could make the difference between the two challengers, as the end of the
    sentence; empty where only one was asked.
    """
    if not all(math.isfinite(block.served + block.other) for block in pairs):
        return ""
    turned = tuple(replace(block, served=block.other, other=block.served) for block in pairs)
    for blocks, words in ((turned, "without them"), (pairs, "with them")):
        rise = rise_at_once(blocks, _ERROR)
        if rise is not None and rise.least > 0:
            return f"; {words} a model loses at least {rise.least:.0%} more on a typical one of {len(pairs)} stretches"
    return f"; on {len(pairs)} stretches chance may have made the difference between the two"

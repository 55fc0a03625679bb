"""Expectations by the reference: the label of a row where no model answers, and the errors that a
model usually makes.

With these taken out, a mere shift of the inputs leaves no trace in the residuals of an imperfect
model; what is left is a change of the world.
"""

import dataclasses

import numpy as np

from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.statistics.crossfit import Memory, remember, thin_mask
from modelmedic.steps.core.statistics.residuals import LabelledRows, labelled_rows
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.pairing import Column, Pair
from modelmedic.steps.core.tables.row_loss import row_loss

_MOST_ROWS = 20_000


def rows_against_expectation(both: Pair) -> LabelledRows | None:
    """The labelled rows with residuals against what the reference lets expect; None when there are
    too few.
    """
    rows = labelled_rows(both)
    return _without_usual_errors(both, rows) if rows is not None else _rows_without_predictions(both)


def _without_usual_errors(both: Pair, rows: LabelledRows) -> LabelledRows:
    memory = remember(both.columns, rows.residual[0], rows.masks, rounds=40)
    if memory is None:
        return rows
    gain = rows.residual[0] ** 2 - (rows.residual[0] - memory.reference) ** 2
    if gain.mean() < 3 * gain.std() / np.sqrt(len(gain)):
        return rows  # on average the model is right everywhere
    left = (rows.residual[0] - memory.reference, rows.residual[1] - memory.current)
    return dataclasses.replace(rows, residual=left)


def _rows_without_predictions(both: Pair) -> LabelledRows | None:
    if both.target is None or both.prediction is not None or both.task is None:
        return None
    masks = (np.isfinite(both.target[0]), np.isfinite(both.target[1]))
    if min(mask.sum() for mask in masks) < 50:
        return None
    first, second = both.target[0][masks[0]], both.target[1][masks[1]]
    memory = remember(both.columns, first, masks, rounds=80)
    if memory is None:
        return None
    guess = [np.clip(g, 0.002, 0.998) if both.task is Task.BINARY else g for g in (memory.reference, memory.current)]
    loss = (row_loss(both.task, first, guess[0]), row_loss(both.task, second, guess[1]))
    return LabelledRows(both.task, masks, (guess[0], guess[1]), (first, second), (first - guess[0], second - guess[1]), loss, imagined=True)


def learnable_share(both: Pair, rows: LabelledRows) -> float:
    """The share of the risen squared residual that the inputs explain in the current window beyond
    what they did in the reference.

    The rest comes from harder rows, which no model would answer better; cross-fitted forests tell
    the two apart.
    """
    before, after = (y - p for y, p in zip(rows.target, rows.prediction, strict=True))
    place = thin_mask(rows.masks[0], _MOST_ROWS)
    usual = remember(both.columns, before[place[rows.masks[0]]], (place, np.zeros(both.rows[1], dtype=bool)), rounds=40)
    now = current_memory(both.columns, after, rows.masks)
    risen = float((after**2).mean() - (before**2).mean())
    if usual is None or now is None or risen <= 0:
        return 1.0
    return (now.explained * float(after.var()) - usual.explained * float(before.var())) / risen


def current_memory(columns: tuple[Column, ...], values: Floats, rows: tuple[Mask, Mask]) -> Memory | None:
    """A memory of the current window in the reference's place: how much the inputs explain of some
    values of its labelled rows, which `rows[1]` selects.
    """
    place = thin_mask(rows[1], _MOST_ROWS)
    turned = tuple(dataclasses.replace(c, reference=c.current, current=c.reference[:1]) for c in columns)
    return remember(turned, values[place[rows[1]]], (place, np.zeros(1, dtype=bool)), rounds=40)

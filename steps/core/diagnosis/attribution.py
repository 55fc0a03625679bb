"""Attributions: by how much a champion's answers depend on each column, and the order of moved
columns by it. A column that moved far and that no answer depends on stands behind one that moved
little and matters. Called by the diagnose stage once the remedy is decided.

A column's attribution is the mean change of an answer when the column's values are shuffled over
the rows and all others stay (Breiman's permutation, of answers instead of losses, so that it needs
no labels and works for whatever answers rows). It is measured in both windows; the difference is
the attribution drift.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence, Hypothesis
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.thinning import thin

MOST_COLUMNS: Final = 40  # the blamed ones first
_MOST_ROWS: Final = 500  # of each window
_MOST_ASKED: Final = 20_000  # rows of each window, the shuffled ones counted
_SEED: Final = 0
_NAMED: Final = 5
_LEADING: Final = 4  # columns that a sentence begins with


@dataclass(frozen=True, slots=True)
class Attribution:
    """The mean change of an answer by shuffling one column, in the answer's unit, in the reference
    and in the current window; `z` of their difference.
    """

    reference: float
    current: float
    z: float

    @property
    def weight(self) -> float:
        """The larger of both: a column that is stuck now has none of its own any more."""
        return max(self.reference, self.current)


def shuffled(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Rows of a window as they are, evenly taken, and below them once more for each column with
    that one shuffled. Bounded in rows, and the same for the same rows.
    """
    sample = thin(rows, min(_MOST_ROWS, _MOST_ASKED // (len(columns) + 1))).combine_chunks()
    random = np.random.default_rng(_SEED)
    parts = [sample]
    for name in columns:
        place = sample.column_names.index(name)
        parts.append(sample.set_column(place, sample.schema.field(place), sample[name].take(pa.array(random.permutation(sample.num_rows)))))
    return pa.concat_tables(parts)


def attributions(columns: Sequence[str], reference: Floats, current: Floats) -> dict[str, Attribution]:
    """The attributions by the answers to both windows' `shuffled` rows; empty where one answer is
    no number.
    """
    if not (np.isfinite(reference).all() and np.isfinite(current).all()):
        return {}
    before, after = (_changes(answers, len(columns)) for answers in (reference, current))
    errors = np.hypot(*(each.std(axis=1) / max(each.shape[1], 1) ** 0.5 for each in (before, after)))
    means = before.mean(axis=1), after.mean(axis=1)
    z = np.divide(means[1] - means[0], errors, out=np.zeros(len(columns)), where=errors > 0)
    return {name: Attribution(float(means[0][i]), float(means[1][i]), float(z[i])) for i, name in enumerate(columns)}


def weighted(found: Diagnosis, effects: Mapping[str, float], measured: Mapping[str, Attribution]) -> Diagnosis:
    """The diagnosis with the columns of moved inputs in the order of effect times attribution, in
    itself and in its runners-up, and the attributions as evidence. Columns without one stay behind
    those that have one, in their order.
    """
    if not measured:
        return found
    columns = _ordered(found.columns, effects, measured) if found.cause is Cause.COVARIATE_SHIFT else found.columns
    others = tuple(_of_runner(each, effects, measured) for each in found.runners_up)
    evidence = tuple(_evidence(name, measured[name]) for name in columns if name in measured)[:_NAMED]
    sentence = _renamed(found.sentence, found.columns, columns)
    return replace(found, columns=columns, runners_up=others, evidence=(*found.evidence, *evidence), sentence=sentence)


def _changes(answers: Floats, columns: int) -> Floats:
    """How far each answer went by each shuffle, shape (columns, rows)."""
    each = answers.reshape(columns + 1, -1)
    return np.asarray(np.abs(each[1:] - each[0]))


def _ordered(columns: tuple[str, ...], effects: Mapping[str, float], measured: Mapping[str, Attribution]) -> tuple[str, ...]:
    def weight(name: str) -> float:
        return effects.get(name, 0.0) * measured[name].weight if name in measured else -1.0

    return tuple(sorted(columns, key=weight, reverse=True))


def _of_runner(runner: Hypothesis, effects: Mapping[str, float], measured: Mapping[str, Attribution]) -> Hypothesis:
    if runner.cause is not Cause.COVARIATE_SHIFT:
        return runner
    columns = _ordered(runner.columns, effects, measured)
    return replace(runner, columns=columns, sentence=_renamed(runner.sentence, runner.columns, columns))


def _renamed(sentence: str, before: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """The sentence with the columns that it begins with in their new order."""
    first = ", ".join(before[:_LEADING])
    return ", ".join(columns[:_LEADING]) + sentence[len(first) :] if first and sentence.startswith(f"{first} moved") else sentence


def _evidence(name: str, seen: Attribution) -> Evidence:
    said = f"shuffling {name} changes an answer by {seen.current:.3g}, and by {seen.reference:.3g} in the reference (z = {seen.z:.1f})"
    return Evidence("attribution.measured", said, seen.current - seen.reference)

"""Labels of three classes and more, which are no number and not two classes: refused in plain
words wherever a table with labels is read.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from modelmedic.steps.contracts.errors import BadInput
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.tables.arrays import Floats, distinct

MOST_CLASSES: Final = 20  # whole numbers with more values are a count or an amount
_FAULTY: Final = 0.001  # of the labels: so few may be faults of their rows, which other checks look at
_WORDS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_JUDGED: Final = "modelmedic judges two classes or a number"
_ONE_EACH: Final = "Use one policy a class"


def told_task(name: str, labels: Floats) -> Task:
    """The task of labels for which none was named; `labels` hold NaN where none is known. Raises
    BadInput for a few whole numbers, which may be classes or a count.
    """
    values, _ = distinct(labels[np.isfinite(labels)])
    if len(values) and set(values.tolist()) <= {0.0, 1.0}:
        return Task.BINARY
    if 2 <= len(values) <= MOST_CLASSES and not (values % 1).any():
        number = "Name it with --task regression where it is a number"
        if len(values) == 2:
            raise BadInput(f"{name} is {_listed(values)}; expected 0 and 1 for two classes. {number}")
        raise BadInput(f"{_classes(name, len(values))} ({_listed(values)}); {_JUDGED}. {_ONE_EACH}. {number}")
    return Task.REGRESSION


def expect_two_classes(name: str, labels: Floats) -> None:
    """Raises BadInput for labels of a binary task that are not 0 and 1, but for a few faulty ones;
    NaN where none is known.
    """
    values, counts = distinct(labels[np.isfinite(labels)])
    odd = (values != 0) & (values != 1)
    if not odd.any() or counts[odd].sum() <= _FAULTY * counts.sum():
        return
    if len(values) == 2:
        raise BadInput(f"{name} is {_listed(values)}; expected 0 and 1, because the task is binary")
    if len(values) <= MOST_CLASSES and not (values % 1).any():
        raise BadInput(f"{_classes(name, len(values))} ({_listed(values)}); {_JUDGED}. {_ONE_EACH}")
    raise BadInput(f"{name} has {len(values)} different numbers; expected 0 and 1, because the task is binary, or the task regression")


def expect_two_words(name: str, words: Sequence[str]) -> None:
    """Raises BadInput unless there are exactly two different words, which stand for two classes."""
    if len(words) == 2:
        return
    if 3 <= len(words) <= MOST_CLASSES:
        raise BadInput(f"{_classes(name, len(words))} ({_and(words)}); {_JUDGED}. {_ONE_EACH}")
    raise BadInput(f"{name} holds {len(words)} different words; expected two words or 0 and 1 (binary), or numbers (regression)")


def _classes(name: str, count: int) -> str:
    return f"{name} has {_WORDS[count] if count < len(_WORDS) else count} classes"


def _listed(values: Floats) -> str:
    return _and([f"{value:g}" for value in values])


def _and(words: Sequence[str]) -> str:
    shown = words if len(words) <= 8 else (*words[:6], "…", words[-1])
    return f"{', '.join(shown[:-1])} and {shown[-1]}"

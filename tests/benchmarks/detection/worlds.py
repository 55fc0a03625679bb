"""Quiet worlds: rows of correlated columns of every kind, in an order of time in which neighbours
may be alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.signal import lfilter

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.words import Task

ROLES = Roles(target="y", prediction="p")
Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Kind:
    """`rows` of a window, reference and windows `reference` to one, `columns`; `alike` is the
    correlation of neighbouring rows.

    `days`: a window is fourteen of them, and on each all labels lie higher or lower by a draw of
    this deviation (in logit, or in deviations of the noise) that no input knows of.
    """

    rows: int
    reference: float
    columns: int
    alike: float = 0.0
    days: float = 0.0
    task: Task = Task.BINARY


def table(kind: Kind, rows: int, random: np.random.Generator, *, shift: float = 0.0, turned: float = 0.0, start: int = 0) -> pa.Table:
    """One stretch of the world. From row `start` on, column x0 lies `shift` standard deviations
    higher, and the model answers `turned` times the wrong way round: at 0.5 an answer that should
    be 1 above the middle is 0.5 below it.
    """
    hidden = _series(random, rows, kind.alike)
    columns: dict[str, Values] = {}
    for number in range(kind.columns):
        own = _series(random, rows, kind.alike)
        columns[f"x{number}"] = _shaped(own if number % 2 == 0 else 0.8 * own + 0.6 * hidden, number, random)
    columns["x0"] = columns["x0"] + shift * (np.arange(rows) >= start)
    line = 0.8 * hidden + 0.4 * columns["x0"]
    answer = np.where(np.arange(rows) < start, line, -turned * line) if turned else line
    day = np.arange(rows) * 14 // kind.rows
    level = kind.days * random.normal(size=int(day[-1]) + 1)[day] if kind.days else 0.0
    if kind.task is Task.BINARY:
        chance, said = (1 / (1 + np.exp(1 - logit)) for logit in (line + level, answer))
        return pa.table({**columns, "p": said, "y": (random.random(rows) < chance).astype(float)})
    return pa.table({**columns, "p": answer, "y": line + level + random.standard_t(5, rows)})


def _series(random: np.random.Generator, rows: int, alike: float) -> Values:
    noise = random.normal(size=rows)
    return np.asarray(lfilter([np.sqrt(1 - alike**2)], [1, -alike], noise)) if alike else noise


def _shaped(values: Values, number: int, random: np.random.Generator) -> Values:
    """Normal, normal, skewed, codes of five values, whole numbers, half zero, codes of fifty
    values, a tenth null.
    """
    if number % 8 == 7:
        values = np.where(random.random(len(values)) < 0.1, np.nan, values)
    return np.asarray(_SHAPES[number % 8](values))


_SHAPES: dict[int, Callable[[Values], Values]] = {
    0: lambda values: values,
    1: lambda values: values,
    2: np.exp,
    3: lambda values: np.digitize(values, [-1.0, 0.0, 1.0, 2.0]).astype("U2"),
    4: lambda values: np.floor(values * 5),
    5: lambda values: np.maximum(values, 0.0),
    6: lambda values: np.clip(np.floor(values * 12) + 25, 0, 50).astype(int).astype("U3"),
    7: lambda values: values,
}

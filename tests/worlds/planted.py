"""A small nonlinear world with correlated columns and a rare segment, and the faults that are
planted in it.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.contracts.detection import Roles

ROLES = Roles(target="y", prediction="p", time="t", version="model_version")
START = 1_700_000_000
Floats = npt.NDArray[np.float64]


class PlantedWorld:
    """`n` rows of eight numbers and one code; `fault` changes them before the table is made."""

    def __init__(self, n: int, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        hidden = self.random.normal(size=n)
        self.x = {f"x{i}": self.random.normal(size=n) for i in range(8)}
        self.x["x1"] = hidden + 0.5 * self.x["x1"]
        self.x["x2"] = 50 + 10 * (hidden + 0.7 * self.x["x2"])
        self.c = self.random.choice(list("ABCD"), size=n, p=[0.5, 0.3, 0.15, 0.05])
        self.version = "1"
        self.begins = START
        self.p = self.chance()
        self.q = self.p.copy()
        self.flips = np.zeros(n, dtype=bool)

    def chance(self, x3: float = 1.0, offset: float = -0.5) -> Floats:
        """The chance of a positive; `x3` is that column's effect."""
        x = self.x
        line = 0.8 * x["x1"] + 0.05 * (x["x2"] - 50) + x3 * x["x3"] + 0.6 * x["x4"] * x["x5"] + np.where(self.c == "D", 0.7, 0)
        return np.asarray(1 / (1 + np.exp(-(line + offset))))

    def table(self) -> pa.Table:
        y = (self.random.random(len(self.p)) < self.q) ^ self.flips
        seconds = self.begins + 60 * np.arange(len(y))
        times = pa.array(seconds * 1_000_000, pa.timestamp("us"))
        return pa.table({**self.x, "c": self.c, "model_version": [self.version] * len(y), "y": y.astype(int), "p": self.p, "t": times})


def windows(fault: Callable[[PlantedWorld], None], n: int = 6000, seed: int = 7) -> tuple[pa.Table, pa.Table]:
    reference, current = PlantedWorld(8000, 1), PlantedWorld(n, seed)
    current.begins = START + 1_000_000
    fault(current)
    return reference.table(), current.table()


def quiet(_: PlantedWorld) -> None:
    pass


def shifted(w: PlantedWorld) -> None:
    w.x["x4"] += 0.6
    w.p = w.q = w.chance()


def shifted_in_b(w: PlantedWorld) -> None:
    w.x["x6"] = np.where(w.c == "B", w.x["x6"] + 1, w.x["x6"])


def concept(w: PlantedWorld) -> None:
    w.q = w.chance(x3=-0.5)


def concept_in_c(w: PlantedWorld) -> None:
    w.q = np.where(w.c == "C", w.chance(x3=-1.5), w.p)


def diluted(w: PlantedWorld) -> None:
    """The effect of x3 turns round in a twentieth of the rows: hardly seen in the window as a
    whole.
    """
    w.q = np.where(w.c == "D", w.chance(x3=-1.0), w.p)


def concept_in_a_region(w: PlantedWorld) -> None:
    w.q = np.where(w.x["x3"] > 1, 1 - w.p, w.p)


def prior(w: PlantedWorld) -> None:
    w.q = w.chance(offset=0.5)


def flipped(w: PlantedWorld) -> None:
    w.flips = w.random.random(len(w.p)) < 0.15


def flipped_in_b(w: PlantedWorld) -> None:
    w.flips = (w.random.random(len(w.p)) < 0.35) & (w.c == "B")


def released(w: PlantedWorld) -> None:
    w.version, w.p = "2", w.chance(x3=-1.0)


def inches(w: PlantedWorld) -> None:
    w.x["x2"] = w.x["x2"] * 2.54


def inches_in_c(w: PlantedWorld) -> None:
    w.x["x2"] = np.where(w.c == "C", w.x["x2"] * 2.54, w.x["x2"])


def half_null(w: PlantedWorld) -> None:
    w.x["x6"] = np.where(w.random.random(len(w.p)) < 0.5, np.nan, w.x["x6"])


def null_in_d(w: PlantedWorld) -> None:
    w.x["x6"] = np.where((w.random.random(len(w.p)) < 0.5) & (w.c == "D"), np.nan, w.x["x6"])


def stuck(w: PlantedWorld) -> None:
    w.x["x5"] = np.where(w.random.random(len(w.p)) < 0.6, w.x["x5"][0], w.x["x5"])


def renamed(w: PlantedWorld) -> None:
    w.c = np.where(w.c == "B", "bb", w.c)

"""The planting of one fault in one real window: what a kind of fault has at hand, and the truth
that it leaves.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.words import Cause
from tests.benchmarks.real.faults.sources import ANSWER, Floats, Scene, ask, microseconds

Mask = npt.NDArray[np.bool_]
BROKEN: Final = (Cause.DATA_QUALITY, Cause.LABEL_QUALITY, Cause.BAD_RELEASE)
_WHOLE = 0.5  # of the faults stand in the whole window, the others begin inside it
_TRIES = 6
_FEW = 12  # whole numbers with so few values cut segments, as codes do
_LEAST_ROWS = 25  # that a fault touches


@dataclass(frozen=True)
class Truth:
    """What was planted. `causes` empty: nothing is broken, and nothing may be called so. `columns`:
    one of them is to blame, empty: none need be named. `segment` None: the fault is everywhere;
    "any": either is right. `size` is in the unit that the kind states.
    """

    causes: tuple[Cause, ...] = ()
    columns: tuple[str, ...] = ()
    segment: tuple[str, str] | str | None = None
    size: float = 0.0
    detail: str = ""


@dataclass
class Planting:
    """A window on its way to be broken: `frame` is changed in place, `asked` says that the model
    saw what stands there.
    """

    scene: Scene
    rng: np.random.Generator
    frame: pd.DataFrame
    asked: bool = True
    releases: tuple[Release, ...] = ()
    onset: int = 0
    earlier: pd.DataFrame | None = None  # rows before a recorded release, as both versions answer them

    def __post_init__(self) -> None:
        self.releases, self.onset = self.scene.releases(), self.scene.start

    @property
    def target(self) -> str:
        return self.scene.source.target

    @property
    def binary(self) -> bool:
        return set(np.unique(self.scene.source.rows[self.target])) <= {0.0, 1.0}

    @property
    def at(self) -> npt.NDArray[np.int64]:
        return microseconds(self.frame[self.scene.source.time])

    def since(self) -> Mask:
        """The rows from a random point of time on, half of the time from the window's start."""
        if self.rng.random() >= _WHOLE:
            length = self.scene.end - self.scene.start
            self.onset = self.scene.start + int(length * self.rng.uniform(0.05, 0.75))
        return np.asarray(self.at >= self.onset)

    def within(self, rows: Mask, chance: float = 0.3, but: str = "") -> tuple[Mask, tuple[str, str] | None]:
        """The rows, or by `chance` those of one segment among them, with its name."""
        cuts = self.segments(but) if self.rng.random() < chance else []
        if not cuts:
            return rows, None
        name, value, inside = cuts[int(self.rng.integers(len(cuts)))]
        return rows & inside, (name, value)

    def segments(self, but: str = "") -> list[tuple[str, str, Mask]]:
        """Codes, and whole numbers of few values, that are neither rare nor the rule, nor a span of
        time (a month).
        """
        data, found = self.scene.source.policy.data, []
        few = tuple(c for c in data.numeric if _few(self.frame[c]))
        for name in data.segments or (*data.categorical, *few):
            values = self.frame[name]
            for value, share in values.value_counts(normalize=True).items():
                inside = np.asarray(values == value)
                if 0.08 <= share <= 0.6 and name != but and np.count_nonzero(np.diff(inside)) > 2:
                    found.append((name, f"{value:.15g}" if name in data.numeric else str(value), inside))
        return found

    def number(self, decimals: bool = False) -> str | None:
        """A number that the champion uses, with several values in the window."""
        data = self.scene.source.policy.data
        each = [c for c in self.scene.champion.features if c in data.numeric and self.frame[c].nunique() > 1]
        return self._one([c for c in each if not decimals or not _whole(self.frame[c])])

    def code(self) -> str | None:
        data = self.scene.source.policy.data
        return self._one([c for c in self.scene.champion.features if c in data.categorical and self.frame[c].nunique() > 1])

    def any(self) -> str | None:
        return self._one([c for c in self.scene.champion.features if self.frame[c].nunique() > 1])

    def spread(self, column: str) -> float:
        """The standard deviation of a number in the champion's reference."""
        return float(self.scene.source.rows[column].to_numpy()[self.scene.champion.apart].std())

    def log(self, low: float, high: float) -> float:
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def some(self, rows: Mask, share: float) -> Mask:
        """A random share of the rows."""
        return rows & (self.rng.random(len(rows)) < share)

    def put(self, column: str, rows: Mask, values: object) -> None:
        """New values in these rows of a column; one value, or as many as there are such rows."""
        kept = self.frame[column].to_numpy(copy=True)
        kept[rows] = values
        self.frame[column] = kept

    def before(self, column: str, count: int) -> npt.NDArray[np.generic]:
        """The values of a column in the window, with those of `count` rows before it in front."""
        first = int(self.scene.rows[0])
        earlier = self.scene.source.rows[column].iloc[max(first - count, 0) : first]
        return np.concatenate([earlier.to_numpy(), self.frame[column].to_numpy()])

    def _one(self, names: list[str]) -> str | None:
        return names[int(self.rng.integers(len(names)))] if names else None


Plant = Callable[[Planting], Truth | None]


@dataclass(frozen=True)
class Fault:
    """A kind of fault; `unit` is that of the size. `plant` answers None where it finds no place."""

    name: str
    family: str  # column, rows, labels, release, world
    unit: str
    plant: Plant


@dataclass(frozen=True)
class Planted:
    """A window with a fault in it. `harm` is the share of the loss that the champion loses more."""

    scene: Scene
    fault: Fault | None
    frame: pd.DataFrame
    truth: Truth
    harm: float = 0.0
    share: float = 0.0
    onset: int = 0
    releases: tuple[Release, ...] = field(default=())
    earlier: pd.DataFrame | None = None


def as_it_is(scene: Scene) -> Planted:
    return Planted(scene, None, scene.frame(), Truth(), onset=scene.start, releases=scene.releases())


def plant(scene: Scene, fault: Fault, seed: int) -> Planted | None:
    """The window with a fault of this kind, drawn from the seed, the stream and the window; None
    where none fits in a few draws.
    """
    usual = scene.frame()
    for draw in range(_TRIES):
        key = [seed, scene.number, draw, zlib.crc32(scene.source.name.encode()), zlib.crc32(fault.name.encode())]
        work = Planting(scene, np.random.default_rng(key), usual.copy())
        truth = fault.plant(work)
        if truth is None:
            continue
        if work.asked:
            work.frame[ANSWER] = ask(scene.champion.model, work.frame, scene.source.policy)
        changed = touched(usual, work.frame)
        if changed >= min(_LEAST_ROWS, len(usual) // 4):
            more = harm(scene, usual, work.frame)
            return Planted(scene, fault, work.frame, truth, more, changed / len(usual), work.onset, work.releases, work.earlier)
    return None


def touched(usual: pd.DataFrame, broken: pd.DataFrame) -> int:
    """The number of rows that differ, were added or are gone; all of them where a column is
    missing.
    """
    if set(usual.columns) != set(broken.columns):
        return len(usual)
    if len(usual) != len(broken):
        return abs(len(usual) - len(broken))
    differ = np.zeros(len(usual), dtype=bool)
    for column in usual.columns.difference([ANSWER]):
        a, b = usual[column], broken[column]
        differ |= np.asarray((a != b) & ~(a.isna() & b.isna()))
    answers = ~np.isclose(usual[ANSWER], broken[ANSWER], rtol=1e-9, equal_nan=True)
    return int((differ | answers).sum())


def harm(scene: Scene, usual: pd.DataFrame, broken: pd.DataFrame) -> float:
    """The share by which the mean loss is higher with the fault than without, on the same rows:
    that easy rows are gone, or their labels, is no harm. Rows from elsewhere are held against the
    mean.
    """
    before = pd.Series(_losses(scene, usual), index=usual["row"])
    was, now = broken["row"].map(before).fillna(before.mean()).to_numpy(), _losses(scene, broken)
    known = np.isfinite(now)
    return float(now[known].mean() / max(was[known].mean(), 1e-12) - 1) if known.any() else 0.0


def _losses(scene: Scene, frame: pd.DataFrame) -> Floats:
    return scene.source.loss(frame[scene.source.target].to_numpy(dtype=np.float64), frame[ANSWER].to_numpy(dtype=np.float64))


def _few(values: pd.Series) -> bool:
    known = values.dropna().unique()
    return 2 <= len(known) <= _FEW and _whole(values)


def _whole(values: pd.Series) -> bool:
    known = values.dropna().to_numpy(dtype=np.float64)
    return bool((known == np.floor(known)).all())

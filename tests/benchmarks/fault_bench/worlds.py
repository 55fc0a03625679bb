"""Made worlds: every seed draws its own columns, marginals, hidden factors, effects and codes from
one of several designs.

Effects act on latent values, columns are monotone images of them, so that nothing in a world is
linear in what is seen. A model is trained on the world's own history: its predictions are a trained
model's, never the truth.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.detection import Roles
from modelmedic.steps.contracts.words import Task

Array = npt.NDArray
DAY = 86400
MONDAY = 1_704_067_200  # 2024-01-01


@dataclass(frozen=True)
class Design:
    """The kind of a world; its details are drawn from the seed."""

    name: str
    task: Task = Task.BINARY
    numbers: int = 8
    codes: int = 3
    rows: tuple[int, int] = (8000, 6000)
    model: str = "boosting"  # or "linear"
    held_out: bool = False
    time: bool = True
    version: bool = True
    prediction: bool = True
    labels: bool = True
    season: str | None = None  # "weekday", "hour" or "year": one factor moves with it
    integer_codes: bool = False
    factor: float = 0.6  # loading of the hidden factor on the correlated half of the columns
    noise: float = 1.0  # of a regression's target, in units of the signal's spread
    offset: float = -0.7
    heavy: bool = False
    words: bool = False  # labels are two words


DESIGNS = (
    Design("credit", numbers=9, codes=3, season="weekday"),
    Design("demand", Task.REGRESSION, numbers=7, codes=3, season="weekday", integer_codes=True, noise=0.5),
    Design("clinic", numbers=10, codes=2, rows=(3000, 1500), model="linear", time=False, version=False),
    Design("wide", numbers=50, codes=4, rows=(8000, 6000), offset=-1.5),
    Design("unlabelled", numbers=10, codes=3, labels=False, season="hour"),
    Design("sensors", Task.REGRESSION, numbers=24, codes=0, rows=(10_000, 5000), noise=0.4, heavy=True, version=False),
    Design("flights", numbers=6, codes=5, rows=(40_000, 20_000), season="year", offset=-1.2, held_out=True),
    Design("energy", Task.REGRESSION, numbers=12, codes=2, season="hour", noise=0.6, held_out=True, model="linear"),
    Design("tiny", numbers=8, codes=2, rows=(1500, 1000), held_out=True, words=True),
    Design("broad", numbers=180, codes=20, rows=(5000, 4000), held_out=True, version=False, offset=-0.2),
    Design("unanswered", numbers=9, codes=3, prediction=False, time=False, version=False, held_out=True),
    Design("claims", Task.REGRESSION, numbers=10, codes=4, rows=(12_000, 8000), heavy=True, noise=0.8, held_out=True, integer_codes=True),
    Design("unlabelled prices", Task.REGRESSION, numbers=9, codes=3, labels=False, version=False, noise=0.4, held_out=True),
)

_MARGINALS = {  # latent value, centre, spread
    "normal": lambda z, a, b: a + b * z,
    "lognormal": lambda z, a, _: np.exp(np.log(abs(a) + 1) + 0.5 * z),
    "gamma": lambda z, _, b: np.round(b * (np.log1p(np.exp(z)) ** 2), 3),
    "uniform": lambda z, a, b: a + b * _cdf(z),
    "count": lambda z, _, __: np.floor(3 * np.exp(0.6 * z)),
    "bimodal": lambda z, a, b: a + b * (z + 2 * np.tanh(4 * z)),
    "rounded": lambda z, a, b: np.round(a + b * z, 1),
    "heavy": lambda z, a, b: a + b * np.sinh(z),
}
_SHAPES = {
    "line": lambda z: z,
    "bend": lambda z: 1.3 * np.tanh(1.5 * z),
    "bowl": lambda z: 0.7 * (np.minimum(z**2, 6) - 1),
    "step": lambda z: 2.0 * (z > 0.4) - 0.7,
    "wave": lambda z: 1.2 * np.sin(1.5 * z),
}


def _cdf(z: Array) -> Array:
    return 1 / (1 + np.exp(-1.7 * z))


@dataclass
class Sample:
    """Rows before anything has been observed: latent values, codes (as numbers) and times."""

    z: dict[str, Array]
    codes: dict[str, Array]
    seconds: Array

    def __len__(self) -> int:
        return len(self.seconds)


@dataclass
class Effects:
    """The law from latent values to the signal. `strength` multiplies a column's own effect."""

    lines: dict[str, tuple[str, float]]
    products: list[tuple[str, str, float]]
    codes: dict[str, Array]
    mixed: tuple[str, str, Array] | None  # in each code its own slope
    strength: dict[str, float] = field(default_factory=dict)


class World:
    def __init__(self, design: Design, seed: int) -> None:
        random = np.random.default_rng([seed, *design.name.encode()])
        self.design, self.random = design, random
        self.yearly = True  # whether the year's wave moves; most faults are planted with it at rest
        self.numbers = [f"num_{i:02d}" for i in range(design.numbers)]
        self.codes = [f"cat_{i}" for i in range(design.codes)]
        kinds = [k for k in _MARGINALS if design.heavy or k != "heavy"]
        self.marginals = {c: (str(random.choice(kinds)), float(random.uniform(5, 80)), float(random.uniform(1, 12))) for c in self.numbers}
        self.loading = {c: float(design.factor * random.uniform(0.8, 1.2)) if random.random() < 0.5 else 0.0 for c in self.numbers}
        self.shares = {c: self._shares(i) for i, c in enumerate(self.codes)}
        self.seasonal = self.numbers[int(random.integers(len(self.numbers)))]
        self.loading[self.seasonal] = 0.0
        self.hour = self.numbers[0] if design.time and design.season != "hour" else None
        if self.hour:
            self.loading[self.hour] = 0.0
        if self.seasonal == self.hour:
            self.seasonal = self.numbers[1]
            self.loading[self.seasonal] = 0.0
        self.effects = self._draw_effects(random)
        self.scale = float(self.signal(self.sample(4000, random)).std())

    def _shares(self, index: int) -> Array:
        count = [4, 6, 9, 3, 24][index % 5]
        weight = 1 / np.arange(1, count + 1) ** 0.8
        return weight / weight.sum()

    def _draw_effects(self, random: np.random.Generator) -> Effects:
        free = [c for c in self.numbers if c != self.hour]
        chosen = list(random.choice(free, size=min(5, len(free)), replace=False))
        lines = {c: (str(random.choice(list(_SHAPES))), float(random.choice([-1, 1]) * random.uniform(0.6, 1.1))) for c in chosen}
        products = [(chosen[0], chosen[1], 0.4), (chosen[2], chosen[3], -0.35)]
        codes = {c: random.normal(0, 0.5, size=len(self.shares[c])) for c in self.codes[:2]}
        mixed = (self.codes[0], chosen[0], random.normal(0, 0.4, size=len(self.shares[self.codes[0]]))) if self.codes else None
        return Effects(lines, products, codes, mixed)

    @property
    def important(self) -> list[str]:
        """Columns with an effect of their own, the strongest first."""
        return sorted(self.effects.lines, key=lambda c: -abs(self.effects.lines[c][1]))

    @property
    def idle(self) -> list[str]:
        """Columns without any effect; where there is none, the one with the weakest."""
        free = [c for c in self.numbers if c not in self.effects.lines and c not in (self.hour, self.seasonal)]
        return free or self.important[-1:]

    def sample(self, n: int, random: np.random.Generator, start: int = MONDAY, days: int = 28, factor: float = 0.0) -> Sample:
        seconds = start + np.sort(random.integers(0, days * DAY, size=n))
        hidden = random.normal(size=n) + factor
        z = {c: load * hidden + np.sqrt(max(1 - load**2, 0.1)) * random.normal(size=n) for c, load in self.loading.items()}
        z[self.seasonal] = z[self.seasonal] + self._phase(seconds)
        codes = {c: random.choice(len(p), size=n, p=p) for c, p in self.shares.items()}
        return Sample(z, codes, seconds)

    def _phase(self, seconds: Array) -> Array:
        if self.design.season == "weekday":
            return 1.5 * (((seconds // DAY + 3) % 7) >= 5)
        if self.design.season == "hour":
            return 1.2 * np.sin(2 * np.pi * (seconds % DAY) / DAY)
        if self.design.season == "year" and self.yearly:
            return 1.2 * np.sin(2 * np.pi * (seconds - MONDAY) / (365.25 * DAY))
        return np.zeros(len(seconds))

    def signal(self, rows: Sample, effects: Effects | None = None) -> Array:
        e = effects or self.effects
        total = np.zeros(len(rows))
        for column, (shape, weight) in e.lines.items():
            total += e.strength.get(column, 1.0) * weight * _SHAPES[shape](rows.z[column])
        for a, b, weight in e.products:
            total += weight * np.clip(rows.z[a], -3, 3) * np.clip(rows.z[b], -3, 3)
        for column, values in e.codes.items():
            total += values[rows.codes[column]]
        if e.mixed:
            column, number, slopes = e.mixed
            total += slopes[rows.codes[column]] * rows.z[number]
        return total

    def draw(self, signal: Array, random: np.random.Generator) -> Array:
        """Labels: a coin with the signal as its logit, or the signal with noise, in thousands of
        something.
        """
        if self.design.task is Task.BINARY:
            return (random.random(len(signal)) < 1 / (1 + np.exp(-(signal + self.design.offset)))).astype(float)
        noise = self.design.noise * self.scale
        spread = random.standard_t(5, size=len(signal)) if self.design.heavy else random.normal(size=len(signal))
        return 100 + 20 * (signal + noise * spread)

    def seen(self, rows: Sample) -> dict[str, Array]:
        """The columns as they are recorded."""
        x: dict[str, Array] = {}
        for column in self.numbers:
            kind, a, b = self.marginals[column]
            x[column] = np.asarray(_MARGINALS[kind](rows.z[column], a, b), dtype=float)
        if self.hour:
            x[self.hour] = np.floor(rows.seconds % DAY / 3600 * 0.6 + 6)  # the working day
        for i, column in enumerate(self.codes):
            x[column] = rows.codes[column] + 1 if self.design.integer_codes and i == 1 else self.words(column)[rows.codes[column]]
        return x

    def words(self, column: str) -> Array:
        stem = {"cat_0": "region", "cat_1": "shop"}.get(column, "kind")
        return np.array([f"{stem}_{chr(65 + i % 26)}{i // 26 or ''}" for i in range(len(self.shares[column]))], dtype=object)

    def value(self, column: str, code: int) -> str:
        """The spelling of this code in a diagnosis."""
        whole = self.design.integer_codes and self.codes.index(column) == 1
        return str(code + 1) if whole else str(self.words(column)[code])

    @property
    def roles(self) -> Roles:
        d = self.design
        return Roles(
            target="outcome" if d.labels else None,
            prediction="score" if d.prediction else None,
            time="at" if d.time else None,
            version="model_version" if d.version else None,
        )

"""The planting of a fault in a window: in the world, in the records, in the answers, in the labels,
or in the table.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.contracts.diagnosis import Context
from modelmedic.steps.contracts.words import Cause, Task
from tests.benchmarks.fault_bench.models import Trained
from tests.benchmarks.fault_bench.worlds import DAY, MONDAY, Effects, Sample, World

Array = npt.NDArray


@dataclass(frozen=True)
class Truth:
    """The planted fault. `columns` empty: no column is to blame; else the first named must be one
    of them.

    `segment`: None means that none must be named; "any" that it is open; `region` is a numeric
    region's true bounds.
    """

    causes: tuple[Cause, ...]
    columns: tuple[str, ...] = ()
    segment: tuple[str, str] | str | None = None
    region: tuple[str, float, float] | None = None
    may_retrain: bool = False


@dataclass
class Window:
    """The current window on its way from the world to the table, one stage after another."""

    world: World
    random: np.random.Generator
    size: int
    start: int = MONDAY + 35 * DAY
    days: int = 7
    factor: float = 0.0
    reference_days: int = 28
    context: Context = field(default_factory=Context)
    rows: Sample = field(init=False)
    signal: Array = field(init=False)
    x: dict[str, Array] = field(init=False)
    answers_from: dict[str, Array] | None = None  # when the model did not see what was recorded
    y: Array = field(init=False)
    p: Array = field(init=False)
    version: Array = field(init=False)
    reference: pa.Table = field(init=False)
    table: pa.Table = field(init=False)
    models: dict[int, Trained] = field(default_factory=dict)

    def inside(self, column: str, code: int) -> Array:
        return self.rows.codes[column] == code

    def segment(self, least: float = 0.08, most: float = 0.5) -> tuple[str, int]:
        """Some code that is neither rare nor the rule."""
        choices = [(c, i) for c in self.world.codes[:4] for i, p in enumerate(self.world.shares[c]) if least <= p <= most]
        return choices[int(self.random.integers(len(choices)))]

    def law(self, **strength: float) -> Effects:
        return dataclasses.replace(self.world.effects, strength=strength)


@dataclass(frozen=True)
class Fault:
    """One kind. `plant` changes the window stage by stage: it is a generator that yields after each
    stage it waits for.
    """

    name: str
    plant: Callable[[Window], object]
    fits: Callable[[World], bool] = lambda _: True


STAGES = ("sampled", "lawful", "seen", "answered", "labelled", "tabled")


def build(
    world: World, fault: Fault, seed: int, models: dict[int, Trained], strength: float = 1.0
) -> tuple[pa.Table, pa.Table, Context, Truth]:
    """Reference, current window with the fault in it, their context, and the truth.

    A `strength` below 1 plants moved inputs and changed laws only that far from where they were.
    """
    random = np.random.default_rng([seed, *fault.name.encode()])
    w = Window(world, random, world.design.rows[1], models=models)
    world.yearly = False
    steps = fault.plant(w)  # a generator: plan first, then one resumption a stage
    truth: Truth = next(steps)  # type: ignore[call-overload]
    w.reference = _table(w, *_reference(w, models), np.full(world.design.rows[0], "7"))
    w.rows = world.sample(w.size, random, w.start, w.days, w.factor * strength)
    before = dict(w.rows.z)
    truth = _resume(steps, "sampled", truth)
    w.rows.z = {c: before[c] + strength * (z - before[c]) for c, z in w.rows.z.items()}
    w.signal = lawful = world.signal(w.rows)
    truth = _resume(steps, "lawful", truth)
    if len(lawful) == len(w.signal):
        w.signal = lawful + strength * (w.signal - lawful)
    w.y = world.draw(w.signal, random)
    w.x = world.seen(w.rows)
    truth = _resume(steps, "seen", truth)
    w.version = np.full(w.size, "7")
    w.p = models[0].predict(w.answers_from or w.x)
    truth = _resume(steps, "answered", truth)
    truth = _resume(steps, "labelled", truth)
    w.table = _table(w, w.x, w.y, w.p, w.rows.seconds, w.version)
    truth = _resume(steps, "tabled", truth)
    return w.reference, w.table, w.context, truth


def _resume(steps: object, stage: str, truth: Truth) -> Truth:
    try:
        return steps.send(stage) or truth  # type: ignore[attr-defined]
    except StopIteration:
        return truth


def _reference(w: Window, models: dict[int, Trained]) -> tuple[dict[str, Array], Array, Array, Array]:
    random = np.random.default_rng([99, w.world.design.rows[0]])
    rows = w.world.sample(w.world.design.rows[0], random, w.start - (w.reference_days + 7) * DAY, w.reference_days)
    x = w.world.seen(rows)
    return x, w.world.draw(w.world.signal(rows), random), models[0].predict(x), rows.seconds


def train(world: World, days: int = 28) -> dict[int, Trained]:
    """The model (0) and a worse one of the next release (1), which was trained with an important
    column turned round.
    """
    world.yearly = True
    random = np.random.default_rng([7, world.design.numbers])
    rows = world.sample(max(6000, min(world.design.rows[0], 12_000)), random, MONDAY - 60 * DAY, days)
    x, y = world.seen(rows), world.draw(world.signal(rows), random)
    bad = dict(x)
    for column in world.important[:2]:
        bad[column] = 2 * np.median(x[column]) - x[column]
    good = Trained(world.design.task, world.design.model, x, y)
    return {0: good, 1: Trained(world.design.task, world.design.model, bad, y, seed=1)}


def _table(w: Window, x: dict[str, Array], y: Array, p: Array, seconds: Array, version: Array) -> pa.Table:
    d = w.world.design
    columns: dict[str, object] = {c: pa.array(v.tolist()) if v.dtype.kind == "O" else v for c, v in x.items()}
    if d.time:
        columns["at"] = pa.array((np.asarray(seconds) * 1_000_000).astype(np.int64), pa.timestamp("us"))
    if d.version:
        columns["model_version"] = version
    if d.prediction:
        columns["score"] = p
    if d.labels:
        columns["outcome"] = _outcome(y, d.words, d.task)
    return pa.table(columns)


def _outcome(y: Array, words: bool, task: Task) -> pa.Array:
    unknown = np.isnan(y)
    if words:
        return pa.array([None if n else ("yes" if v else "no") for v, n in zip(y, unknown, strict=True)], pa.string())
    if task is Task.BINARY:
        return pa.array([None if n else int(v) for v, n in zip(y, unknown, strict=True)], pa.int64())
    return pa.array(y, pa.float64(), mask=unknown)

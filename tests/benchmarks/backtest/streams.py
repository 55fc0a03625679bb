"""Made streams whose truth is known: one law from features to label, and one thing that happens to
it on the way.

`make(kind, seed)` gives a policy and labelled rows by time. The law is a logistic one with an
interaction and a code; day 0 is 2024-01-01 and what happens begins on day 150 of 330 unless it is
said otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.contracts.policy import Policy

Floats = npt.NDArray[np.float64]
START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS, TURN = 330, 150
_CODES = ("red", "green", "blue", "white")


@dataclass
class StreamWorld:
    """Feature columns and `day` of each row, shapes (n,), and the log odds (or the value) that the
    law gives them.
    """

    rng: np.random.Generator
    day: Floats
    features: dict[str, npt.NDArray[np.generic]]
    law: Floats
    flipped: Floats = field(default_factory=lambda: np.zeros(0))  # chance of a wrong label


def _features(rng: np.random.Generator, day: Floats) -> dict[str, npt.NDArray[np.generic]]:
    """Two driven by a common hidden factor, one skewed, one with a yearly season, one that means
    nothing.
    """
    n = len(day)
    hidden = rng.normal(size=n)
    return {
        "load": hidden + 0.6 * rng.normal(size=n),
        "rate": 0.7 * hidden + 0.7 * rng.normal(size=n),
        "amount": rng.gamma(2.0, 50.0, n),
        "warmth": 12 + 8 * np.sin(2 * np.pi * (day - 100) / 365) + 3 * rng.normal(size=n),
        "noise": rng.normal(size=n),
        "kind": rng.choice(_CODES, size=n, p=[0.4, 0.3, 0.2, 0.1]),
    }


def _law(features: dict[str, npt.NDArray[np.generic]], turn: Floats) -> Floats:
    """`turn` from 0 (as learnt) to 1 (the effects of load and of the red ones are the other way
    round), shape (n,).
    """
    load, rate, amount = (np.asarray(features[name], dtype=np.float64) for name in ("load", "rate", "amount"))
    red = (features["kind"] == "red").astype(np.float64)
    turned = 1 - 2 * turn
    return -0.6 + 1.1 * turned * load + 0.7 * rate + 0.5 * load * rate + 0.6 * np.log(amount / 80) + 0.8 * turned * (red - 0.4)


def _turned(shape: Callable[[Floats], Floats]) -> Callable[[StreamWorld], None]:
    def apply(world: StreamWorld) -> None:
        world.law = _law(world.features, shape(world.day))

    return apply


def _harmless(world: StreamWorld) -> None:
    """Everything that moves moves where the law was learnt: more of the whites, larger amounts."""
    late = world.day >= TURN
    amount, kind = np.asarray(world.features["amount"]).copy(), np.asarray(world.features["kind"]).copy()
    amount[late] *= 1.3
    more = late & (world.rng.random(len(late)) < 0.25)
    kind[more] = "white"
    world.features.update(amount=amount, kind=kind)
    world.law = _law(world.features, np.zeros(len(late)))


def _noisy(world: StreamWorld) -> None:
    world.flipped = np.where((world.day >= TURN) & (world.day < TURN + 21), 0.35, 0.0)


def _broken(world: StreamWorld) -> None:
    """A month in which `load` arrives in another unit and half of `rate` is lost; the labels are
    those of the true values.
    """
    inside = (world.day >= TURN) & (world.day < TURN + 30)
    load, rate = (np.asarray(world.features[name], dtype=np.float64).copy() for name in ("load", "rate"))
    load[inside] = 32 + 1.8 * load[inside]
    rate[inside & (world.rng.random(len(inside)) < 0.5)] = np.nan
    world.features.update(load=load, rate=rate)


def _nothing(_world: StreamWorld) -> None:
    return


KINDS: dict[str, Callable[[StreamWorld], None]] = {
    "quiet": _nothing,
    "sudden": _turned(lambda day: (day >= TURN).astype(np.float64)),
    "gradual": _turned(lambda day: np.clip((day - 120) / 120, 0, 1)),
    "season": _turned(lambda day: (1 - np.cos(2 * np.pi * day / 110)) / 2 * 0.6),
    "twice": _turned(lambda day: 0.5 * (day >= 130) + 0.5 * (day >= 230)),
    "harmless": _harmless,
    "noise": _noisy,
    "broken": _broken,
}


def make(kind: str, seed: int, *, a_day: int = 130, task: str = "binary") -> tuple[Policy, pa.Table]:
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    day = np.sort(rng.random(DAYS * a_day) * DAYS)
    features = _features(rng, day)
    world = StreamWorld(rng, day, features, _law(features, np.zeros(len(day))))
    KINDS[kind](world)
    if task == "binary":
        label = (rng.random(len(day)) < 1 / (1 + np.exp(-world.law))).astype(np.float64)
        if len(world.flipped):
            label = np.where(rng.random(len(day)) < world.flipped, 1 - label, label)
    else:
        label = 10 + 4 * world.law + 3 * rng.normal(size=len(day))
        if len(world.flipped):
            label = np.where(rng.random(len(day)) < world.flipped, rng.permutation(label), label)
    micros = (int(START.timestamp() * 1e6) + day * 86_400e6).astype(np.int64)
    columns = {name: pa.array(values) for name, values in world.features.items()}
    rows = pa.table({"at": pa.array(micros, pa.timestamp("us", tz="UTC")), **columns, "label": label})
    return policy(f"{kind}-{task}", task), rows


def policy(name: str, task: str = "binary") -> Policy:
    """The policy that a careful person would write for such a model; everything else is the
    default.
    """
    return Policy.model_validate(
        {
            "apiVersion": "modelmedic.io/v1alpha1",
            "kind": "HealingPolicy",
            "metadata": {"name": name, "owner": "bench"},
            "serving": {"inferenceService": name},
            "registry": {"name": name},
            "data": {
                "task": task,
                "target": "label",
                "time": "at",
                "numeric": ["load", "rate", "amount", "warmth", "noise"],
                "categorical": ["kind"],
                "segments": ["kind"],
                "labels": {"delay": "2d"},
            },
            "detect": {"window": "14d"},
            "autonomy": {"recalibrate": "act", "retrain": "act"},
            "retrain": {"history": "120d", "minRows": 1000},
            "rollout": {"steps": [50], "hold": "12h", "deadline": "5d", "minRequests": 20},
        }
    )

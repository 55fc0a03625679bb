"""The cases of a run: the worlds, the faults that fit them, and the judgement of each."""

import dataclasses
import os
import time
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")

from modelmedic.steps.core.decision.rules import decide
from modelmedic.steps.core.diagnosis.diagnosis import find_cause
from tests.benchmarks.fault_bench.data_faults import DATA_FAULTS
from tests.benchmarks.fault_bench.label_faults import LABEL_FAULTS
from tests.benchmarks.fault_bench.planting import Fault, build, train
from tests.benchmarks.fault_bench.scoring import Mark, mark
from tests.benchmarks.fault_bench.world_faults import WORLD_FAULTS
from tests.benchmarks.fault_bench.worlds import DESIGNS, Design, World

HALVES = ("train", "held-out", "both")
FAULTS: tuple[Fault, ...] = (*WORLD_FAULTS, *DATA_FAULTS, *LABEL_FAULTS)
WEAK = 0.6  # of the full size: how far every odd seed's worlds move
_QUICK = ("credit", "clinic", "sensors", "tiny", "energy")


def chosen(half: str, names: str, seeds: int, first: int = 0) -> Iterator[tuple[Design, int]]:
    wanted = [n for n in names.split(",") if n]
    for design in DESIGNS:
        if (half == "both" or design.held_out == (half == "held-out")) and (not wanted or design.name in wanted):
            for seed in range(first, first + seeds):
                yield design, seed


def judged(design: Design, seed: int, kinds: str = "", *, quick: bool = False, rivals: bool = False) -> Iterator[Mark]:
    """Every fitting fault in the world that this design draws from the seed. The held-out designs'
    seeds are others, too.
    """
    if quick and design.name not in _QUICK:
        return
    number = seed + (1000 if design.held_out else 0)
    world = World(design, number)
    models = train(world, 400 if design.season == "year" else 28)
    parts = [k for k in kinds.split(",") if k]
    faults = [f for f in FAULTS if f.fits(world) and (not parts or any(p in f.name for p in parts))]
    for fault in faults[number % 2 :: 2] if quick else faults:
        yield _one(world, fault, number, models, rivals=rivals)


def _one(world: World, fault: Fault, seed: int, models: dict, *, rivals: bool) -> Mark:
    strength = WEAK if seed % 2 else 1.0
    reference, current, context, truth = build(world, fault, seed, models, strength)
    began = time.perf_counter()
    found = find_cause(reference, current, world.roles, context)
    took = time.perf_counter() - began
    judged = mark(
        world.design.name,
        fault.name.removesuffix("_0").removesuffix("_1").removesuffix("_2"),
        seed,
        world.design.held_out,
        truth,
        found,
        decide(found).remedy,
        took,
        weak=strength < 1,
    )
    if not rivals:
        return judged
    from tests.benchmarks.fault_bench.rivals import CLASSIFIER, classifier, evidently

    said = [(name, ask(reference, current, world)) for name, ask in (("Evidently", evidently), (CLASSIFIER, classifier))]
    return dataclasses.replace(judged, rivals=tuple((name, found.column in truth.columns, found.drifted) for name, found in said))

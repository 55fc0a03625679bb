"""The distance of the estimate without labels from what the labels say later: `python -m
tests.benchmarks.estimate [--share S] [--seeds N]`.

The first part is the flights year, month by month, with the first champion frozen: the world itself
changes, which no estimate can see. The second part is made worlds in which only the inputs move,
and beside them worlds in which the law does.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")

from modelmedic.examples.flights.stream import month
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.diagnosis.estimate import estimate
from modelmedic.steps.core.statistics.residuals import labelled_rows
from modelmedic.steps.core.tables.pairing import Pair, pair
from tests.benchmarks.fault_bench.planting import build, train
from tests.benchmarks.fault_bench.run import FAULTS
from tests.benchmarks.fault_bench.worlds import DESIGNS, World
from tests.benchmarks.flights import ROLES, answered

_NAMES = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
_INPUTS = ("harmful_shift", "hidden_factor", "harmless_shift", "mix_shift", "wider_spread")
_LAWS = ("concept_turned", "prior")
_WORLDS = ("credit", "demand", "clinic", "sensors", "energy", "claims")


@dataclass(frozen=True)
class EstimatedLoss:
    """Mean losses of one window: estimated with its interval, realised, and the reference's."""

    estimated: float
    low: float
    high: float
    realised: float
    reference: float

    @property
    def covered(self) -> bool:
        return self.low <= self.realised <= self.high

    @property
    def error(self) -> float:
        """As a share of the reference's loss."""
        return (self.estimated - self.realised) / self.reference


def told(both: Pair) -> EstimatedLoss | None:
    """The estimate looks at the reference's labels alone; the current window's are what it is held
    against.
    """
    rows, expected = labelled_rows(both), estimate(both)
    if rows is None or expected is None:
        return None
    return EstimatedLoss(expected.value, expected.low, expected.high, float(rows.loss[1].mean()), expected.reference)


def flights(share: float) -> Iterator[tuple[int, EstimatedLoss]]:
    year = answered(share)
    for number in range(3, 13):
        found = told(pair(year.reference, year.window(month(number)), ROLES))
        assert found is not None
        yield number, found


def made(names: tuple[str, ...], seeds: int) -> Iterator[tuple[Task, EstimatedLoss]]:
    for design in (d for d in DESIGNS if d.name in _WORLDS):
        for seed in range(seeds):
            world = World(design, seed)
            models = train(world, 28)
            for fault in (f for f in FAULTS if f.name in names and f.fits(world)):
                reference, current, _, _ = build(world, fault, seed, models)
                found = told(pair(reference, current, world.roles))
                if found is not None:
                    yield design.task, found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.estimate", description="The estimate against the labels.")
    parser.add_argument("--share", type=float, default=0.4, help="of the flights")
    parser.add_argument("--seeds", type=int, default=2, help="of each made world")
    asked = parser.parse_args()
    sys.stdout.write(f"flights, frozen champion, log loss\n{'month':12}{'estimated':>10}{'95 % interval':>18}{'realised':>10}  covered\n")
    year = []
    for number, found in flights(asked.share):
        year.append(found)
        interval = f"{found.low:.3f} to {found.high:.3f}"
        covered = "yes" if found.covered else "no"
        sys.stdout.write(f"{_NAMES[number - 1]:12}{found.estimated:10.3f}{interval:>18}{found.realised:10.3f}  {covered}\n")
        sys.stdout.flush()
    sys.stdout.write(_sum("", year))
    sys.stdout.write(f"\nmade worlds, seeds 0 to {asked.seeds - 1}\n")
    for title, names in (("only the inputs moved", _INPUTS), ("the law changed", _LAWS)):
        both = list(made(names, asked.seeds))
        for task in Task:
            sys.stdout.write(f"{title}, {task.value}:" + _sum(" ", [t for kind, t in both if kind is task]))
            sys.stdout.flush()


def _sum(lead: str, found: list[EstimatedLoss]) -> str:
    """Errors as a share of the reference's loss; beside them those of who says that nothing
    changed.
    """
    if not found:
        return f"{lead}none\n"
    ours = float(np.mean([abs(t.error) for t in found]))
    still = float(np.mean([abs(1 - t.realised / t.reference) for t in found]))
    covered = sum(t.covered for t in found)
    words = f"mean error {ours:.1%} of the reference loss (of saying 'as before': {still:.1%})"
    return f"{lead}{words}, covered {covered} of {len(found)}\n"


if __name__ == "__main__":
    main()

"""The benchmark of when a newly taught model pays: `python -m tests.benchmarks.real [--cache DIR]
[STREAM.parquet …]`.

Streams are Parquet files with a policy beside each; flights and weather of 2013 are always among
them. A training has one of three prices, in per cent of the loss times days: at 100 %-days it pays
if it lowers the loss by 1 % for 100 days. Printed is each way's share of hindsight's gain over the
frozen model, both less the price of their trainings, and the trainings in brackets. Nothing is
random but the rows of the pilots, whose seed is 0. Minutes a stream the first time, seconds from
the cache.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two runs on two cores do not wait for each other

import numpy as np

from tests.benchmarks.real.losses import WAYS, Losses, losses
from tests.benchmarks.real.policies import Result, every, hindsight, rent
from tests.benchmarks.real.stream import read, shipped

PRICES = (20, 100, 500)
WORTH_WINNING = 0.005  # of the frozen model's loss: below that a share of the gain says nothing


def ways(found: Losses, price: float) -> Iterator[tuple[str, Result]]:
    for way, name in enumerate(WAYS):
        for weeks in (1, 2, 4, 8):
            yield f"every {weeks} weeks, {name}", every(found, weeks, way)
        yield f"rent, {name}", rent(found, price, way)
    yield "rent", rent(found, price)


def shares(found: Losses, percent_days: float) -> tuple[float, dict[str, tuple[float, int]]]:
    """Hindsight's gain as a share of the frozen loss, and each way's share of that gain with
    its trainings.
    """
    price, frozen = found.price(percent_days), float(found.answered(0)[0].sum())
    best, trained = hindsight(found, price)
    gain = frozen - best - price * trained
    worth = gain > WORTH_WINNING * frozen
    each = {name: ((frozen - loss - price * count) / gain if worth else np.nan, count) for name, (loss, count) in ways(found, price)}
    return gain / frozen, each


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--cache", type=Path, help="folder that keeps the losses of each stream")
    ask.add_argument("streams", nargs="*", type=Path)
    asked = ask.parse_args()
    table: dict[tuple[int, str], list[float]] = defaultdict(list)
    for stream in (*map(read, asked.streams), *shipped()):
        found = losses(stream, asked.cache)
        for price in PRICES:
            gain, each = shares(found, price)
            print(f"{stream.name:10} {price:4} %-days  hindsight {gain:5.1%}", end="")  # noqa: T201 - its result
            for name, (share, count) in each.items():
                table[price, name].append(share)
                if name.startswith(("rent", "every 1", "every 4")):
                    print(f"  {name} {share:.2f} [{count}]", end="")  # noqa: T201 - its result
            print(flush=True)  # noqa: T201 - its result
    for (price, name), each_share in table.items():
        worth = [share for share in each_share if np.isfinite(share)]
        if worth:
            print(f"mean of {len(worth)} at {price:4} %-days  {name:26} {np.mean(worth):6.2f}, least {min(worth):.2f}")  # noqa: T201 - its result


if __name__ == "__main__":
    main()

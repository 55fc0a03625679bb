"""The benchmark of the loss that answers let expect: `python -m tests.benchmarks.real.expected
[--cache DIR] [STREAM.parquet …]`.

Champions are taught every eight weeks; each window that lies within one champion's time is
estimated without its labels, and alarms where it passes what the windows before let expect at one
false alarm a year. Nothing is planted. Printed are the alarms a year (of runs of windows, each
counted once), the rank correlation of the estimate with the realised loss, and of the windows that
alarmed the share whose realised loss was above the median of the windows before. The choice of the
rule (the level of the estimate, not its difference from the last windows; an exponential tail
without a factor of caution) was made on the five streams of files, flights and weather.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from modelmedic.steps.core.detection.expected_loss import LEAST_WINDOWS, expected_loss, highest_usual, loss_curve
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from modelmedic.steps.core.profiles.profiler import profile_table
from modelmedic.steps.core.tables.row_loss import row_loss
from tests.benchmarks.real.lives import Life, lived, table
from tests.benchmarks.real.stream import read, shipped

DAYS: Final = (1, 7, 14)
RATE: Final = 1.0  # false alarms a year
_YEAR = 365.0


@dataclass(frozen=True)
class Estimated:
    """One window: the rise of its expected loss, and of its realised loss, as logarithms."""

    rise: float
    realised: float


def windows(life: Life, days: int) -> Iterator[Estimated]:
    """The windows of each champion, one after another."""
    bounds = [*life.released, len(life.rows)]
    for version, (first, last) in enumerate(pairwise(bounds)):
        if first == last:
            continue
        reference = life.reference(version)
        layout = choose_layout(reference, life.roles)
        curve, before = loss_curve(reference, layout), profile_table(layout, reference)
        hours = life.hour[first:last]
        for start in range(int(hours[0]), int(hours[-1]) + 2 - 24 * days, 24 * days):
            low, high = first + np.searchsorted(hours, [start, start + 24 * days])
            rows = table(life.rows.iloc[low:high].dropna(subset=["answer", "label"]))
            found = expected_loss(before, profile_table(layout, rows.drop_columns(["label"])), curve) if curve and rows.num_rows else None
            if found is not None and life.roles.task is not None:
                realised = row_loss(life.roles.task, rows["label"].to_numpy(), rows["answer"].to_numpy()).mean()
                yield Estimated(found.rise, float(np.log(max(realised, 1e-9) / found.reference)))


def said(name: str, days: int, found: list[Estimated]) -> str:
    """One line of the table."""
    rises, realised = np.array([each.rise for each in found]), np.array([each.realised for each in found])
    judged = range(LEAST_WINDOWS, len(found))
    if not len(judged):
        return f"{name:10} {days:3} d  {len(found)} windows, too few to judge one"
    alarms = np.array([rises[i] > (highest_usual(rises[:i].tolist(), RATE * days / _YEAR) or np.inf) for i in judged])
    worse = np.array([realised[i] > np.median(realised[:i]) for i in judged])
    begun, years = int((alarms & ~np.r_[False, alarms[:-1]]).sum()), len(alarms) * days / _YEAR
    ranks = np.corrcoef(np.argsort(np.argsort(rises)), np.argsort(np.argsort(realised)))[0, 1]
    rightly = f"{worse[alarms].mean():.0%} of them rightly" if alarms.any() else ""
    return f"{name:10} {days:3} d  {begun:2} alarms in {years:4.1f} years  {begun / years:5.2f} a year  correlation {ranks:5.2f}  {rightly}"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--cache", type=Path, help="folder that keeps the answers of each stream")
    ask.add_argument("streams", nargs="*", type=Path)
    asked = ask.parse_args()
    lives = [lived(stream, asked.cache) for stream in (*map(read, asked.streams), *shipped())]
    for days in DAYS:
        for life in lives:
            print(said(life.name, days, list(windows(life, days))), flush=True)  # noqa: T201 - its result


if __name__ == "__main__":
    main()

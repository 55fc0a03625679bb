"""Do thresholds hold on data that the calibration never saw? `python -m
tests.benchmarks.detection.alarms [--windows N] [--seed S]`.

A world is drawn as one series: the reference first, then windows that follow it. The reference
alone is replayed for the thresholds; each window is judged, and three in a row make an incident
when two of them alarm. Quiet worlds count false alarms; worlds in which one column rises by 0.1
standard deviations right after the reference, or a release answers the wrong way round from there
on (AUC near 0.35), count what is found.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from modelmedic.steps.contracts.detection import Verdict
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.detection.thresholds import alarm_level, calibrate
from modelmedic.steps.core.detection.verdict import judge_profiles
from modelmedic.steps.core.incidents.persistence import persistence
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from modelmedic.steps.core.profiles.profiler import profile_table
from tests.benchmarks.detection.worlds import ROLES, Kind, table

HITS, OF = 2, 3
WEEK = np.timedelta64(7, "D").astype("timedelta64[s]").astype(object)
INDEPENDENT = (
    Kind(500, 4, 5),
    Kind(500, 10, 50, task=Task.REGRESSION),
    Kind(1_000, 4, 20),
    Kind(1_000, 8, 200),
    Kind(5_000, 4, 20, task=Task.REGRESSION),
    Kind(10_000, 1, 50),
    Kind(100_000, 2, 20),
    Kind(1_000_000, 1, 5),
)
ALIKE = (Kind(500, 10, 5, alike=0.9), Kind(5_000, 4, 20, alike=0.9, task=Task.REGRESSION), Kind(5_000, 8, 10, alike=0.99))
DAILY = (Kind(5_000, 2, 5, days=0.7), Kind(5_000, 4, 5, days=0.7), Kind(5_000, 4, 10, days=0.7, task=Task.REGRESSION))
RELEASED = (Kind(4_000, 1, 5), *DAILY, *ALIKE)
SHIFTED = (Kind(10_000, 1, 5), Kind(10_000, 1, 20), Kind(10_000, 2, 200), Kind(10_000, 0.5, 20))


@dataclasses.dataclass
class Count:
    """The verdicts on the windows of one kind of world. `columns` are those that were named right,
    for a shifted world.
    """

    windows: int = 0
    alarms: int = 0
    runs: int = 0
    incidents: int = 0
    named: int = 0

    def add(self, verdicts: list[Verdict], column: str | None = None) -> None:
        self.windows += len(verdicts)
        self.alarms += sum(verdict.alarming for verdict in verdicts)
        self.runs += 1
        held = persistence(verdicts, HITS, OF, None)
        self.incidents += sum(verdict.alarming for verdict in verdicts) >= HITS or held.holds
        named = [v.alarming and any(s.column == column and s.shifted for s in v.shifts) for v in verdicts]
        self.named += sum(named) >= HITS


def run(kind: Kind, seed: int, windows: int, shift: float = 0.0, turned: float = 0.0) -> list[Verdict]:
    """The verdicts on so many windows that follow the reference of one world."""
    random = np.random.default_rng([seed, kind.rows, kind.columns])
    before = int(kind.rows * kind.reference)
    series = table(kind, before + windows * kind.rows, random, shift=shift, turned=turned, start=before)
    return judged(series, before, kind.rows)


def judged(series: pa.Table, before: int, rows: int) -> list[Verdict]:
    """The first `before` rows are the reference; every `rows` rows behind them are a window."""
    reference = series.slice(0, before)
    layout = choose_layout(reference, ROLES)
    thresholds = calibrate(reference, layout, rows, alpha=alarm_level(1.0, WEEK, HITS), explicit={}, version="1")
    profile = profile_table(layout, reference)
    pieces = [series.slice(start, rows) for start in range(before, series.num_rows, rows)]
    return [judge_profiles(profile, profile_table(layout, piece), thresholds) for piece in pieces]


def count(kinds: tuple[Kind, ...], seed: int, windows: int, *, shift: float = 0.0, turned: float = 0.0) -> Iterator[tuple[Kind, Count]]:
    """About so many windows over these kinds, three of each world; a quarter as many of the
    largest.
    """
    each = max(1, round(windows / OF / len(kinds)))
    for kind in kinds:
        found = Count()
        for number in range(each if kind.rows < 100_000 else max(1, each // 4)):
            found.add(run(kind, seed + number, OF, shift, turned), "x0" if shift else None)
        yield kind, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=1000, help="quiet windows of independent rows; a third as many of the others")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    parts = {
        "quiet, independent rows": count(INDEPENDENT, asked.seed, asked.windows),
        "quiet, rows like their neighbours": count(ALIKE, asked.seed, asked.windows // 3),
        "quiet, labels that move by whole days": count(DAILY, asked.seed, asked.windows // 3),
        "x0 rises by 0.1 standard deviations": count(SHIFTED, asked.seed, asked.windows // 3, shift=0.1),
        "a release that answers the wrong way round": count(RELEASED, asked.seed, asked.windows // 3, turned=0.5),
    }
    for title, part in parts.items():
        whole = Count()
        if not asked.as_json:
            sys.stdout.write(f"\n{title}\n{'rows':>9}{'reference':>11}{'columns':>9}{'alike':>7}{'days':>6}")
            sys.stdout.write(f"{'windows':>9}{'alarms':>9}{'runs of 3':>11}{'incidents':>11}{'right column':>14}\n")
        for kind, found in part:
            for name in ("windows", "alarms", "runs", "incidents", "named"):
                setattr(whole, name, getattr(whole, name) + getattr(found, name))
            _line(title, dataclasses.asdict(kind), found, asked.as_json)
        _line(title, None, whole, asked.as_json)


def _line(title: str, kind: dict[str, object] | None, found: Count, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"part": title, "kind": kind, **dataclasses.asdict(found)}) + "\n")
    else:
        head = (
            f"{kind['rows']:>9}{kind['reference']:>11}{kind['columns']:>9}{kind['alike']:>7}{kind['days']:>6}"
            if kind
            else f"{'together':>42}"
        )
        alarms, incidents = found.alarms / found.windows, found.incidents / found.runs
        sys.stdout.write(f"{head}{found.windows:>9}{alarms:>9.1%}{found.runs:>11}{incidents:>11.1%}{found.named / found.runs:>14.1%}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

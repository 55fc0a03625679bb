"""`python -m tests.benchmarks.real.backtests STREAM.parquet …`: the policies themselves, replayed
over real streams beside the simpler ways.

A stream is a Parquet file with its policy beside it; flights and weather of 2013 follow unless
`--alone`. Printed for each way are its metric, its share of hindsight's gain at the policy's price
of a training, and its trainings in brackets; then what the policy did, and the mean over streams.
Minutes a stream.
"""

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two runs on two cores do not wait for each other

import numpy as np
import pyarrow as pa

from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.steps.adapters.tables.read import read_table
from modelmedic.steps.backtesting.past import read_past
from modelmedic.steps.backtesting.plan import plan_replay
from modelmedic.steps.backtesting.result import POLICY, TITLES, WAYS, Backtest, WayLine
from modelmedic.steps.backtesting.run import backtest
from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.policy import Policy
from tests.benchmarks.backtest.__main__ import UNTIL, flights, weather

_FLIGHTS = 0.4  # of the flights, as in the other benchmarks


def streams(paths: list[Path], *, alone: bool) -> Iterator[tuple[str, Policy, pa.Table]]:
    for path in paths:
        yield path.stem, load_policy(path.with_suffix(".yaml")), read_table(path)[0]
    for name, shipped in (("flights", flights(_FLIGHTS)), ("weather", weather)) if not alone else ():
        yield name, *shipped(1)


def played(name: str, policy: Policy, rows: pa.Table, ways: list[str], cost: float | None) -> Backtest:
    if cost is not None:
        policy = policy.model_copy(update={"retrain": policy.retrain.model_copy(update={"cost": cost})})
    past = read_past(policy, rows)
    return backtest(past, plan_replay(policy, past.span, UNTIL.get(name)), ways=ways)


def said(name: str, found: Backtest, seconds: float) -> Iterator[str]:
    first = found.windows[0].start
    yield f"{name}: {found.metric}, {found.cost:g} %-days, {len(found.windows)} windows from {first:%Y-%m-%d} ({seconds:.0f} s)"
    for line in found.lines:
        yield f"  {line.title:22} {_number(line.mean):>9}  won {_number(line.share):>6}  [{line.counts.retrains}]"
    policy = found.played(POLICY)
    if policy is not None:
        did = policy.counts
        yield (
            f"  the policy: {did.incidents} incidents, {did.promotions} promotions, {did.rejected} rejected, "
            f"{did.quarantined} quarantined, {did.rolled_back} rolled back, {did.escalated} escalated, {did.approvals} approvals asked, "
            f"{policy.calls_a_year:.1f} calls for a person a year"
        )
        yield f"  causes: {', '.join(f'{cause} {count}' for cause, count in sorted(policy.causes.items())) or 'none'}"


def means(lines: dict[str, list[WayLine]]) -> Iterator[str]:
    """The mean and the least share of each way, over the streams on which there is something to
    win.
    """
    for name, each in lines.items():
        shares = [line.share for line in each if line.share is not None]
        if shares:
            yield f"mean of {len(shares)}  {TITLES[name]:22} {np.mean(shares):6.2f}, least {min(shares):.2f}"


def _number(value: float | None) -> str:
    return f"{value:.4g}" if value is not None else "-"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--alone", action="store_true", help="leave flights and weather out")
    ask.add_argument("--cost", type=float, help="the price of a training in %%-days, instead of each policy's own")
    ask.add_argument("--ways", default=",".join(WAYS), help="as modelmedic backtest takes them")
    ask.add_argument("--json", type=Path, help="write everything to this file, a line a stream")
    ask.add_argument("streams", nargs="*", type=Path)
    asked = ask.parse_args()
    lines: dict[str, list[WayLine]] = defaultdict(list)
    for name, policy, rows in streams(asked.streams, alone=asked.alone):
        started = time.monotonic()
        found = played(name, policy, rows, [WAYS[way] for way in asked.ways.split(",")], asked.cost)
        for line in found.lines:
            lines[line.name].append(line)
        print("\n".join(said(name, found, time.monotonic() - started)), flush=True)  # noqa: T201 - its result
        if asked.json:
            with asked.json.open("a") as file:
                file.write(json.dumps({"stream": name, **dict(to_plain(found))}) + "\n")
    print("\n".join(means(lines)))  # noqa: T201 - its result


if __name__ == "__main__":
    main()

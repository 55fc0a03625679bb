"""`python -m tests.benchmarks.backtest`: the policy beside three simpler habits, on real and on
made streams.

Prints a line per stream: the mean of the policy's metric over the windows for each way, trainings
in brackets, and whether the policy is no worse than the best of the others with at most half of the
trainings of the one that retrains every window. The difference to the best other way has a standard
error over the windows; beyond two of them it is worse.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.steps.backtesting.past import read_past
from modelmedic.steps.backtesting.plan import plan_replay
from modelmedic.steps.backtesting.result import ANY_DRIFT, EVERY_WINDOW, FROZEN, POLICY, Backtest, WayLine
from modelmedic.steps.backtesting.run import backtest
from modelmedic.steps.contracts.codec import to_plain
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from tests.benchmarks.backtest.streams import KINDS, make

Stream = Callable[[int], tuple[Policy, pa.Table]]
WAYS = (FROZEN, EVERY_WINDOW, ANY_DRIFT, POLICY)
UNTIL = {  # where the first champion needs more or less than the default gives it
    "weather": datetime(2013, 4, 1, tzinfo=UTC),
    "flights": datetime(2013, 3, 1, tzinfo=UTC),
    "flights-40": datetime(2013, 3, 1, tzinfo=UTC),
}


def flights(share: float) -> Stream:
    from modelmedic.examples.flights.stream import Flights

    whole = Window(datetime(2013, 1, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC))
    return lambda seed: (load_policy(Path("examples/flights/policy.yaml")), Flights(share, seed + 2012).between(whole))


def weather(_seed: int) -> tuple[Policy, pa.Table]:
    from modelmedic.examples.regression.stream import END, Weather

    rows = Weather().between(Window(datetime(2013, 1, 1, tzinfo=UTC), END))
    return load_policy(Path("examples/regression/policy.yaml")), rows


def streams() -> Iterator[tuple[str, Stream]]:
    yield "flights-40", flights(0.4)
    yield "flights", flights(1.0)
    yield "weather", weather
    for kind in KINDS:
        yield kind, lambda seed, kind=kind: make(kind, seed)
    for kind in ("sudden", "gradual"):
        yield f"{kind}-reg", lambda seed, kind=kind: make(kind, seed, task="regression")


def gain(found: Backtest, one: WayLine, other: WayLine) -> tuple[float, float]:
    """The gain of `one` in the mean over the windows, and the standard error of that."""
    sign = 1.0 if found.higher else -1.0
    pairs = [(a, b) for a, b in zip(one.scores, other.scores, strict=True) if a is not None and b is not None]
    each = sign * np.array([a - b for a, b in pairs])
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else 0.0


def said(name: str, seed: int, found: Backtest, seconds: float) -> str:
    policy, monthly = found.line(POLICY), found.line(EVERY_WINDOW)
    others = [line for line in found.lines if line.name != POLICY]
    best = min(others, key=lambda line: gain(found, policy, line)[0])
    mean, error = gain(found, policy, best)
    good, cheap = mean >= -max(2 * error, 0.0), 2 * policy.counts.retrains <= monthly.counts.retrains
    ways = "  ".join(f"{line.mean or float('nan'):8.4f} [{line.counts.retrains}]" for line in found.lines)
    did = policy.counts
    extra = f"p{did.promotions} r{did.rejected} q{did.quarantined} b{did.rolled_back} e{did.escalated} of {did.incidents} f{did.fits}"
    verdict = ("ok" if mean >= 0 else "ok within noise") if good and cheap else ("WORSE" if not good else "") + ("" if cheap else " COSTLY")
    beside = f"{mean:+.4f} ± {error:.4f} to {best.name:<13}"
    return f"{name:<12}{seed:>3}  {found.metric:<8} {ways}   {beside} {extra:<28} {verdict} ({seconds:.0f} s)"


def main() -> int:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.backtest", description=__doc__)
    parser.add_argument("--only", nargs="*", help="names of streams")
    parser.add_argument("--seeds", type=int, default=1, help="seeds 1 to this")
    parser.add_argument("--json", type=Path, help="write everything to this file, a line each")
    parser.add_argument("--deeds", action="store_true", help="say what the policy did")
    options = parser.parse_args()
    print("stream    seed  metric   frozen         every window   any drift      policy         policy - best other")  # noqa: T201
    for name, stream in streams():
        if options.only and name not in options.only:
            continue
        for seed in range(1, options.seeds + 1):
            started = time.monotonic()
            rules, rows = stream(seed)
            played = read_past(rules, rows)
            found = backtest(played, plan_replay(rules, played.span, UNTIL.get(name)), ways=WAYS)
            print(said(name, seed, found, time.monotonic() - started), flush=True)  # noqa: T201
            if options.deeds:
                for deed in found.line(POLICY).deeds:
                    print(f"      {deed.at:%Y-%m-%d} {deed.kind:<12} {deed.cause} {deed.columns[:3]}: {deed.sentence[:160]}")  # noqa: T201
            if options.json:
                with options.json.open("a") as file:
                    file.write(json.dumps({"stream": name, "seed": seed, **dict(to_plain(found))}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

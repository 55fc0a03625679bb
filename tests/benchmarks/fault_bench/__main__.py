"""python -m tests.benchmarks.fault_bench [--half …] [--worlds A,B] [--kinds PART,PART] [--seeds N]
[--quick] [--rivals] [--json]
"""

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from typing import TextIO

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two small models at once are no faster, and other people use this machine

from tests.benchmarks.fault_bench.run import HALVES, chosen, judged
from tests.benchmarks.fault_bench.scoring import Mark, beside, reliability, summary, table


def main() -> None:
    asked = _arguments()
    began = time.perf_counter()
    marks: list[Mark] = []
    for world, seed in chosen(asked.half, asked.worlds, 1 if asked.quick else asked.seeds, asked.first_seed):
        for found in judged(world, seed, asked.kinds, quick=asked.quick, rivals=asked.rivals):
            marks.append(found)
            if asked.verbose and not found.strict:
                _complain(found)
        _say(f"{world.name} {seed}: {len(marks)} cases, {time.perf_counter() - began:.0f} s", sys.stderr)
    if asked.save:
        Path(asked.save).write_text(json.dumps([dataclasses.asdict(m) for m in marks]))
    if asked.json:
        _say(json.dumps({"summary": summary(marks), "cases": [dataclasses.asdict(m) for m in marks]}))
        return
    for half, held_out in (("worlds that were looked at", False), ("held-out worlds", True)):
        rows = [m for m in marks if m.held_out == held_out]
        if rows:
            _print(half, rows)


def _say(text: str, to: TextIO = sys.stdout) -> None:
    to.write(text + "\n")
    to.flush()


def _print(title: str, rows: list[Mark]) -> None:
    _say(f"\n{title}\n\n{table(rows)}\n")
    for name, part in (("all", rows), ("full size", [m for m in rows if not m.weak]), ("0.6 of it", [m for m in rows if m.weak])):
        if part:
            _say(f"{name:10} " + "  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in summary(part).items()))
    _say("\n" + reliability(rows))
    if rows[0].rivals:
        _say("\n" + beside(rows))


def _complain(m: Mark) -> None:
    wanted = f"{'/'.join(m.truth.causes)} {','.join(m.truth.columns[:2])} {m.truth.region or m.truth.segment or ''}"
    said = f"{m.cause} {m.columns[:3]} {m.segment} {m.remedy} {m.confidence:.2f}: {m.sentence[:150]}"
    _say(f"  {m.world}/{m.seed} {m.kind}: wanted {wanted}; said {said}", sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fault_bench", description="Planted faults, judged.")
    parser.add_argument("--half", choices=HALVES, default="both", help="worlds that were looked at while building, or the others")
    parser.add_argument("--worlds", default="", help="comma-separated names of designs")
    parser.add_argument("--kinds", default="", help="comma-separated parts of names of faults")
    parser.add_argument("--seeds", type=int, default=2, help="worlds drawn from each design")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="one seed, small worlds only, every other kind")
    parser.add_argument("--rivals", action="store_true", help="also ask Evidently and a domain classifier for the worst column")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--save", help="write the judged cases to this file as well")
    parser.add_argument("--verbose", action="store_true", help="print every case that is not strictly right")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""The bench of faults planted in real windows: `python -m tests.benchmarks.real.faults
[STREAM.parquet …]`.

Streams are Parquet files with a policy beside each (bikes.parquet, bikes.yaml); flights and weather
of 2013 are always among them. A champion is taught every eight weeks by the product's own trainer.
Windows of the policy's length are drawn inside of its reign, and judged as they are, with changes
of the world, and with faults, of random size, kind, column, segment and beginning, in them.

A fault harms when the champion loses 5 % more on the window with it than without; those that do
less are told apart. strict: cause, column and segment are right. other: another thing was accused.
retrain: broken data, labels or a release ended in learning (a count; the worst mistake). missed:
nothing was accused, nothing learnt. floor: each column's weekly statistics against their own past.

  --streams bikes,air        only these
  --kinds unit,labels        only kinds with one of these parts in their names
  --windows 15               windows a stream
  --kinds-per-window 6       kinds drawn for each window; 0 for all of them
  --by-stream --curves       more tables: each stream; each kind by its size
  --oracle                   which harmful faults one could see who has the window without them
  --save cases.json --show 20    all cases as JSON; the first wrong ones in words

Further real streams: `python -m tests.benchmarks.real.more` writes five. Judge a rule on streams
that it was not tuned on: --streams a,b for the one, --streams c,d for the other.

Everything is drawn from --seed. Champions are kept under --cache; the first run of a stream takes
up to a minute, later ones 0.1 to 0.3 s a case.
"""

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two runs on two cores do not wait for each other

from tests.benchmarks.real.faults.judging import Mark, report
from tests.benchmarks.real.faults.kinds import KINDS
from tests.benchmarks.real.faults.planting import Fault
from tests.benchmarks.real.faults.run import judged, windows
from tests.benchmarks.real.faults.sources import keep, live, read, shipped


def main() -> None:
    asked = _arguments()
    marks: list[Mark] = []
    target: dict[str, str] = {}
    kinds = _kinds(asked.kinds)
    for found in (*map(read, asked.streams_given), *shipped()):
        if asked.streams and found.name not in asked.streams.split(","):
            continue
        began = time.perf_counter()
        life = live(found, asked.cache)
        target[found.name] = found.target
        chosen = windows(life, asked.windows, asked.seed)
        _say(f"{found.name}: {len(life.champions)} champions, {len(chosen)} windows, {time.perf_counter() - began:.0f} s")
        count = len(marks)
        per_window = asked.kinds_per_window or len(kinds)
        for each in judged(life, chosen, kinds, per_window, asked.seed, ask_oracle=asked.oracle):
            marks.append(each)
            if (len(marks) - count) % 50 == 0:
                _say(f"{found.name}: {len(marks) - count} cases, {time.perf_counter() - began:.0f} s")
        keep(life, asked.cache)
        _say(f"{found.name}: {len(marks) - count} cases, {time.perf_counter() - began:.0f} s")
        if asked.save:  # after each stream: a run that is stopped has lost nothing
            asked.save.write_text(json.dumps([dataclasses.asdict(m) for m in marks]))
    if asked.json:
        print(json.dumps([dataclasses.asdict(m) for m in marks]))  # noqa: T201 - its result
        return
    for wrong in [m for m in marks if not m.fair][: asked.show]:
        print(_in_words(wrong))  # noqa: T201 - its result
    print(report(marks, target, by_stream=asked.by_stream, curves=asked.curves))  # noqa: T201 - its result


def _kinds(parts: str) -> tuple[Fault, ...]:
    wanted = [part for part in parts.split(",") if part]
    return tuple(kind for kind in KINDS if not wanted or any(part in kind.name for part in wanted))


def _in_words(m: Mark) -> str:
    wanted = f"{'/'.join(m.causes) or 'nothing broken'} {','.join(m.columns[:2])} {m.segment or ''} {m.detail}"
    said = f"{m.said} {','.join(m.said_columns[:2])} {m.said_segment or ''} {m.remedy} {m.confidence:.2f}: {m.sentence[:160]}"
    return (
        f"{m.stream}/{m.window} {m.kind}{' +index' if m.counter else ''} (harm {m.harm:+.0%}, {m.share:.0%} of rows): {wanted}; said {said}"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress


def _arguments() -> argparse.Namespace:
    ask = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.real.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("streams_given", metavar="STREAM.parquet", nargs="*", type=Path)
    ask.add_argument("--streams", default="", help="names of streams, with commas; all when left out")
    ask.add_argument("--kinds", default="", help="parts of names of kinds, with commas; all when left out")
    ask.add_argument("--windows", type=int, default=15, help="windows a stream")
    ask.add_argument("--kinds-per-window", type=int, default=0, help="kinds drawn for a window; 0: all of them")
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--cache", type=Path, help="folder that keeps the champions")
    ask.add_argument("--by-stream", action="store_true", help="a line for each stream and family")
    ask.add_argument("--curves", action="store_true", help="each kind by its size")
    ask.add_argument("--oracle", action="store_true", help="could one who has the window without the fault see it at all")
    ask.add_argument("--show", type=int, default=0, help="so many wrong answers in words")
    ask.add_argument("--save", type=Path, help="a file for all cases as JSON")
    ask.add_argument("--json", action="store_true", help="all cases as JSON in place of the tables")
    return ask.parse_args()


if __name__ == "__main__":
    main()

"""The benchmark of the audit of releases: `python -m tests.benchmarks.real.releases [--times 8]
[--seed 0] [STREAM.parquet …]`.

At random moments of a real stream a version is released beside an older one that has served: an
honest one, taught all known rows, the last thirty days alone or half of what the older one knew, or
a faulty one: answers turned
round, one answer to everything, turned round in one code of a column, or asked with one column
mirrored. The monitor's own comparison looks an hour after the release and then once a day for four
weeks. Printed for each stream and kind: the share that is accused, and the median of looks, hours
and labelled rows since the release until it is; an accusation of an honest version is false unless
it lost over 5 % more than the older one in those four weeks. Beside it stands an oracle: a CUSUM
over the rows' losses that knows the faulty and the honest version, and so the change of the mean
exactly (Page 1954; Gaussian likelihood ratio, threshold log 1000), fed as labels mature. A fault
is planted where it costs at least 5 % in the four weeks; a milder one is drawn again. Of the
honest versions the lowest rank correlation with the older one, the largest distance from it and the
largest rise of the loss on the rows of the first look are printed, against which the levels of
core/comparison/audit.py stand.

`--lives` plays whole streams without a fault instead: a version every four weeks, taught all known
rows or the last sixty days in turn, a look a day, and an accused version is taken back until the
next one comes. Printed are the accusations, how many were right (the accused one lost more than the
other in the four weeks that followed), and the loss of this life against that of serving the newest
version always.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from modelmedic.examples.flights.stream import Flights
from modelmedic.examples.flights.year import POLICY as FLIGHTS
from modelmedic.examples.regression.stream import END, Weather
from modelmedic.steps.adapters.clocks import PlayedClock
from modelmedic.steps.adapters.memory.registry import RehearsedRegistry
from modelmedic.steps.adapters.memory.store import MemoryStore
from modelmedic.steps.adapters.policy.file import load_policy
from modelmedic.steps.backtesting.models import Predict, train_on
from modelmedic.steps.backtesting.past import Past, read_past
from modelmedic.steps.backtesting.windows import PlayedWindows
from modelmedic.steps.contracts.comparison import Accusation, VersionPair
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.inference_log import MODEL_VERSION, PREDICTION
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.comparison.rise import rise_at_once
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.row_loss import row_loss
from modelmedic.steps.detection.comparison import compare_versions
from modelmedic.steps.runtime.run import Site
from modelmedic.steps.training.process import in_this_process

HONEST: Final = ("whole", "recent", "half")
FAULTS: Final = ("turned", "constant", "segment", "column")
WATCHED: Final = timedelta(days=28)
_FIRST, _EVERY = timedelta(hours=1), timedelta(days=1)
_HARM, _LIMIT = 0.05, np.log(1000)
_YEAR = datetime.fromisoformat("2013-01-01T00:00:00+00:00")


@dataclass(frozen=True)
class Watched:
    """The audit of one release. `cost` is the rise of the loss in the four weeks, a share."""

    kind: str
    cost: float
    looks: int | None
    hours: float | None
    rows: int | None
    oracle_hours: float | None
    oracle_rows: int | None
    accusation: Accusation | None
    first: VersionPair | None = None


def streams(files: list[Path], share: float) -> Iterator[tuple[str, Past]]:
    for file in files:
        yield file.stem, read_past(load_policy(file.with_suffix(".yaml")), pq.read_table(file))
    if not files:
        flights = Flights(share).between(Window(_YEAR, _YEAR + timedelta(days=365)))
        yield "flights", read_past(load_policy(FLIGHTS), flights)
        yield "weather", read_past(load_policy(FLIGHTS.parents[1] / "regression" / "policy.yaml"), Weather().between(Window(_YEAR, END)))


def releases(past: Past, times: int, rng: np.random.Generator) -> Iterator[Watched]:
    """Every kind at each of the moments."""
    policy, span = past.policy, past.span
    first = span.start + min(policy.retrain.history, 0.4 * span.length)
    for _ in range(times):
        at = _whole_hour(first + rng.random() * (span.end - WATCHED - timedelta(days=3) - first))
        known = at - policy.data.labels.delay
        before = known - timedelta(days=float(rng.uniform(14, 90)))
        with tempfile.TemporaryDirectory() as scratch, in_this_process():
            old = _taught(past, before, policy.retrain.history, Path(scratch) / "old")
            new = {kind: _taught(past, known, reach, Path(scratch) / kind) for kind, reach in _reaches(past)}
            new["half"] = _taught(past, before, policy.retrain.history, Path(scratch) / "half", share=0.5)
            if old is None or new["whole"] is None:
                continue
            for kind in (*HONEST, *FAULTS):
                version = new.get(kind) if kind in HONEST else _harmful(past, at, old, cast(Predict, new["whole"]), kind, rng)
                if version is not None:
                    yield _watch(past, at, old, version, cast(Predict, new["whole"]), kind)


def _whole_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _reaches(past: Past) -> tuple[tuple[str, timedelta], ...]:
    return ("whole", past.policy.retrain.history), ("recent", timedelta(days=30))


def _taught(past: Past, known: datetime, reach: timedelta, place: Path, share: float = 1.0) -> Predict | None:
    rows = past.between(Window(max(past.span.start, known - reach), max(known, past.span.start)))
    rows = rows.filter(pa.array(np.random.default_rng(0).random(rows.num_rows) < share))
    return train_on(past.policy, rows, place) if rows.num_rows >= 300 else None


def _harmful(past: Past, at: datetime, old: Predict, honest: Predict, kind: str, rng: np.random.Generator) -> Predict | None:
    """A faulty version that costs at least 5 % over the older; None when ten draws are milder."""
    for _ in range(10):
        version = _faulty(past, at, honest, kind, rng)
        if version is not None and _cost(past, at, old, version) >= _HARM:
            return version
    return None


def _faulty(past: Past, at: datetime, honest: Predict, kind: str, rng: np.random.Generator) -> Predict | None:
    seen = past.between(Window(at - past.policy.detect.window * 2, at))
    answers = honest(seen)
    middle = float(np.median(answers))

    def turned(values: Floats) -> Floats:
        return 1 - values if past.policy.data.task is Task.BINARY else 2 * middle - values

    if kind == "turned":
        return lambda rows: turned(honest(rows))
    if kind == "constant":
        return lambda rows: np.full(rows.num_rows, float(answers.mean()))
    if kind == "segment":
        return _in_segment(past, seen, honest, turned, rng)
    column = str(rng.choice(list(past.policy.data.numeric)))
    values = seen[column].drop_null().to_numpy()
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    return lambda rows: honest(_put(rows, column, pc.subtract(low + high, pc.cast(rows[column], pa.float64()))))


def _in_segment(
    past: Past, seen: pa.Table, honest: Predict, turned: Callable[[Floats], Floats], rng: np.random.Generator
) -> Predict | None:
    columns = past.policy.data.segments or past.policy.data.categorical
    codes = [(c, code) for c in columns for code in seen[c].unique().to_pylist() if code is not None]
    sizes = [(c, code, pc.sum(pc.equal(seen[c], code)).as_py() / seen.num_rows) for c, code in codes]
    fit = [(c, code) for c, code, size in sizes if 0.03 <= size <= 0.5]
    if not fit:
        return None
    column, code = fit[int(rng.integers(len(fit)))]

    def answer(rows: pa.Table) -> Floats:
        values = honest(rows)
        return np.where(np.asarray(pc.fill_null(pc.equal(rows[column], code), False)), turned(values), values)

    return answer


def _put(rows: pa.Table, name: str, values: Any) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, values)


def _later(past: Past, at: datetime) -> pa.Table:
    rows = past.between(Window(at, at + WATCHED))
    return rows.filter(pc.is_valid(rows[past.policy.data.target]))


def _losses(past: Past, rows: pa.Table, version: Predict) -> Floats:
    return row_loss(past.policy.data.task or Task.BINARY, rows[past.policy.data.target].to_numpy(), version(rows))


def _cost(past: Past, at: datetime, old: Predict, version: Predict) -> float:
    rows = _later(past, at)
    if rows.num_rows < 50:
        return 0.0
    return float(_losses(past, rows, version).sum() / _losses(past, rows, old).sum() - 1)


def _watch(past: Past, at: datetime, old: Predict, new: Predict, honest: Predict, kind: str) -> Watched:
    """Look until the release is accused or the four weeks are over."""
    site, clock, windows = _site(past, at, {"1": old, "2": new})
    rows = past.between(Window(at - 3 * past.policy.detect.window, at + WATCHED))
    early = np.asarray(pc.less(rows[past.policy.data.time], pa.scalar(at, rows.schema.field(past.policy.data.time).type)))
    served = np.where(early, old(rows), new(rows))
    windows.add(_put(_put(rows, PREDICTION, pa.array(served)), MODEL_VERSION, pa.array(np.where(early, "1", "2"))))
    looks, accusation, first = 0, None, None
    while accusation is None and clock.now() < at + WATCHED:
        clock.sleep(_EVERY if looks else _FIRST)
        looks += 1
        seen = compare_versions(site, clock.now(), "2")
        accusation = seen.accusation if seen else None
        first = first or (seen.pair("1") if seen else None)
    matured = past.known(Window(at, at + WATCHED), clock.now()).num_rows
    hours = (clock.now() - at) / timedelta(hours=1)
    found = (looks, hours, matured) if accusation else (None, None, None)
    return Watched(kind, _cost(past, at, old, new), *found, *_oracle(past, at, new, honest), accusation, first)


def _site(past: Past, at: datetime, models: dict[str, Predict], *, released: bool = True) -> tuple[Site, PlayedClock, PlayedWindows]:
    clock, store = PlayedClock(at), MemoryStore()
    windows = PlayedWindows(past.policy, clock)
    absent: dict[str, Any] = dict.fromkeys(("serving", "references", "notifier"))
    registry = RehearsedRegistry(Path("unused"), past.policy.registry.name)  # nothing is registered: the site asks by itself
    ports = {
        "registry": registry,
        "store": store,
        "windows": windows,
        "clock": clock,
        "real": clock,
        "ask": lambda version, rows: models[version](rows),
    }
    site = Site(policy=past.policy, actor="bench", work=Path(), **cast(Any, {**absent, **ports}))
    if released:
        site.history.record_release(site.model, Release(at - timedelta(days=60), "1", None))
        site.history.record_release(site.model, Release(at, "2", "1", by="a person"))
    return site, clock, windows


def _oracle(past: Past, at: datetime, new: Predict, honest: Predict) -> tuple[float | None, int | None]:
    """Hours and labelled rows until the CUSUM of the losses' difference from the honest version,
    whose size and spread it knows.
    """
    rows = _later(past, at)
    extra = _losses(past, rows, new) - _losses(past, rows, honest)
    size, spread = float(extra.mean()), float(extra.std())
    if size <= 0 or spread <= 0:
        return None, None
    gains = size * (extra - size / 2) / spread**2
    level = 0.0
    for number, gain in enumerate(gains):
        level = max(0.0, level + gain)
        if level >= _LIMIT:
            when = rows[past.policy.data.time][number].as_py() + past.policy.data.labels.delay
            return (when - at) / timedelta(hours=1), number + 1
    return None, None


def life(past: Past) -> str:
    """The line of a stream that is played without a fault."""
    policy, span = past.policy, past.span
    start = _whole_hour(span.start + min(policy.retrain.history, 0.4 * span.length))
    models: dict[str, Predict] = {}
    site, clock, windows = _site(past, start, models, released=False)
    champion, newest, right = "", "", []
    losses = np.zeros(2)  # of this life, and of the newest version always
    with tempfile.TemporaryDirectory() as scratch, in_this_process():
        for day in range((span.end - start).days):
            at = start + timedelta(days=day)
            if day % 28 == 0:
                reach = policy.retrain.history if day % 56 == 0 else timedelta(days=60)
                made = _taught(past, at - policy.data.labels.delay, reach, Path(scratch) / str(day))
                if made is not None:
                    newest = str(len(models) + 1)
                    models[newest] = made
                    site.history.record_release(site.model, Release(at, newest, champion or None))
                    champion = newest
            rows = past.between(Window(at, at + timedelta(days=1)))
            if rows.num_rows and champion:
                windows.add(
                    _put(_put(rows, PREDICTION, pa.array(models[champion](rows))), MODEL_VERSION, pa.array([champion] * rows.num_rows))
                )
                labelled = rows.filter(pc.is_valid(rows[policy.data.target]))
                losses += [_losses(past, labelled, models[version]).sum() for version in (champion, newest)]
            clock.sleep(timedelta(days=1))
            seen = compare_versions(site, clock.now(), champion) if champion else None
            if seen is not None and seen.accusation is not None:
                instead = seen.accusation.instead
                right.append(_cost(past, clock.now(), models[instead], models[champion]) > 0)
                site.history.record_release(site.model, Release(clock.now(), instead, champion))
                champion = instead
    years = (span.end - start) / timedelta(days=365)
    return f"{len(models)} versions, {len(right)} accused in {years:.1f} years, {sum(right)} rightly; loss {losses[0] / losses[1] - 1:+.2%}"


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--times", type=int, default=8, help="releases of each kind and stream")
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--share", type=float, default=0.2, help="of the flights")
    ask.add_argument("--show", action="store_true", help="print every accusation")
    ask.add_argument("--lives", action="store_true", help="play whole streams without a fault")
    ask.add_argument("streams", nargs="*", type=Path)
    asked = ask.parse_args()
    totals: dict[str, list[Watched]] = {}
    for name, past in streams(asked.streams, asked.share):
        if asked.lives:
            print(f"{name:9} {life(past)}", flush=True)  # noqa: T201 - its result
            continue
        each: dict[str, list[Watched]] = {}
        for seen in releases(past, asked.times, np.random.default_rng(asked.seed)):
            each.setdefault(seen.kind, []).append(seen)
            totals.setdefault(seen.kind, []).append(seen)
            if asked.show:
                print(f"  {name:8} {seen.kind:9} {seen.cost:+.2f} {seen.accusation.sentence if seen.accusation else '-'}", flush=True)  # noqa: T201
        for kind, found in each.items():
            print(_line(name, kind, found), flush=True)  # noqa: T201 - its result
    for kind, found in totals.items():
        print(_line("all", kind, found))  # noqa: T201 - its result


def _line(name: str, kind: str, found: list[Watched]) -> str:
    accused = [seen for seen in found if seen.accusation is not None]
    start = f"{name:9} {kind:9} {len(accused):3} of {len(found):3} accused"
    if kind in HONEST:
        alike = [seen.first.likeness for seen in found if seen.first and seen.first.likeness]
        rises = [rise.value for seen in found if seen.first and (rise := rise_at_once(seen.first.before, 0.5))]
        seen_first = (
            f"correlation {min((each.correlation for each in alike), default=np.nan):.2f} or more, distance "
            f"{max((each.distance for each in alike), default=np.nan):.2f} or less, first rise {max(rises, default=np.nan):+.0%} or less"
        )
        falsely = sum(seen.cost <= _HARM for seen in accused)
        return f"{start}, {falsely} of them falsely; cost {_median([s.cost for s in found]):+.0%}; {seen_first}"
    at_once = sum(seen.looks == 1 for seen in accused)
    delays = (
        f"{at_once:3} at the first look; hours {_median([s.hours for s in accused]):.0f}, rows {_median([s.rows for s in accused]):.0f}"
    )
    oracle = f"oracle {_median([s.oracle_hours for s in found]):.0f} h, {_median([s.oracle_rows for s in found]):.0f} rows"
    return f"{start}, {delays}; {oracle}"


def _median(values: list[Any]) -> float:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else float("nan")


if __name__ == "__main__":
    main()

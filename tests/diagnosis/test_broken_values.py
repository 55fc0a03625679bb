"""Faults of values, columns and windows are found with their share; a mere movement is not one."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from modelmedic.steps.contracts.detection import Problem, ProblemKind, Roles
from modelmedic.steps.core.quality.checks import pair_problems
from modelmedic.steps.core.tables.pairing import pair

Floats = npt.NDArray[np.float64]
N = 4000


def _window(seed: int) -> dict[str, Floats]:
    random = np.random.default_rng(seed)
    hidden = random.normal(size=N)
    return {
        "length": 60 + 8 * random.normal(size=N),
        "price": np.exp(4 + 0.5 * random.normal(size=N)),
        "load": hidden + 0.4 * random.normal(size=N),
        "heat": 2 * hidden + random.normal(size=N),
        "flow": hidden + random.normal(size=N),
        "count": np.floor(3 * np.exp(0.5 * random.normal(size=N))),
        "hour": np.floor(np.clip(12 + 3 * random.normal(size=N), 0, 23)),
    }


def _problems(change: Callable[[dict[str, Floats], np.random.Generator], None]) -> tuple[Problem, ...]:
    current = _window(2)
    change(current, np.random.default_rng(3))
    time = [pa.array((1_700_000_000 + 60 * np.arange(N) + s) * 1_000_000, pa.timestamp("us")) for s in (0, 400_000)]
    tables = [pa.table({**w, "t": t}) for w, t in zip((_window(1), current), time, strict=True)]
    return pair_problems(pair(tables[0], tables[1], Roles(time="t")))


def _some(column: str, share: float, of: Callable[[Floats], Floats | float]) -> Callable[[dict[str, Floats], np.random.Generator], None]:
    def change(w: dict[str, Floats], random: np.random.Generator) -> None:
        w[column] = np.where(random.random(N) < share, of(w[column]), w[column])

    return change


CASES = [
    ("length", ProblemKind.UNIT_CHANGE, 1.0, _some("length", 1.0, lambda v: v / 2.54)),
    ("length", ProblemKind.UNIT_CHANGE, 0.3, _some("length", 0.3, lambda v: v * 1000)),
    ("length", ProblemKind.UNIT_CHANGE, 0.1, _some("length", 0.1, lambda v: -v)),
    ("length", ProblemKind.UNIT_CHANGE, 1.0, _some("length", 1.0, lambda v: v * 1.8 + 32)),
    ("price", ProblemKind.UNIT_CHANGE, 1.0, _some("price", 1.0, np.log)),
    ("length", ProblemKind.CLIPPED, 0.3, _some("length", 1.0, lambda v: np.minimum(v, np.quantile(v, 0.7)))),
    ("load", ProblemKind.DEFAULT_VALUE, 0.05, _some("load", 0.05, lambda _: 0.0)),
    ("count", ProblemKind.DEFAULT_VALUE, 0.1, _some("count", 0.1, lambda _: -1.0)),
    ("price", ProblemKind.CONSTANT, 0.6, _some("price", 0.6, lambda v: v[0])),
    ("load", ProblemKind.OUT_OF_RANGE, 0.02, _some("load", 0.02, lambda v: v * 0 + 500 + v)),
    ("length", ProblemKind.ROUNDED, 1.0, _some("length", 1.0, np.round)),
    ("hour", ProblemKind.REMAPPED, 1.0, _some("hour", 1.0, lambda v: (v + 7) % 24)),
    ("heat", ProblemKind.RELATION_BROKEN, 1.0, lambda w, random: w.update(heat=random.permutation(w["heat"]))),
    ("heat", ProblemKind.RELATION_BROKEN, 1.0, lambda w, _: w.update(heat=-w["heat"])),
]


@pytest.mark.parametrize(("column", "kind", "share", "change"), CASES, ids=[f"{c[0]}-{c[1]}-{c[2]}" for c in CASES])
def test_broken_values_are_found_with_their_share(
    column: str, kind: ProblemKind, share: float, change: Callable[[dict[str, Floats], np.random.Generator], None]
) -> None:
    found = _problems(change)
    assert (found[0].column, found[0].kind) == (column, kind)
    assert found[0].share == pytest.approx(share, abs=0.05)


def test_two_columns_in_each_others_place_are_both_named() -> None:
    found = _problems(lambda w, _: w.update(length=w["price"], price=w["length"]))
    assert {p.column for p in found[:2]} == {"length", "price"}
    assert {p.kind for p in found[:2]} == {ProblemKind.SWAPPED}


MOVES = [
    _some("length", 1.0, lambda v: v + 4),
    _some("length", 1.0, lambda v: 60 + 1.5 * (v - 60)),
    _some("price", 1.0, lambda v: v * 1.3),
    _some("price", 1.0, lambda v: v**1.2),
    _some("count", 1.0, lambda v: np.floor(v * 0.7)),
    _some("load", 0.4, lambda v: v + 1.5),
    lambda w, _: w.update({c: w[c] + 0.8 for c in ("load", "heat", "flow")}),
]


@pytest.mark.parametrize("change", MOVES)
def test_what_merely_moved_is_not_broken(change: Callable[[dict[str, Floats], np.random.Generator], None]) -> None:
    assert _problems(change) == ()


def _table(rows: int, seed: int, start: int) -> pa.Table:
    random = np.random.default_rng(seed)
    times = pa.array((start + 60 * np.arange(rows)) * 1_000_000, pa.timestamp("us"))
    return pa.table({"x": random.normal(size=rows), "z": random.normal(size=rows), "t": times})


WINDOWS = [
    (ProblemKind.STALE, lambda old, new: pa.concat_tables([old.slice(0, 500).set_column(2, "t", new.slice(0, 500)["t"]), new.slice(500)])),
    (ProblemKind.DUPLICATED_ROWS, lambda _, new: pa.concat_tables([new, new.slice(0, 400)])),
    (ProblemKind.TRUNCATED, lambda _, new: pa.concat_tables([new.slice(0, 300), new.slice(1000)])),
]


@pytest.mark.parametrize(("kind", "change"), WINDOWS)
def test_a_window_that_is_not_whole_and_fresh_is_broken(kind: ProblemKind, change: Callable[[pa.Table, pa.Table], pa.Table]) -> None:
    old, new = _table(3000, 1, 0), _table(1500, 2, 200_000)
    assert [p.kind for p in pair_problems(pair(old, change(old, new), Roles(time="t")))][:1] == [kind]
    assert pair_problems(pair(old, new, Roles(time="t"))) == ()

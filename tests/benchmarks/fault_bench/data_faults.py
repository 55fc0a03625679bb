"""Faults of the data: the world is as it was, its records are not."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.contracts.words import Cause
from tests.benchmarks.fault_bench.planting import Fault, Truth, Window
from tests.benchmarks.fault_bench.worlds import World

Array = npt.NDArray
Change = Callable[[Window, Array, Array], Array]  # window, values, chosen rows -> values
_BROKEN = (Cause.DATA_QUALITY,)


def _until(stage: str, truth: Truth | None) -> Iterator[Truth | None]:
    """Wait until that stage has been reached."""
    while (yield truth) != stage:
        pass


def number(name: str, change: Change, where: str = "all", share: float = 1.0, column: str = "any", seen: bool = True) -> Fault:
    """A change of one number: in `share` of all the rows, of a segment's, of the window's second
    part, or of each row's own accord.
    """

    def plant(w: Window) -> Iterator[Truth | None]:
        target = _pick(w, column)
        segment = w.segment() if where == "segment" else None
        yield from _until("seen", Truth(_BROKEN, (target,), (segment[0], w.world.value(*segment)) if segment else None))
        rows = w.random.random(w.size) < share if where != "part" else np.arange(w.size) > (1 - share) * w.size
        if segment:
            rows &= w.inside(*segment)
        if not seen:
            w.answers_from = dict(w.x)
        values = w.x[target].copy()
        values[rows] = change(w, values, rows)[rows]
        w.x[target] = values

    return Fault(name, plant, _has_codes if where == "segment" else lambda _: True)


def _pick(w: Window, column: str) -> str:
    world = w.world
    fine = [c for c in world.numbers if c not in (world.hour, world.seasonal)]
    if column == "continuous":
        fine = [c for c in fine if world.marginals[c][0] not in ("count", "gamma", "rounded")]
    if column == "far":  # far from zero: a sign or a unit shows
        fine = [
            c for c in fine if world.marginals[c][0] in ("normal", "lognormal", "uniform", "rounded") and world.marginals[c][1] > 20
        ] or fine[:1]
    if column == "important":
        fine = [c for c in world.important if c in fine]
    if column == "linked":
        fine = [c for c in fine if world.loading[c] > 0] or fine
    return str(fine[int(w.random.integers(len(fine)))])


def _has_codes(world: World) -> bool:
    return bool(world.codes)


def _scaled(factor: float) -> Change:
    return lambda _, v, __: v * factor


def _value(of: Callable[[Array], float]) -> Change:
    return lambda _, v, __: np.full_like(v, of(v))


def code(name: str, change: Callable[[Window, str, int], dict[str, str]], where: str = "all") -> Fault:
    def plant(w: Window) -> Iterator[Truth | None]:
        column = w.world.codes[0]
        yield from _until("seen", Truth(_BROKEN, (column,), None))
        worst = int(np.argsort(-w.world.shares[column])[1])
        renamed = change(w, column, worst)
        rows = w.random.random(w.size) < (0.15 if where == "some" else 1.0)
        w.x[column] = np.array(
            [renamed.get(v, renamed.get("*", v)) if r else v for v, r in zip(w.x[column], rows, strict=True)], dtype=object
        )

    return Fault(name, plant, _has_codes)


def table(
    name: str, change: Callable[[Window, pa.Table], pa.Table], fits: Callable[[World], bool], columns: Callable[[Window], tuple[str, ...]]
) -> Fault:
    def plant(w: Window) -> Iterator[Truth | None]:
        truth = Truth(_BROKEN, columns(w))
        yield from _until("tabled", truth)
        w.table = change(w, w.table)

    return Fault(name, plant, fits)


def _swapped() -> Fault:
    def plant(w: Window) -> Iterator[Truth | None]:
        a, b = (_pick(w, "important"), _pick(w, "any"))
        while b == a:
            b = _pick(w, "any")
        yield from _until("seen", Truth(_BROKEN, (a, b)))
        w.x[a], w.x[b] = w.x[b], w.x[a]

    return Fault("swapped_columns", plant)


def _several() -> Fault:
    def plant(w: Window) -> Iterator[Truth | None]:
        chosen = [str(c) for c in w.random.choice([c for c in w.world.numbers if c != w.world.hour], size=3, replace=False)]
        yield from _until("seen", Truth(_BROKEN, (chosen[0],)))
        for column, share in zip(chosen, (0.7, 0.4, 0.15), strict=True):
            w.x[column] = np.where(w.random.random(w.size) < share, np.nan, w.x[column])

    return Fault("nulls_in_three", plant)


def _hour_zone() -> Fault:
    def plant(w: Window) -> Iterator[Truth | None]:
        assert w.world.hour
        yield from _until("seen", Truth(_BROKEN, (w.world.hour,)))
        w.x[w.world.hour] = (w.x[w.world.hour] + 8) % 24

    return Fault("hour_in_other_zone", plant, lambda world: world.hour is not None)


def _retyped(w: Window, t: pa.Table) -> pa.Table:
    name = w.world.numbers[2]
    return t.set_column(t.column_names.index(name), name, t[name].cast(pa.string()))


def _stale(w: Window, t: pa.Table) -> pa.Table:
    return w.reference.slice(w.reference.num_rows - t.num_rows // 2)


def _clock(w: Window, t: pa.Table) -> pa.Table:
    micros = np.where(w.random.random(t.num_rows) < 0.1, 0, np.asarray(t["at"].cast(pa.int64())))
    return t.set_column(t.column_names.index("at"), "at", pa.array(micros, pa.timestamp("us")))


def _gap(_: Window, t: pa.Table) -> pa.Table:
    return pa.concat_tables([t.slice(0, t.num_rows // 5), t.slice(t.num_rows * 4 // 5)])


def _twice(_: Window, t: pa.Table) -> pa.Table:
    return pa.concat_tables([t, t.slice(0, t.num_rows // 3)])


def _nothing(_: Window) -> tuple[str, ...]:
    return ()


def _third(w: Window) -> tuple[str, ...]:
    return (w.world.numbers[2],)


DATA_FAULTS = (
    number("unit_thousand", _scaled(0.001)),
    number("unit_inches", _scaled(2.54), column="far"),
    number("unit_cents_unseen_by_model", _scaled(100.0), seen=False, column="far"),
    number("unit_in_segment", _scaled(3.28084), "segment", column="far"),
    number("unit_thousand_in_segment", _scaled(1000.0), "segment", column="far"),
    number("unit_in_last_part", _scaled(1000.0), "part", 0.4, column="far"),
    number("unit_in_some_rows", _scaled(0.01), share=0.25, column="far"),
    number("fahrenheit", lambda _, v, __: v * 1.8 + 32, column="far"),
    number("sign_flipped", _scaled(-1.0), column="far"),
    number("sign_flipped_in_segment", _scaled(-1.0), "segment", column="far"),
    number("nulls", _value(lambda _: np.nan), share=0.35),
    number("nulls_few", _value(lambda _: np.nan), share=0.06),
    number("nulls_all", _value(lambda _: np.nan)),
    number("nulls_in_segment", _value(lambda _: np.nan), "segment", 0.6),
    number("nulls_in_last_part", _value(lambda _: np.nan), "part", 0.3),
    number("stuck", _value(lambda v: float(v[17])), share=0.6, column="continuous"),
    number("stuck_all", _value(lambda v: float(v[17]))),
    number("stuck_in_segment", _value(lambda v: float(v[17])), "segment", 0.9, column="continuous"),
    number("stuck_in_last_part", _value(lambda v: float(v[17])), "part", 0.25, column="continuous"),
    number("default_minus_999", _value(lambda _: -999.0), share=0.12),
    number("default_zero", _value(lambda _: 0.0), share=0.2, column="far"),
    number("default_zero_in_segment", _value(lambda _: 0.0), "segment", 0.5, column="far"),
    number("infinite", _value(lambda _: np.inf), share=0.04),
    number("saturated", lambda _, v, __: np.minimum(v, np.quantile(v, 0.75)), column="continuous"),
    number("shuffled", lambda w, v, _: w.random.permutation(v), column="linked"),
    number("spikes", lambda w, v, _: v + np.std(v) * w.random.choice([-1, 1], len(v)) * 40, share=0.03, column="continuous"),
    code("renamed_code", lambda w, c, i: {w.world.value(c, i): w.world.value(c, i).replace("_", "-")}),
    code("case_changed", lambda w, c, _: {v: v.upper() for v in w.world.words(c)}),
    code("unseen_code", lambda w, c, _: {"*": "UNKNOWN", **dict.fromkeys(w.world.words(c), "UNKNOWN")}, "some"),
    code("one_code_only", lambda w, c, _: {v: w.world.value(c, 0) for v in w.world.words(c)}),
    _swapped(),
    _several(),
    _hour_zone(),
    table("missing_column", lambda w, t: t.drop_columns([w.world.numbers[2]]), lambda _: True, _third),
    table("retyped", _retyped, lambda _: True, _third),
    table("duplicated", _twice, lambda _: True, _nothing),
    table("stale", _stale, lambda world: world.design.time, _nothing),
    table("clock_at_zero", _clock, lambda world: world.design.time, lambda _: ("at",)),
    table("gap_in_time", _gap, lambda world: world.design.time and world.design.season != "year", _nothing),
)

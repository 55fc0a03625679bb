"""Quiet windows, seasons, moved inputs and changed laws: the data is right, the world is
another.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np

from modelmedic.steps.contracts.words import Cause
from tests.benchmarks.fault_bench.data_faults import _until
from tests.benchmarks.fault_bench.planting import Fault, Truth, Window
from tests.benchmarks.fault_bench.worlds import DAY, World

_QUIET = Truth((Cause.NONE,))
_MOVED = (Cause.COVARIATE_SHIFT,)


def _labelled(world: World) -> bool:
    return world.design.labels


def _judged(world: World) -> bool:
    return world.design.labels and bool(world.codes)


def _quiet(_: Window) -> Iterator[Truth | None]:
    yield _QUIET


def _quiet_few(w: Window) -> Iterator[Truth | None]:
    w.size = max(500, w.size // 8)
    yield _QUIET


def _too_few(w: Window) -> Iterator[Truth | None]:
    w.size = 70
    yield Truth((Cause.INSUFFICIENT_EVIDENCE,), segment="any")


def _weekend(w: Window) -> Iterator[Truth | None]:
    w.start, w.days = w.start + 5 * DAY, 2
    yield Truth((Cause.SEASONAL,), (w.world.seasonal,), "any")


def _night(w: Window) -> Iterator[Truth | None]:
    yield from _until("sampled", Truth((Cause.SEASONAL,), (w.world.seasonal,), "any"))
    seconds = w.rows.seconds // DAY * DAY + (w.rows.seconds % DAY) // 4
    shifted = w.world._phase(seconds) - w.world._phase(w.rows.seconds)
    w.rows.z[w.world.seasonal] += shifted
    w.rows.seconds = seconds


def _month(w: Window) -> Iterator[Truth | None]:
    w.world.yearly = True
    w.reference_days, w.days = 400, 28
    w.start += 70 * DAY
    yield Truth((Cause.SEASONAL,), (w.world.seasonal,), "any")


def _new_month(w: Window) -> Iterator[Truth | None]:
    """A season that the reference never saw: the inputs have moved, no more can be said."""
    w.world.yearly = True
    w.start += 130 * DAY
    yield Truth((Cause.COVARIATE_SHIFT,), (w.world.seasonal,), may_retrain=True)


def _harmless(w: Window) -> Iterator[Truth | None]:
    column = str(w.random.choice(w.world.idle))
    yield from _until("sampled", Truth(_MOVED, (column,)))
    w.rows.z[column] = w.rows.z[column] + 0.5


def _small(w: Window) -> Iterator[Truth | None]:
    column = str(w.random.choice(w.world.idle))
    yield from _until("sampled", Truth(_MOVED, (column,)))
    w.rows.z[column] = w.rows.z[column] + 0.2


def _wider(w: Window) -> Iterator[Truth | None]:
    column = str(w.random.choice(w.world.idle))
    yield from _until("sampled", Truth(_MOVED, (column,)))
    w.rows.z[column] = w.rows.z[column] * 1.5


def _hidden_factor(w: Window) -> Iterator[Truth | None]:
    w.factor = 0.8
    yield Truth(_MOVED, tuple(c for c, load in w.world.loading.items() if load), may_retrain=True)


def _harmful(w: Window) -> Iterator[Truth | None]:
    column = w.world.important[0]
    yield from _until("sampled", Truth(_MOVED, (column,), may_retrain=True))
    w.rows.z[column] = w.rows.z[column] * 0.8 + 1.6


def _in_segment(w: Window) -> Iterator[Truth | None]:
    segment = w.segment()
    column = str(w.random.choice([c for c in w.world.numbers if c not in (w.world.hour, w.world.seasonal)]))
    yield from _until("sampled", Truth(_MOVED, (column,), (segment[0], w.world.value(*segment)), may_retrain=True))
    w.rows.z[column] = w.rows.z[column] + 1.0 * w.inside(*segment)


def _mix(w: Window) -> Iterator[Truth | None]:
    column, code = w.segment(0.08, 0.35)
    yield from _until("sampled", Truth(_MOVED, (column,), "any", may_retrain=True))
    w.rows.codes[column] = np.where(w.random.random(w.size) < 0.3, code, w.rows.codes[column])


def _turned(w: Window) -> Iterator[Truth | None]:
    column = w.world.important[0]
    yield from _until("lawful", Truth((Cause.CONCEPT_DRIFT,), (column,), may_retrain=True))
    w.signal = w.world.signal(w.rows, w.law(**{column: -0.6}))


def _weakened(w: Window) -> Iterator[Truth | None]:
    """One effect fades; whatever else the labels depend on is as it was."""
    column = w.world.important[0]
    yield from _until("lawful", Truth((Cause.CONCEPT_DRIFT,), (column,), may_retrain=True))
    w.signal = w.world.signal(w.rows, w.law(**{column: 0.1}))


def _all_weakened(w: Window) -> Iterator[Truth | None]:
    yield from _until("lawful", Truth((Cause.CONCEPT_DRIFT, Cause.LABEL_QUALITY), (), may_retrain=True))
    w.signal = w.signal.mean() + 0.3 * (w.signal - w.signal.mean())


def _gradual(w: Window) -> Iterator[Truth | None]:
    column = w.world.important[0]
    yield from _until("lawful", Truth((Cause.CONCEPT_DRIFT,), (column,), may_retrain=True))
    late = np.linspace(0, 1, w.size)
    w.signal = (1 - late) * w.signal + late * w.world.signal(w.rows, w.law(**{column: -1.0}))


def _new_effect(w: Window) -> Iterator[Truth | None]:
    """A column that meant nothing now means something."""
    column = w.world.idle[0]
    yield from _until("lawful", Truth((Cause.CONCEPT_DRIFT,), (column,), may_retrain=True))
    w.signal = w.signal + 0.8 * w.world.scale * w.rows.z[column]


def _segment_turned(least: float, most: float, name: str) -> Fault:
    def plant(w: Window) -> Iterator[Truth | None]:
        segment, column = w.segment(least, most), w.world.important[0]
        truth = Truth((Cause.CONCEPT_DRIFT,), (column,), (segment[0], w.world.value(*segment)), may_retrain=True)
        yield from _until("lawful", truth)
        turned = w.world.signal(w.rows, w.law(**{column: -1.2}))
        w.signal = np.where(w.inside(*segment), turned, w.signal)

    return Fault(name, plant, lambda world: _judged(world) and any(least <= p <= most for c in world.codes[:4] for p in world.shares[c]))


def _segment_level(w: Window) -> Iterator[Truth | None]:
    segment = w.segment()
    value = (segment[0], w.world.value(*segment))
    yield from _until("lawful", Truth((Cause.CONCEPT_DRIFT,), (segment[0],), value, may_retrain=True))
    w.signal = w.signal + 1.2 * w.world.scale * w.inside(*segment)


def _region(w: Window, low: float, high: float) -> Iterator[Truth | None]:
    column = w.world.important[int(w.random.integers(3))]
    yield from _until("lawful", Truth((Cause.CONCEPT_DRIFT,), (column,), "any", may_retrain=True))
    z = w.rows.z[column]
    a, b = np.quantile(z, [low, high])
    inside = (z >= a) & (z < b)
    w.signal = w.signal + 1.5 * w.world.scale * inside
    values = w.world.seen(w.rows)[column]
    bounds = (column, -np.inf if low == 0 else float(values[inside].min()), np.inf if high == 1 else float(values[inside].max()))
    yield Truth((Cause.CONCEPT_DRIFT,), (column,), None, bounds, may_retrain=True)


def _region_top(w: Window) -> Iterator[Truth | None]:
    yield from _region(w, 0.75, 1.0)


def _region_middle(w: Window) -> Iterator[Truth | None]:
    yield from _region(w, 0.4, 0.65)


def _seasonal_concept(w: Window) -> Iterator[Truth | None]:
    w.start, w.days = w.start + 5 * DAY, 2
    column = w.world.important[0] if w.world.important[0] != w.world.seasonal else w.world.important[1]
    yield from _until("lawful", Truth((Cause.CONCEPT_DRIFT,), (column,), may_retrain=True))
    w.signal = w.world.signal(w.rows, w.law(**{column: -1.0}))


def _prior(w: Window) -> Iterator[Truth | None]:
    yield from _until("lawful", Truth((Cause.LABEL_SHIFT,), (), may_retrain=True))
    w.signal = w.signal + 0.9 * w.world.scale


def _drawn_by_label(w: Window) -> Iterator[Truth | None]:
    """True label shift: the classes' shares change, what the rows of a class look like does not."""
    wanted = w.size
    w.size = wanted * 3
    yield from _until("lawful", Truth((Cause.LABEL_SHIFT, Cause.COVARIATE_SHIFT), (), "any", may_retrain=True))
    positive = w.random.random(w.size) < 1 / (1 + np.exp(-(w.signal + w.world.design.offset)))
    weight = np.where(positive, 2.0, 0.5)
    keep = np.sort(w.random.choice(w.size, wanted, replace=False, p=weight / weight.sum()))
    rows = w.rows
    w.rows = dataclasses.replace(
        rows,
        z={c: v[keep] for c, v in rows.z.items()},
        codes={c: v[keep] for c, v in rows.codes.items()},
        seconds=rows.seconds[keep],
    )
    w.signal = np.where(positive[keep], 50.0, -50.0)
    w.size = wanted


def _weekly(world: World) -> bool:
    return world.design.season == "weekday"


def _binary(world: World) -> bool:
    return _labelled(world) and world.design.task.value == "binary"


WORLD_FAULTS = (
    *(Fault(f"quiet_{i}", _quiet) for i in range(3)),
    Fault("quiet_few_rows", _quiet_few),
    Fault("too_few_rows", _too_few),
    Fault("season_weekend", _weekend, _weekly),
    Fault("season_night", _night, lambda world: world.design.season == "hour"),
    Fault("season_month", _month, lambda world: world.design.season == "year"),
    Fault("season_never_seen", _new_month, lambda world: world.design.season == "year"),
    Fault("harmless_shift", _harmless),
    Fault("small_shift", _small, lambda world: world.design.rows[1] >= 4000),
    Fault("wider_spread", _wider, lambda world: world.design.rows[1] >= 4000),
    Fault("hidden_factor", _hidden_factor, lambda world: sum(v > 0 for v in world.loading.values()) >= 2),
    Fault("harmful_shift", _harmful),
    Fault("shift_in_segment", _in_segment, lambda world: bool(world.codes)),
    Fault("mix_shift", _mix, lambda world: bool(world.codes)),
    Fault("concept_turned", _turned, _labelled),
    Fault("concept_effect_fades", _weakened, _labelled),
    Fault("concept_all_weaker", _all_weakened, _labelled),
    Fault("concept_gradual", _gradual, _labelled),
    Fault("concept_new_effect", _new_effect, lambda world: _labelled(world) and bool(world.idle)),
    _segment_turned(0.08, 0.5, "concept_in_segment"),
    _segment_turned(0.03, 0.08, "concept_in_rare_segment"),
    Fault("concept_level_in_segment", _segment_level, _judged),
    Fault("concept_region_top", _region_top, _labelled),
    Fault("concept_region_middle", _region_middle, _labelled),
    Fault("season_and_concept", _seasonal_concept, lambda world: _labelled(world) and _weekly(world)),
    Fault("prior", _prior, _labelled),
    Fault("classes_redrawn", _drawn_by_label, _binary),
)

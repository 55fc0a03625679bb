"""Labels that lie or are late, releases, and two faults at once."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from modelmedic.steps.contracts.diagnosis import Context, Release
from modelmedic.steps.contracts.words import Cause, Task
from tests.benchmarks.fault_bench.data_faults import _pick, _until
from tests.benchmarks.fault_bench.planting import Fault, Truth, Window
from tests.benchmarks.fault_bench.world_faults import _QUIET, _labelled
from tests.benchmarks.fault_bench.worlds import World

_LIES = (Cause.LABEL_QUALITY,)
_RELEASE = (Cause.BAD_RELEASE,)


def _binary(world: World) -> bool:
    return world.design.labels and world.design.task is Task.BINARY


def _regression(world: World) -> bool:
    return world.design.labels and world.design.task is Task.REGRESSION


def _answered(world: World) -> bool:
    return world.design.labels and world.design.prediction


def _noise(w: Window) -> Iterator[Truth | None]:
    yield from _until("labelled", Truth(_LIES))
    w.y = np.where(w.random.random(w.size) < 0.2, 1 - w.y, w.y)


def _noise_in_segment(w: Window) -> Iterator[Truth | None]:
    segment = w.segment(0.12)
    yield from _until("labelled", Truth(_LIES, (), (segment[0], w.world.value(*segment))))
    w.y = np.where((w.random.random(w.size) < 0.35) & w.inside(*segment), 1 - w.y, w.y)


def _inverted(w: Window) -> Iterator[Truth | None]:
    yield from _until("labelled", Truth(_LIES))
    w.y = 1 - w.y


def _constant(w: Window) -> Iterator[Truth | None]:
    yield from _until("labelled", Truth(_LIES))
    w.y = np.zeros(w.size)


def _unit(w: Window) -> Iterator[Truth | None]:
    yield from _until("labelled", Truth(_LIES))
    w.y = w.y * 100


def _unit_in_segment(w: Window) -> Iterator[Truth | None]:
    segment = w.segment(0.12)
    yield from _until("labelled", Truth(_LIES, (), (segment[0], w.world.value(*segment))))
    w.y = np.where(w.inside(*segment), w.y * 10, w.y)


def _outliers(w: Window) -> Iterator[Truth | None]:
    yield from _until("labelled", Truth(_LIES))
    w.y = np.where(w.random.random(w.size) < 0.05, 0.0, w.y)


def _shuffled(w: Window) -> Iterator[Truth | None]:
    yield from _until("labelled", Truth(_LIES))
    w.y = w.random.permutation(w.y)


def _late(w: Window) -> Iterator[Truth | None]:
    """The last rows have no label yet: nothing is wrong."""
    yield from _until("labelled", _QUIET)
    w.y = np.where(np.arange(w.size) > 0.5 * w.size, np.nan, w.y)


def _immature(w: Window) -> Iterator[Truth | None]:
    """Positives arrive late and rows without news count as negative: the window's end has hardly
    any.
    """
    yield from _until("labelled", Truth(_LIES))
    arrived = w.random.random(w.size) < np.clip(2 * (1 - np.arange(w.size) / w.size), 0.03, 1)
    w.y = np.where(arrived, w.y, 0.0)


def _release(w: Window) -> Iterator[Truth | None]:
    yield from _until("answered", Truth(_RELEASE, segment="any"))
    _serve(w, np.ones(w.size, dtype=bool), named=True)


def _release_late(w: Window) -> Iterator[Truth | None]:
    yield from _until("answered", Truth(_RELEASE, segment="any"))
    _serve(w, np.arange(w.size) > 0.5 * w.size, named=True)


def _release_beside(w: Window) -> Iterator[Truth | None]:
    yield from _until("answered", Truth(_RELEASE, segment="any"))
    _serve(w, w.random.random(w.size) < 0.25, named=True)


def _release_by_time(w: Window) -> Iterator[Truth | None]:
    yield from _until("answered", Truth(_RELEASE, segment="any"))
    late = np.arange(w.size) > 0.4 * w.size
    _serve(w, late, named=False)
    at = datetime.fromtimestamp(float(w.rows.seconds[late][0]), UTC)
    w.context = Context(releases=(Release(at, "8", "7"),))


def _release_silent(w: Window) -> Iterator[Truth | None]:
    """Without a record a release is only suspected from two windows: the stage asks the registered
    version again.
    """
    yield from _until("answered", Truth((*_RELEASE, Cause.INSUFFICIENT_EVIDENCE), segment="any"))
    _serve(w, np.ones(w.size, dtype=bool), named=False)


def _release_in_segment(w: Window) -> Iterator[Truth | None]:
    segment = w.segment(0.12)
    yield from _until("answered", Truth(_RELEASE, segment=(segment[0], w.world.value(*segment))))
    w.p = np.where(w.inside(*segment), w.models[1].predict(w.x), w.p)
    w.version = np.full(w.size, "8")


def _unanswered(w: Window) -> Iterator[Truth | None]:
    yield from _until("answered", Truth((Cause.DATA_QUALITY,), ("score",)))
    w.p = np.where(w.random.random(w.size) < 0.15, np.nan, w.p)


def _selected(w: Window) -> Iterator[Truth | None]:
    """Most positives never get their label."""
    yield from _until("labelled", Truth(_LIES))
    w.y = np.where((w.y == 1) & (w.random.random(w.size) < 0.7), np.nan, w.y)


def _release_good(w: Window) -> Iterator[Truth | None]:
    """A new version that answers as well as the old one is no incident."""
    yield from _until("answered", _QUIET)
    w.version = np.where(np.arange(w.size) > 0.5 * w.size, "8", "7")


def _release_blameless(w: Window) -> Iterator[Truth | None]:
    """The world changed and a new, equal version came along: the release is not to blame."""
    column = w.world.important[0]
    yield from _until("lawful", Truth((Cause.CONCEPT_DRIFT,), (column,), may_retrain=True))
    w.signal = w.world.signal(w.rows, w.law(**{column: -0.8}))
    yield from _until("answered", None)
    w.version = np.full(w.size, "8")


def _release_units(w: Window) -> Iterator[Truth | None]:
    """The new version's own preprocessing is wrong: the inputs are right, its answers are not."""
    column = w.world.important[0]
    yield from _until("answered", Truth(_RELEASE, segment="any"))
    broken = {**w.x, column: w.x[column] * 0 + np.median(w.x[column])}
    w.p, w.version = w.models[0].predict(broken), np.full(w.size, "8")


def _serve(w: Window, rows: np.ndarray, named: bool) -> None:
    w.p = np.where(rows, w.models[1].predict(w.x), w.p)
    if named:
        w.version = np.where(rows, "8", w.version)


def _nulls_and_concept(w: Window) -> Iterator[Truth | None]:
    column = w.world.important[0]
    broken = next(c for c in (*w.world.idle, *w.world.important) if c != column)
    yield from _until("lawful", Truth((Cause.DATA_QUALITY,), (broken,)))
    w.signal = w.world.signal(w.rows, w.law(**{column: -0.8}))
    yield from _until("seen", None)
    w.x[broken] = np.where(w.random.random(w.size) < 0.4, np.nan, w.x[broken])


def _unit_and_shift(w: Window) -> Iterator[Truth | None]:
    column = _pick(w, "far")
    other = next(c for c in w.world.numbers if c not in (column, w.world.hour))
    yield from _until("sampled", Truth((Cause.DATA_QUALITY,), (column,)))
    w.rows.z[other] = w.rows.z[other] + 0.8
    yield from _until("seen", None)
    w.x[column] = w.x[column] * 100


def _release_and_shift(w: Window) -> Iterator[Truth | None]:
    other = next(c for c in (w.world.idle))
    yield from _until("sampled", Truth(_RELEASE, segment="any"))
    w.rows.z[other] = w.rows.z[other] + 0.8
    yield from _until("answered", None)
    _serve(w, np.ones(w.size, dtype=bool), named=True)


def _shift_and_concept(w: Window) -> Iterator[Truth | None]:
    column = w.world.important[0]
    other = next(c for c in (*w.world.idle, *w.world.important) if c != column)
    yield from _until("sampled", Truth((Cause.CONCEPT_DRIFT,), (column,), may_retrain=True))
    w.rows.z[other] = w.rows.z[other] + 0.7
    yield from _until("lawful", None)
    w.signal = w.world.signal(w.rows, w.law(**{column: -0.8}))


def _noise_and_shift(w: Window) -> Iterator[Truth | None]:
    other = next(c for c in (w.world.idle))
    yield from _until("sampled", Truth(_LIES))
    w.rows.z[other] = w.rows.z[other] + 0.7
    yield from _until("labelled", None)
    w.y = np.where(w.random.random(w.size) < 0.2, 1 - w.y, w.y)


def _versioned(world: World) -> bool:
    return _answered(world) and world.design.version


LABEL_FAULTS = (
    Fault("labels_noisy", _noise, _binary),
    Fault("labels_noisy_in_segment", _noise_in_segment, lambda w: _binary(w) and bool(w.codes)),
    Fault("labels_inverted", _inverted, _binary),
    Fault("labels_constant", _constant, _binary),
    Fault("labels_in_other_unit", _unit, _regression),
    Fault("labels_in_other_unit_in_segment", _unit_in_segment, lambda w: _regression(w) and bool(w.codes)),
    Fault("labels_some_zero", _outliers, _regression),
    Fault("labels_shuffled", _shuffled, _labelled),
    Fault("labels_late", _late, _labelled),
    Fault("labels_immature", _immature, lambda w: _binary(w) and w.design.time),
    Fault("release_bad", _release, _versioned),
    Fault("release_bad_half_way", _release_late, _versioned),
    Fault("release_bad_beside", _release_beside, _versioned),
    Fault("release_bad_by_time", _release_by_time, lambda w: _answered(w) and w.design.time and not w.design.version),
    Fault("release_silent", _release_silent, lambda w: _answered(w)),
    Fault("release_preprocessing", _release_units, _versioned),
    Fault("release_bad_in_segment", _release_in_segment, lambda w: _versioned(w) and bool(w.codes)),
    Fault("answers_missing", _unanswered, lambda w: w.design.prediction),
    Fault("labels_selected", _selected, lambda w: _binary(w) and w.design.prediction),
    Fault("release_good", _release_good, _versioned),
    Fault("release_blameless", _release_blameless, _versioned),
    Fault("two_nulls_and_concept", _nulls_and_concept, _labelled),
    Fault("two_unit_and_shift", _unit_and_shift),
    Fault("two_release_and_shift", _release_and_shift, _versioned),
    Fault("two_shift_and_concept", _shift_and_concept, _labelled),
    Fault("two_noise_and_shift", _noise_and_shift, _binary),
)

"""Seasonal differences: the current window is as this time of the day, the week or the year always
is.

The reference is redrawn so that its phases (hour, weekday, month, or a stated period) are mixed as
the current window's are. A difference that is gone then was the season's. A phase that the
reference never saw proves nothing.
"""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from modelmedic.steps.contracts.detection import ColumnShift
from modelmedic.steps.contracts.diagnosis import Context, Diagnosis, Evidence
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.confidence import SEASON
from modelmedic.steps.core.diagnosis.covariate_shift import moved_inputs
from modelmedic.steps.core.statistics.residuals import LabelledRows, labelled_rows
from modelmedic.steps.core.statistics.shift import measure
from modelmedic.steps.core.tables.arrays import Floats, Integers
from modelmedic.steps.core.tables.pairing import Column, Pair

_LEAST_ROWS = 30  # of the reference in every phase that matters
_SEED = 20130101


def suspect(both: Pair, moved: tuple[ColumnShift, ...], rows: LabelledRows | None, context: Context) -> list[Diagnosis]:
    """At most one diagnosis: a phase of the calendar that explains every shifted column, with no
    more loss than that phase had before.
    """
    shifted = moved_inputs(moved)
    if not shifted:
        return []
    names = [s.column for s in shifted]
    for phase, drawn in _matches(both, context.season):
        if all(_explains(both.column(s.column), s.effect, drawn) for s in shifted) and not _still_harmed(both, rows, drawn):
            sentence = f"{', '.join(names[:4])} differ as they do at the same {phase} in the reference"
            evidence = (Evidence("season.matched", sentence, float(len(names))),)
            return [Diagnosis(Cause.SEASONAL, SEASON, tuple(names), harm="none", evidence=evidence, sentence=sentence)]
    return []


def _explains(column: Column, before: float, drawn: npt.NDArray[np.int64]) -> bool:
    after = measure(dataclasses.replace(column, reference=column.reference[drawn]))[1]
    return after < max(0.06, 0.3 * before)


def _still_harmed(both: Pair, rows: LabelledRows | None, drawn: npt.NDArray[np.int64]) -> bool:
    if rows is None or both.target is None or both.prediction is None:
        return False
    redrawn = dataclasses.replace(
        both,
        target=(both.target[0][drawn], both.target[1]),
        prediction=(both.prediction[0][drawn], both.prediction[1]),
    )
    again = labelled_rows(redrawn)
    return again is not None and again.harmed


def _matches(pair: Pair, season: timedelta | None) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    """The name of each phase, and the reference rows (with repeats) that carry the current window's
    mix of phases.
    """
    if pair.time is None:
        return
    for name, phases in _phases(pair.time, season):
        rows = _redraw(*phases)
        if rows is not None:
            yield name, rows


def _phases(time: tuple[Floats, Floats], season: timedelta | None) -> Iterator[tuple[str, tuple[Integers, Integers]]]:
    if season is not None:
        period = season.total_seconds()
        yield "the stated season", _each(time, lambda t: np.floor(t % period / period * 24))
    yield "hour of the day", _each(time, lambda t: np.floor(t % 86400 / 3600))
    yield "day of the week", _each(time, lambda t: (np.floor(t / 86400) + 4) % 7)
    yield "hour of the week", _each(time, lambda t: np.floor(t % (7 * 86400) / 3600))
    yield "month of the year", _each(time, _month)


def _each(time: tuple[Floats, Floats], phase: Callable[[Floats], Floats]) -> tuple[Integers, Integers]:
    first, second = (np.where(np.isfinite(t), phase(np.nan_to_num(t)), -1).astype(np.int64) for t in time)
    return first, second


def _month(seconds: Floats) -> Floats:
    months = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    return np.asarray(months % 12, dtype=np.float64)


def _redraw(reference: Integers, current: Integers) -> npt.NDArray[np.int64] | None:
    """The redrawn rows; None when the two mixes are alike already, or the reference lacks a phase
    that holds 1 % of the current rows.
    """
    count = int(max(reference.max(initial=0), current.max(initial=0))) + 1
    sizes, wanted = (np.bincount(w[w >= 0], minlength=count).astype(float) for w in (reference, current))
    if not sizes.sum() or not wanted.sum():
        return None
    mix, share = sizes / sizes.sum(), wanted / wanted.sum()
    if np.abs(mix - share).sum() / 2 < 0.1 or (sizes[share > 0.01] < _LEAST_ROWS).any():
        return None
    weight = np.divide(share, mix, out=np.zeros(count), where=mix > 0)
    weights = np.where(reference >= 0, weight[np.maximum(reference, 0)], 0.0)
    draw = np.random.default_rng(_SEED)
    return draw.choice(len(reference), size=len(reference), p=weights / weights.sum())

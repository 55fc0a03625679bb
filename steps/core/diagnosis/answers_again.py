"""The answers that the log holds beside those that the registered version gives when it is asked
again about the same rows: a change of what answers that nobody recorded, and inputs that were
logged otherwise than they were asked.

A model answers the same row the same way for ever. Where rows of before come out as they were
logged and newer ones do not, something between the registry and the log has changed; the losses of
both answers say which. Called by the stage diagnose.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.contracts.detection import Segment
from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence, overruled
from modelmedic.steps.contracts.words import BROKEN, OF_THE_WORLD, Cause, Task
from modelmedic.steps.core.diagnosis.confidence import BROKEN_IN_PART, CLOSE, RELEASE, RELEASE_UNRECORDED
from modelmedic.steps.core.diagnosis.release_audit import acquitted
from modelmedic.steps.core.tables.arrays import Floats
from modelmedic.steps.core.tables.row_loss import row_loss

_LEAST_ROWS = 50  # of either stretch
_ROUNDED = 1e-3  # of the answers' spread: a log may keep three digits
_SOME, _AS_EVER = 0.05, 0.02  # shares of the rows; above the first it is news, below the second it is none
_MOST_CODES = 32
_ALL = 0.9  # of a segment's rows
_CLEAR_Z, _LIKELY_Z = 3.0, 1.0  # of the difference of the losses
_UNREGISTERED = "what answers is not what is registered"
_UNLOGGED = "it was asked otherwise than is logged"

Texts = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class AnswersAgain:
    """Rows that one version answered: what the log says, what the version says now, and the label
    (NaN while unknown), shapes (n,), in the order of time. `codes` holds the columns that cut the
    rows into segments.
    """

    logged: Floats
    again: Floats
    target: Floats
    times: tuple[datetime, ...]
    codes: Mapping[str, Texts] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.logged)

    @property
    def otherwise(self) -> np.ndarray:
        """True for each row that comes out otherwise than it was logged."""
        size = _ROUNDED * float(np.std(self.again)) + 1e-6 * np.abs(self.again) + 1e-9
        return np.asarray(~(np.abs(self.logged - self.again) <= size))


def codes_of(rows: pa.Table, columns: Iterable[str]) -> dict[str, Texts]:
    """The columns of few values as texts, numbers in their shortest form; shapes (n,)."""
    held = {name: rows[name].to_pylist() for name in columns if name in rows.column_names}
    few = {name: values for name, values in held.items() if len(set(values)) <= _MOST_CODES}
    return {name: np.array([f"{v:g}" if isinstance(v, float | int) else str(v) for v in values]) for name, values in few.items()}


def judge_answers(found: Diagnosis, version: str, task: Task, before: AnswersAgain, now: AnswersAgain) -> Diagnosis:
    """The diagnosis, or another one where rows of `now` come out otherwise than they were logged,
    though those of `before` do not; or, where too few were answered before, though others of `now`
    do not.

    That what answers is not what is registered is shown by the answers alone. Losses say if it
    harms: where that is likely and not clear, a person is asked before anything is taken back.
    """
    other = now.otherwise
    share = float(other.mean()) if now.rows >= _LEAST_ROWS else 0.0
    if share < _SOME and now.rows >= _LEAST_ROWS and found.cause is Cause.BAD_RELEASE and found.version is None:
        words = f"asked again, version {version} gives the logged answers to {1 - share:.0%} of {now.rows} rows: nothing else answers"
        return acquitted(found, words)
    if share < _SOME or not _log_agreed(before, now):
        return found
    gained, z = _lost(task, now, other)
    said = f"asked again, version {version} gives other answers to {share:.0%} of {now.rows} rows than the log holds"
    if z > _CLEAR_Z and found.cause is not Cause.DATA_QUALITY:
        evidence = _of_losses(f"{said}, and the logged ones lose {gained:.3g} more per row (z = {z:.1f}): {_UNREGISTERED}", gained)
        return _released(overruled(found, Cause.BAD_RELEASE, RELEASE, evidence), "shown", version, now, other)
    if z > _LIKELY_Z and found.cause not in BROKEN:
        evidence = _of_losses(f"{said}, and the logged ones seem to lose {gained:.3g} more per row (z = {z:.1f}): {_UNREGISTERED}", gained)
        return _released(overruled(found, Cause.BAD_RELEASE, RELEASE_UNRECORDED, evidence), "estimated", version, now, other)
    if z < -_CLEAR_Z and found.cause not in (Cause.DATA_QUALITY, Cause.BAD_RELEASE):
        evidence = _of_losses(f"{said}, and the logged ones lose {-gained:.3g} less per row (z = {z:.1f}): {_UNLOGGED}", gained)
        return replace(overruled(found, Cause.DATA_QUALITY, BROKEN_IN_PART, evidence), harm="shown", onset=_first(now, other))
    if found.cause in OF_THE_WORLD and found.harm == "shown":
        return overruled(found, Cause.INSUFFICIENT_EVIDENCE, CLOSE, _of_losses(said, share))
    return replace(found, evidence=(*found.evidence, _of_losses(said, share)))


def _of_losses(sentence: str, value: float) -> Evidence:
    return Evidence("answers.asked_again", sentence, value)


def _released(found: Diagnosis, harm: str, version: str, now: AnswersAgain, other: np.ndarray) -> Diagnosis:
    return replace(found, harm=harm, version=version, instead=version, onset=_first(now, other), segment=_segment(now, other))


def _first(now: AnswersAgain, other: np.ndarray) -> datetime:
    return now.times[int(np.argmax(other))]


def _log_agreed(before: AnswersAgain, now: AnswersAgain) -> bool:
    """True when the log held the version's answers: to earlier rows, else to a part of these."""
    if before.rows >= _LEAST_ROWS:
        return float(before.otherwise.mean()) <= _AS_EVER
    return int((~now.otherwise).sum()) >= _LEAST_ROWS


def _segment(now: AnswersAgain, other: np.ndarray) -> Segment | None:
    """The one code in which the rows lie that come out otherwise, all rows of which do since the
    first of them.
    """
    since = np.arange(now.rows) >= int(np.argmax(other))
    for name, values in now.codes.items():
        codes = np.unique(values[other])
        if len(codes) == 1 and other[since & (values == codes[0])].mean() > _ALL and (values[since] != codes[0]).any():
            return Segment(name, str(codes[0]))
    return None


def _lost(task: Task, now: AnswersAgain, other: np.ndarray) -> tuple[float, float]:
    """By how much the logged answers lose more per row than those given again, and its z; zeros
    where too few labels are known.
    """
    known = other & np.isfinite(now.target) & np.isfinite(now.logged) & np.isfinite(now.again)
    if known.sum() < 20:
        return 0.0, 0.0
    each = row_loss(task, now.target[known], now.logged[known]) - row_loss(task, now.target[known], now.again[known])
    error = float(each.std(ddof=1)) / len(each) ** 0.5
    return float(each.mean()), float(each.mean()) / max(error, 1e-12)

"""A case's diagnosis, completed as the stage diagnose completes it: a recorded release is compared
with the version before it on the same rows, and the champion is asked again about what is logged.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from modelmedic.steps.contracts.comparison import VersionPair
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.words import Cause, Task
from modelmedic.steps.core.comparison.audit import audit, no_worse, outdone
from modelmedic.steps.core.comparison.blocks import block_starts, daily, short
from modelmedic.steps.core.comparison.likeness import likeness
from modelmedic.steps.core.comparison.segments import with_rows
from modelmedic.steps.core.diagnosis.answers_again import AnswersAgain, codes_of, judge_answers
from modelmedic.steps.core.diagnosis.release_audit import acquitted, unsettled, with_accusation
from modelmedic.steps.core.tables.row_loss import row_loss
from modelmedic.steps.core.tables.thinning import evenly
from modelmedic.steps.heal.asked_again import BEFORE, NOTHING_BEFORE, NOTHING_TO_ASK, NOW
from tests.benchmarks.real.faults.planting import Planted
from tests.benchmarks.real.faults.release_faults import BAD, RELEASED
from tests.benchmarks.real.faults.sources import ANSWER, VERSION, Floats, Scene, ask, logged, microseconds


def completed(case: Planted, found: Diagnosis) -> Diagnosis:
    """The diagnosis after the release's comparison, or after the champion was asked again."""
    released = (case.frame[VERSION] == BAD).to_numpy()
    if released.any():
        return _compared(case, found, released)
    return found if found.cause in NOTHING_TO_ASK else _asked_again(case, found)


def _compared(case: Planted, found: Diagnosis, released: npt.NDArray[np.bool_]) -> Diagnosis:
    """The version before has answered the same rows in the window as it is, and both were asked
    about the rows before the release, as at the monitor's first look.
    """
    scene = case.scene
    usual = scene.frame()[ANSWER].to_numpy(dtype=np.float64)
    if len(usual) != len(case.frame):  # the fault took rows away
        return found
    since = _both(
        case.frame[released], case.frame[ANSWER].to_numpy(dtype=np.float64)[released], usual[released], _labels(case)[released], scene
    )
    before = _before_release(case)
    starts = block_starts(np.concatenate([before.seconds, since.seconds]), scene.source.policy.detect.window.total_seconds())
    columns = {name: np.concatenate([before.codes[name], since.codes[name]]) for name in since.codes}
    losses = [np.concatenate(each) for each in zip(before.losses, since.losses, strict=True)]
    pair = VersionPair(
        scene.champion.version,
        before=short(before.seconds, *before.losses),
        since=daily(since.seconds, *since.losses),
        likeness=likeness(np.concatenate([before.answers[0], since.answers[0]]), np.concatenate([before.answers[1], since.answers[1]])),
        segments=with_rows((), columns, starts, *losses),
    )
    accusation = audit(BAD, pair) or outdone(BAD, [pair])
    if accusation is not None:
        return with_accusation(found, BAD, accusation)
    if no_worse(pair):
        return acquitted(found, "asked about the same rows") if found.cause is Cause.BAD_RELEASE else found
    return unsettled(found, BAD)


@dataclass(frozen=True)
class _Both:
    """The answers of the released version and of the other to the same rows, and the labelled rows'
    losses, times and codes.
    """

    answers: tuple[Floats, Floats]
    losses: tuple[Floats, Floats]
    seconds: Floats
    codes: dict[str, npt.NDArray[np.object_]]


def _both(rows: pd.DataFrame, served: Floats, other: Floats, labels: Floats, scene: Scene) -> _Both:
    policy = scene.source.policy
    known = np.isfinite(labels) & np.isfinite(served) & np.isfinite(other)
    first, second = (row_loss(policy.data.task or Task.BINARY, labels[known], each[known]) for each in (served, other))
    codes = {name: rows[name].to_numpy(dtype=object)[known] for name in policy.data.categorical if name in rows}
    return _Both((served, other), (first, second), microseconds(rows[scene.source.time])[known] / 1e6, codes)


def _before_release(case: Planted) -> _Both:
    rows, source = case.earlier, case.scene.source
    if rows is None:
        rows = case.frame.iloc[:0].assign(**{RELEASED: []})
    served, other, labels = (rows[name].to_numpy(dtype=np.float64) for name in (RELEASED, ANSWER, source.target))
    due = microseconds(rows[source.time]) < case.scene.end - source.policy.data.labels.delay / timedelta(microseconds=1)
    return _both(rows, served, other, np.where(due, labels, np.nan), case.scene)


def _asked_again(case: Planted, found: Diagnosis) -> Diagnosis:
    scene, champion = case.scene, case.scene.champion
    answered = np.isfinite(case.frame[ANSWER].to_numpy(dtype=np.float64)) & (case.frame[VERSION] == champion.version).to_numpy()
    own = np.flatnonzero(answered)
    earlier = np.flatnonzero(np.isfinite(scene.life.answers) & (scene.source.at < scene.start))
    if not len(own):
        return found
    own = own[evenly(len(own), NOW)]
    before = _before(scene, earlier[-BEFORE:]) if len(earlier) else NOTHING_BEFORE
    now = _again(case.frame.iloc[own], champion.model, _labels(case)[own], scene)
    return judge_answers(found, champion.version, scene.source.policy.data.task or Task.BINARY, before, now)


def _before(scene: Scene, earlier: npt.NDArray[np.int64]) -> AnswersAgain:
    last = scene.life.versions[earlier[-1]]
    earlier = earlier[scene.life.versions[earlier] == last]
    teller = next(each for each in scene.life.champions if each.version == last)
    return _again(logged(scene.life, earlier), teller.model, np.full(len(earlier), np.nan), scene)


def _again(rows: pd.DataFrame, model: Any, target: Floats, scene: Scene) -> AnswersAgain:
    policy = scene.source.policy
    codes = codes_of(pa.Table.from_pandas(rows, preserve_index=False), policy.features)
    return AnswersAgain(rows[ANSWER].to_numpy(dtype=np.float64), ask(model, rows, policy), target, tuple(rows[scene.source.time]), codes)


def _labels(case: Planted) -> Floats:
    """The labels that are known at the window's end; NaN for the others."""
    source = case.scene.source
    late = case.scene.end - source.policy.data.labels.delay / timedelta(microseconds=1)
    return np.where(microseconds(case.frame[source.time]) >= late, np.nan, case.frame[source.target].to_numpy(dtype=np.float64))

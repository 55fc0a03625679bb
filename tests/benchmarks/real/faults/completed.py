"""A case's diagnosis, completed as the stage diagnose completes it: a recorded release is compared
with the version before it on the same rows, and the champion is asked again about what is logged.
"""

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
from modelmedic.steps.core.comparison.blocks import block_starts, daily
from modelmedic.steps.core.comparison.likeness import likeness
from modelmedic.steps.core.comparison.segments import with_rows
from modelmedic.steps.core.diagnosis.answers_again import AnswersAgain, codes_of, judge_answers
from modelmedic.steps.core.diagnosis.release_audit import acquitted, unsettled, with_accusation
from modelmedic.steps.core.tables.row_loss import row_loss
from modelmedic.steps.core.tables.thinning import evenly
from modelmedic.steps.heal.asked_again import BEFORE, NOTHING_BEFORE, NOTHING_TO_ASK, NOW
from tests.benchmarks.real.faults.planting import Planted
from tests.benchmarks.real.faults.release_faults import BAD
from tests.benchmarks.real.faults.sources import ANSWER, VERSION, Floats, Scene, ask, logged, microseconds


def completed(case: Planted, found: Diagnosis) -> Diagnosis:
    """The diagnosis after the release's comparison, or after the champion was asked again."""
    released = (case.frame[VERSION] == BAD).to_numpy()
    if released.any():
        return _compared(case, found, released)
    return found if found.cause in NOTHING_TO_ASK else _asked_again(case, found)


def _compared(case: Planted, found: Diagnosis, released: npt.NDArray[np.bool_]) -> Diagnosis:
    """The version before has answered the same rows in the window as it is."""
    scene, policy = case.scene, case.scene.source.policy
    served, theirs = (frame[ANSWER].to_numpy(dtype=np.float64) for frame in (case.frame, scene.frame()))
    if len(theirs) != len(served):  # the fault took rows away
        return found
    known, seconds = _labels(case), microseconds(case.frame[scene.source.time]) / 1e6
    judged = released & np.isfinite(known) & np.isfinite(served) & np.isfinite(theirs)
    losses = [row_loss(policy.data.task or Task.BINARY, known[judged], each[judged]) for each in (served, theirs)]
    starts = block_starts(seconds[judged], policy.detect.window.total_seconds())
    columns = {name: case.frame[name].to_numpy(dtype=object)[judged] for name in policy.data.categorical if name in case.frame}
    pair = VersionPair(
        scene.champion.version,
        since=daily(seconds[judged], *losses),
        likeness=likeness(served[released], theirs[released]),
        segments=with_rows((), columns, starts, *losses),
    )
    accusation = audit(BAD, pair) or outdone(BAD, [pair])
    if accusation is not None:
        return with_accusation(found, BAD, accusation)
    if no_worse(pair):
        return acquitted(found, "asked about the same rows") if found.cause is Cause.BAD_RELEASE else found
    return unsettled(found, BAD)


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

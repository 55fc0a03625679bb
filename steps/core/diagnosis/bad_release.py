"""Bad release: a model that answers the same inputs otherwise than before, and loses by it."""

from datetime import UTC, datetime

import numpy as np

from modelmedic.steps.contracts.detection import Segment
from modelmedic.steps.contracts.diagnosis import Context, Diagnosis, Evidence
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.confidence import RELEASE, RELEASE_UNRECORDED
from modelmedic.steps.core.diagnosis.model_change import RememberedAnswers
from modelmedic.steps.core.statistics.residuals import LabelledRows, difference_z, structure
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.pairing import Pair
from modelmedic.steps.core.tables.row_loss import row_loss

_LEAST_ROWS = 50
_LEAST_Z = 2.5  # of the risen loss: low, because the answers must have changed as well, and noise changes none


def suspect(both: Pair, rows: LabelledRows | None, context: Context, answers: RememberedAnswers | None) -> list[Diagnosis]:
    """At most one diagnosis: by the version column where there is one, else by the recorded
    releases and the time; last, a change without a record.
    """
    if rows is None or rows.imagined:
        return []
    for version, new, at in _changes(both, context):
        found = _judge(both, rows, version, new, at, answers)
        if found:
            return [found]
    return _unrecorded_release(both, rows, answers)


def _changes(both: Pair, context: Context) -> list[tuple[str, Mask, float | None]]:
    """Each new version, the current rows that it answered, and when it began."""
    moments = both.time[1] if both.time else None
    if both.version is not None:
        known = set(both.version[0].tolist())
        fresh = [v for v in np.unique(both.version[1]).tolist() if v and v not in known]
        rows = [(str(v), both.version[1] == v) for v in fresh]
        return [(v, new, float(np.nanmin(moments[new])) if moments is not None else None) for v, new in rows]
    if moments is None:
        return []
    starts = [(release.version, release.at.timestamp()) for release in context.releases]
    return [(version, moments >= at, at) for version, at in starts if (moments >= at).any()]


def _judge(
    both: Pair, rows: LabelledRows, version: str, everywhere: Mask, at: float | None, answers: RememberedAnswers | None
) -> Diagnosis | None:
    new = everywhere[rows.masks[1]]
    if new.sum() < _LEAST_ROWS:
        return None
    segment = answers.changed_segment(both) if answers else None
    inside = _rows_inside(both, rows, segment)
    beside = segment is None and (~new).sum() >= _LEAST_ROWS
    old_loss = rows.loss[1][~new] if beside else rows.loss[0][inside[0]]
    lost = rows.loss[1][new & inside[1]]
    z, rise = difference_z(old_loss, lost), float(lost.mean() - old_loss.mean()) if len(lost) else 0.0
    if z < _LEAST_Z or rise < 0.03 * float(old_loss.mean()):
        return None
    changed = segment is not None or _answers_changed(both, rows, everywhere, answers)
    if not changed or _own_share(rows, answers, new & inside[1]) < 0.5:
        return None
    other = "the version beside it" if beside else "the version before it"
    where = f" where {segment.column} is {segment.value}" if segment else ""
    sentence = f"version {version} loses {rise:.3g} more per row than {other}{where} (z = {z:.1f}): its answers to the same inputs changed"
    return Diagnosis(
        Cause.BAD_RELEASE,
        RELEASE,
        segment=segment,
        harm="shown",
        onset=datetime.fromtimestamp(at, UTC) if at is not None else None,
        evidence=(Evidence("release.judged", sentence, rise),),
        version=version,
        sentence=sentence,
    )


def _rows_inside(both: Pair, rows: LabelledRows, segment: Segment | None) -> tuple[Mask, Mask]:
    """The labelled rows of the segment, or all of them."""
    if segment is None:
        return np.ones(len(rows.loss[0]), dtype=bool), np.ones(len(rows.loss[1]), dtype=bool)
    cells = both.column(segment.column).cells
    number = cells.names.index(segment.value)
    return cells.reference[rows.masks[0]] == number, cells.current[rows.masks[1]] == number


def _answers_changed(both: Pair, rows: LabelledRows, new: Mask, answers: RememberedAnswers | None) -> bool:
    if answers is not None:
        return answers.growth(new[answers.known[1]]) > 1.5 and answers.change(new[answers.known[1]]) > 0.02
    predictions = structure(both.columns, rows.prediction, rows.masks, centred=False)
    targets = structure(both.columns, rows.target, rows.masks, centred=False)
    return bool(predictions) and predictions[0].strength > max(targets[0].strength, 3.0)


def own_loss(rows: LabelledRows, answers: RememberedAnswers | None) -> tuple[Floats, Floats, Mask] | None:
    """The loss per row beyond that of the old model's answers, in both windows, and the mask of the
    current labelled rows that it belongs to.
    """
    if answers is None:
        return None
    extra, picked = [], np.empty(0, dtype=bool)
    for window in (0, 1):
        place = np.cumsum(answers.known[window]) - 1
        picked = answers.known[window][rows.masks[window]]
        expected = answers.expected[window][place[rows.masks[window]][picked]]
        extra.append(rows.loss[window][picked] - row_loss(rows.task, rows.target[window][picked], expected))
    return (extra[0], extra[1], picked) if min(len(e) for e in extra) >= _LEAST_ROWS else None


def _own_share(rows: LabelledRows, answers: RememberedAnswers | None, new: Mask) -> float:
    """The share of the new rows' risen loss that the old model's answers would have avoided."""
    extra = own_loss(rows, answers)
    if extra is None or not (new & extra[2]).any():
        return 1.0
    rise = float(rows.loss[1][new & extra[2]].mean() - rows.loss[0].mean())
    return float(extra[1][new[extra[2]]].mean() - extra[0].mean()) / rise if rise > 0 else 1.0


def _unrecorded_release(both: Pair, rows: LabelledRows, answers: RememberedAnswers | None) -> list[Diagnosis]:
    """A release that no record names: another function answers, and it answers worse."""
    if answers is None:
        return []
    segment = answers.changed_segment(both)
    inside = _rows_inside(both, rows, segment)
    loss = (rows.loss[0][inside[0]], rows.loss[1][inside[1]])
    rise = float(loss[1].mean() - loss[0].mean()) if min(len(w) for w in loss) >= _LEAST_ROWS else 0.0
    changed = answers.changed() or segment is not None
    if not changed or rise < 0.03 * float(rows.loss[0].mean()) or difference_z(*loss) < 3.5 or _own_share(rows, answers, inside[1]) < 0.5:
        return []
    where = f" where {segment.column} is {segment.value}" if segment else ""
    sentence = (
        f"the same inputs get other answers than in the reference{where} (their error grew {answers.growth():.1f} times), which cost "
        f"{rise:.3g} per row; no change of version is recorded"
    )
    evidence = (Evidence("answers.changed", sentence, answers.growth()),)
    return [Diagnosis(Cause.BAD_RELEASE, RELEASE_UNRECORDED, (), segment, harm="shown", evidence=evidence, sentence=sentence)]

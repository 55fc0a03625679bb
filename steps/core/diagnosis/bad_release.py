"""Bad release: a model that answers the same inputs otherwise than before, and loses by it."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from modelmedic.steps.contracts.detection import Segment
from modelmedic.steps.contracts.diagnosis import Context, Diagnosis, Evidence
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.confidence import RELEASE, RELEASE_UNRECORDED
from modelmedic.steps.core.diagnosis.model_change import RememberedAnswers, comes_and_goes
from modelmedic.steps.core.statistics.residuals import LabelledRows, difference_z, structure
from modelmedic.steps.core.tables.arrays import Floats, Mask
from modelmedic.steps.core.tables.pairing import Pair
from modelmedic.steps.core.tables.row_loss import row_loss

_LEAST_ROWS = 50
_LEAST_Z = 3.0  # of the loss beyond the old answers': low where a release is known, because its record is evidence of its own
_LEAST_SHARE = 0.12  # of the loss that the old answers would have had
_PARTS = 20  # consecutive parts of the rows, by whose scatter a mean is judged: losses come in days
# Without a record, learnt on bikes, air and weather as they are: remembered answers would have lost
# at most 0.4 less of their own loss at more than 3 standard errors, from a moment on 1.3 at 3.2. On
# turbine, which was not looked at before, 1.6 at 3.6 and 1.9 at 3.6; in one window of bikes with
# champions of the product's own trainer, 0.7 at more than 4.5.
_OVERWHELMING = 1.2
_OVERWHELMING_Z = 5.0
_DOUBTFUL = 0.3
_DOUBTFUL_Z = 3.0
_LAW_HOLDS = 2.0  # powers of ten; above it the labels' own law has changed as well, and no release is accused without a record


@dataclass(frozen=True, slots=True)
class OwnLoss:
    """The loss per labelled row beyond that of the old model's remembered answers, in the reference
    and in the current window, and the mask of the current labelled rows that it belongs to.
    """

    reference: Floats
    current: Floats
    picked: Mask


def suspect(
    both: Pair,
    rows: LabelledRows | None,
    context: Context,
    answers: RememberedAnswers | None,
    own: OwnLoss | None,
    law: float = 0.0,
) -> list[Diagnosis]:
    """At most one diagnosis: by the version column where there is one, else by the recorded
    releases and the time; last, a change without a record, which takes overwhelming proof. `own` is
    `own_loss` of the same rows; `law` is the evidence, in powers of ten, that the labels' relation
    to the inputs has changed.
    """
    if rows is None or rows.imagined:
        return []
    for version, new, at in _changes(both, context):
        found = _judge(both, rows, version, new, at, answers, own)
        if found:
            return [found]
    return _unrecorded_release(both, rows, own) if law < _LAW_HOLDS else []


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
    both: Pair,
    rows: LabelledRows,
    version: str,
    everywhere: Mask,
    at: float | None,
    answers: RememberedAnswers | None,
    extra: OwnLoss | None,
) -> Diagnosis | None:
    new = everywhere[rows.masks[1]]
    if new.sum() < _LEAST_ROWS:
        return None
    segment = _own_segment(both, rows, extra, new) or (answers.changed_segment(both) if answers else None)
    inside = _rows_inside(both, rows, segment)
    beside = segment is None and (~new).sum() >= _LEAST_ROWS
    lost = rows.loss[1][new & inside[1]]
    if len(lost) < _LEAST_ROWS:
        return None
    old_loss = rows.loss[1][~new] if beside else rows.loss[0][inside[0]]
    own = _beyond_old_answers(rows, extra, new & inside[1])
    if own is None:
        changed = _answers_changed(both, rows, everywhere, answers)
        bad = changed and difference_z(old_loss, lost) >= _LEAST_Z and float(lost.mean()) > 1.03 * float(old_loss.mean())
        z, rise = difference_z(old_loss, lost), float(lost.mean() - old_loss.mean())
    else:
        share, z, rise = own
        bad = share > _LEAST_SHARE and z > _LEAST_Z
    if not bad:
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


def _beyond_old_answers(rows: LabelledRows, extra: OwnLoss | None, new: Mask) -> tuple[float, float, float] | None:
    """By how much the chosen current rows lose more than the old model's remembered answers to them
    would: as a share of what these would lose, its z over consecutive parts, and per row. What rows
    of the old version in the same window lose beyond their memory is taken off.
    """
    if extra is None:
        return None
    chosen, beside = new[extra.picked], ~new[extra.picked]
    told = rows.loss[1][extra.picked] - extra.current
    if chosen.sum() < _LEAST_ROWS:
        return None
    usual = float(extra.current[beside].mean()) if beside.sum() >= _LEAST_ROWS else 0.0
    left = extra.current[chosen] - usual
    parts = np.array([part.mean() for part in np.array_split(left, min(_PARTS, len(left) // 10))])
    error = float(parts.std(ddof=1)) / len(parts) ** 0.5
    return float(left.mean()) / max(float(told[chosen].mean()), 1e-12), float(parts.mean()) / max(error, 1e-12), float(left.mean())


def _rows_inside(both: Pair, rows: LabelledRows, segment: Segment | None) -> tuple[Mask, Mask]:
    """The labelled rows of the segment, or all of them."""
    if segment is None:
        return np.ones(len(rows.loss[0]), dtype=bool), np.ones(len(rows.loss[1]), dtype=bool)
    cells = both.column(segment.column).cells
    number = cells.names.index(segment.value)
    return cells.reference[rows.masks[0]] == number, cells.current[rows.masks[1]] == number


def _answers_changed(both: Pair, rows: LabelledRows, new: Mask, answers: RememberedAnswers | None) -> bool:
    if answers is not None:
        return answers.changed(new[answers.known[1]])
    predictions = structure(both.columns, rows.prediction, rows.masks, centred=False)
    targets = structure(both.columns, rows.target, rows.masks, centred=False)
    return bool(predictions) and predictions[0].strength > max(targets[0].strength, 3.0)


def own_loss(rows: LabelledRows | None, answers: RememberedAnswers | None) -> OwnLoss | None:
    """None without labels or remembered answers, or with too few rows of them in either window."""
    if rows is None or answers is None:
        return None
    extra, picked = [], np.empty(0, dtype=bool)
    for window in (0, 1):
        place = np.cumsum(answers.known[window]) - 1
        picked = answers.known[window][rows.masks[window]]
        expected = answers.expected[window][place[rows.masks[window]][picked]]
        extra.append(rows.loss[window][picked] - row_loss(rows.task, rows.target[window][picked], expected))
    return OwnLoss(extra[0], extra[1], picked) if min(len(e) for e in extra) >= _LEAST_ROWS else None


def _strongest(rows: LabelledRows, extra: OwnLoss | None, inside: Mask) -> tuple[float, float]:
    """The loss beyond the old answers as a share of theirs, and its z: of the chosen rows, or of
    those from some moment on beside those before it, whichever is clearer.
    """
    own = _beyond_old_answers(rows, extra, inside)
    if own is None or extra is None:
        return 0.0, 0.0
    chosen = inside[extra.picked]
    left, told = extra.current[chosen], (rows.loss[1][extra.picked] - extra.current)[chosen]
    count = min(_PARTS, len(left) // 10)
    parts, usual = (np.array([part.mean() for part in np.array_split(v, count)]) for v in (left, told))
    best = own[:2]
    for first in range(3, count - 2):
        before, after = parts[:first], parts[first:]
        error = float(np.sqrt(before.var(ddof=1) / len(before) + after.var(ddof=1) / len(after)))
        step = float(after.mean() - before.mean())
        found = step / max(float(usual[first:].mean()), 1e-12), step / max(error, 1e-12)
        best = max(best, found, key=lambda f: min(f[0] / _OVERWHELMING, f[1] / _OVERWHELMING_Z))
    return best


def _own_segment(both: Pair, rows: LabelledRows, extra: OwnLoss | None, new: Mask) -> Segment | None:
    """The one code in which (nearly) all of the loss beyond the old answers lies, and outside of
    which there is none.
    """
    if extra is None:
        return None
    chosen = new[extra.picked]
    told = (rows.loss[1][extra.picked] - extra.current)[chosen]
    lost = extra.current[chosen]
    best: tuple[float, Segment] | None = None
    for cut in both.segmenting:
        which = cut.cells.current[rows.masks[1]][extra.picked][chosen]
        size = np.bincount(which, minlength=len(cut.cells.names))
        inside, usual = (np.bincount(which, v, minlength=len(cut.cells.names)) for v in (lost, told))
        for number in np.flatnonzero((size >= _LEAST_ROWS // 2) & (size <= 0.8 * len(lost)))[:60]:
            if number == len(size) - 1:
                continue
            rest = float(inside.sum() - inside[number]) / max(float(usual.sum() - usual[number]), 1e-12)
            own = float(inside[number]) / max(float(usual[number]), 1e-12)
            most = float(inside[number]) > 0.85 * float(np.abs(inside).sum())
            if own > 0.3 and most and rest < 0.1 and (best is None or own > best[0]) and comes_and_goes(which == number):
                best = (own, Segment(cut.name, cut.cells.names[number]))
    return best[1] if best else None


def _unrecorded_release(both: Pair, rows: LabelledRows, own: OwnLoss | None) -> list[Diagnosis]:
    """A release that no record names: another function answers, and the old one, remembered however
    coarsely, would have lost much less.
    """
    if own is None:
        return []
    everywhere = np.ones(len(rows.loss[1]), dtype=bool)
    share, z = _strongest(rows, own, everywhere)
    if share < _OVERWHELMING or z < _OVERWHELMING_Z or _own_segment(both, rows, own, everywhere) is not None:
        return []  # a release answers everybody: in one segment alone a column was logged wrongly
    sentence = (
        "the same inputs get other answers than in the reference, "
        f"which lose {share:.1f} times as much more (z = {z:.1f}); no change of version is recorded"
    )
    evidence = (Evidence("answers.changed", sentence, share),)
    return [Diagnosis(Cause.BAD_RELEASE, RELEASE_UNRECORDED, harm="shown", evidence=evidence, sentence=sentence)]


def release_doubt(rows: LabelledRows | None, own: OwnLoss | None, law: float) -> bool:
    """True when the old answers would have lost less, not provably so, while the labels still obey
    the inputs: then a risen loss is nothing to learn from.
    """
    if rows is None or rows.imagined or law >= _LAW_HOLDS:
        return False
    share, z = _strongest(rows, own, np.ones(len(rows.loss[1]), dtype=bool))
    return share > _DOUBTFUL and z > _DOUBTFUL_Z

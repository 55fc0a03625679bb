"""Did we do it ourselves? A new model version that carries the loss while the old one does not."""

from datetime import UTC, datetime

import numpy as np

from steps.contracts.diagnosis import Context, Diagnosis, Evidence
from steps.contracts.words import Cause
from steps.core.pairing import Pair
from steps.core.residuals import Labelled, Mask, difference_z, structure

_LEAST_ROWS = 50


def suspect(both: Pair, rows: Labelled | None, context: Context) -> list[Diagnosis]:
    """By the version column where there is one, else by the recorded releases and the time column."""
    if rows is None:
        return []
    for version, new, at in _changes(both, context):
        found = _judge(both, rows, version, new[rows.masks[1]], at)
        if found:
            return [found]
    return []


def _changes(both: Pair, context: Context) -> list[tuple[str, Mask, float | None]]:
    """Version, the current rows that it answered, and when it began."""
    moments = both.time[1] if both.time else None
    if both.version is not None:
        fresh = [v for v in np.unique(both.version[1]) if v and v not in set(both.version[0])]
        rows = [(str(v), both.version[1] == v) for v in fresh]
        return [(v, new, float(np.nanmin(moments[new])) if moments is not None else None) for v, new in rows]
    if moments is None:
        return []
    starts = [(release.version, release.at.timestamp()) for release in context.releases]
    return [(version, moments >= at, at) for version, at in starts if (moments >= at).any()]


def _judge(both: Pair, rows: Labelled, version: str, new: Mask, at: float | None) -> Diagnosis | None:
    if new.sum() < _LEAST_ROWS:
        return None
    beside = (~new).sum() >= _LEAST_ROWS
    old_loss = rows.loss[1][~new] if beside else rows.loss[0]
    z, rise = difference_z(old_loss, rows.loss[1][new]), float(rows.loss[1][new].mean() - old_loss.mean())
    if z < 4 or rise < 0.05 * float(old_loss.mean()):
        return None
    if not _model_changed_more_than_the_world(both, rows):
        return None
    other = "the version beside it" if beside else "the version before it"
    sentence = f"version {version} loses {rise:.3g} more per row than {other} (z = {z:.1f}), and its answers to the same inputs changed"
    return Diagnosis(
        Cause.BAD_RELEASE,
        0.95 if beside else 0.88,
        harm="shown",
        onset=datetime.fromtimestamp(at, UTC) if at is not None else None,
        evidence=(Evidence("release.judged", sentence, rise),),
        version=version,
        sentence=sentence,
    )


def _model_changed_more_than_the_world(both: Pair, rows: Labelled) -> bool:
    """Given the inputs, predictions moved more than labels did: with a release at the onset it is the release's doing."""
    predictions = structure(both.columns, rows.prediction, rows.masks, centred=False)
    targets = structure(both.columns, rows.target, rows.masks, centred=False)
    return bool(predictions) and predictions[0].strength > max(targets[0].strength, 3.0)

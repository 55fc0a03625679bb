"""The shares of a risen loss that each cause carries.

The old model's remembered answers give the loss without a change of the model: the rest is the
release's. The reference's loss given the inputs gives the loss had only the inputs moved: that is
the covariate shift's (the split of Zhang et al. 2023, "Why did the model fail?", into P(X) and P(Y
given X), with a remembered loss for the first). The remainder belongs to the changed labels, under
the name of the cause that was found.
"""

import numpy as np

from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.bad_release import OwnLoss
from modelmedic.steps.core.diagnosis.model_change import RememberedAnswers
from modelmedic.steps.core.statistics.crossfit import remember, thin_mask
from modelmedic.steps.core.statistics.residuals import LabelledRows
from modelmedic.steps.core.tables.pairing import Pair

_MOST_ROWS = 20_000
_OF_LABELS = (Cause.LABEL_QUALITY, Cause.CONCEPT_DRIFT, Cause.LABEL_SHIFT)


def loss_shares(
    both: Pair, rows: LabelledRows | None, answers: RememberedAnswers | None, own: OwnLoss | None, causes: tuple[Cause, ...]
) -> dict[str, float] | None:
    """Shares 0..1 that sum to 1, or None where the loss did not rise. `causes` are those found, the
    deciding one first, and `own` is the loss beyond the remembered `answers`.
    """
    if rows is None or rows.imagined or not rows.harmed:
        return None
    total = rows.loss_increase
    release = _release_part(answers, own)
    moved = _inputs_part(both, rows, own if release else None)
    if causes and causes[0] is Cause.DATA_QUALITY:
        # the inputs are broken, so their movement means nothing: its share is the broken data's
        parts = {Cause.DATA_QUALITY: release + moved, _label_cause(causes, Cause.DATA_QUALITY): total - release - moved}
        if _label_cause(causes, Cause.DATA_QUALITY) is Cause.DATA_QUALITY:
            parts = {Cause.DATA_QUALITY: total}
    else:
        parts = {Cause.BAD_RELEASE: release, Cause.COVARIATE_SHIFT: moved}
        rest = _label_cause(causes, Cause.INSUFFICIENT_EVIDENCE)
        if Cause.BAD_RELEASE in causes and rest is Cause.INSUFFICIENT_EVIDENCE:
            rest = Cause.BAD_RELEASE
        parts[rest] = parts.get(rest, 0.0) + total - release - moved
    return _proportions(parts)


def _label_cause(causes: tuple[Cause, ...], otherwise: Cause) -> Cause:
    return next((c for c in causes if c in _OF_LABELS), otherwise)


def _proportions(parts: dict[Cause, float]) -> dict[str, float]:
    """A cause that lowered the loss carries none of its rise; the others share it in proportion."""
    gained = {cause: part for cause, part in parts.items() if part > 0}
    whole = sum(gained.values())
    shares = {cause.value: round(part / whole, 4) for cause, part in gained.items() if part / whole >= 0.005}
    largest = max(shares, key=lambda c: shares[c])
    shares[largest] = round(shares[largest] + 1 - sum(shares.values()), 4)
    return dict(sorted(shares.items(), key=lambda s: -s[1]))


def _release_part(answers: RememberedAnswers | None, own: OwnLoss | None) -> float:
    if own is None or answers is None or not answers.changed():
        return 0.0
    return max(float(own.current.mean() - own.reference.mean()), 0.0)


def _inputs_part(both: Pair, rows: LabelledRows, own: OwnLoss | None) -> float:
    """The rise of the loss that the moved inputs explain by the reference's loss given the
    inputs.
    """
    place = (thin_mask(rows.masks[0], _MOST_ROWS), thin_mask(rows.masks[1], _MOST_ROWS))
    loss = rows.loss[0][place[0][rows.masks[0]]]
    if own is not None:
        loss = loss - float(own.reference.mean())
    # a few rows own a squared loss: the memory is learnt without the outermost
    ceiling = float(np.quantile(loss, 0.99))
    memory = remember(both.columns, np.minimum(loss, ceiling), place, rounds=40)
    return float(memory.current.mean() - memory.reference.mean()) if memory is not None else 0.0

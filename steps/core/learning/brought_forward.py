"""The place where the two questions meet: a diagnosis says whether rows, labels and releases may be
trusted, a look at the ageing whether a newly taught model would pay. Called by diagnose.

Whatever is broken stands as it was found. A fault of the world is no reason of its own to train: it
brings the question of the price forward, and the price answers.
"""

from datetime import datetime
from typing import Final

from modelmedic.steps.contracts.ageing import AgeingLook
from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence, overruled
from modelmedic.steps.contracts.words import BROKEN, OF_THE_WORLD, Cause, Remedy

WORLDS: Final = OF_THE_WORLD | {Cause.INSUFFICIENT_EVIDENCE}
_SURE: Final = 0.95  # that a training is due where the look says so; its measure has an error of its own


def weighed(found: Diagnosis, wanted: Remedy, look: AgeingLook | None, *, aged: bool) -> Diagnosis:
    """The diagnosis, of the cause ageing where a training is due: in an incident that was opened
    for it (`aged`), and in any other whose cause lies in the world and whose rule (`wanted`) would
    not train.
    """
    if look is None or found.cause in BROKEN:
        return found
    brought = found.cause in WORLDS and look.due and wanted not in (Remedy.RETRAIN, Remedy.RECALIBRATE)
    evidence = Evidence("ageing.measured", look.sentence, look.paid)
    return overruled(found, Cause.AGEING, _SURE, evidence) if aged or brought else found


def too_dear(found: Diagnosis, look: AgeingLook | None, moment: datetime) -> str:
    """The sentence against a training now, because its price is not paid yet; empty when it is, or
    when the ageing is not measured, or the cause is none of the world's.
    """
    if look is None or found.cause not in WORLDS or look.due or not look.measured or not look.holds(moment):
        return ""
    return f"a training does not pay yet: {look.sentence}"

"""The diagnosis of a release by its comparison with versions before it on the same rows, beside the
one that the window alone led to. Called by the stage diagnose.
"""

from dataclasses import replace

from modelmedic.steps.contracts.comparison import Accusation
from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence, Hypothesis, overruled
from modelmedic.steps.contracts.words import BROKEN, BROKEN_ROWS, OF_THE_WORLD, Cause
from modelmedic.steps.core.diagnosis.confidence import CLOSE, RELEASE, RELEASE_SUSPECTED

_WON = 0.95  # the betting's own error is smaller, but holds for rows as they were


def with_accusation(found: Diagnosis, version: str, accusation: Accusation) -> Diagnosis:
    """A bad release, with what the window showed as its runner-up. `found` itself where the data
    or the labels are broken and days of losses alone speak against the version: broken rows cost
    one version more than another.
    """
    if accusation.slow and found.cause in BROKEN_ROWS:
        return found
    named = found.cause not in (Cause.BAD_RELEASE, Cause.NONE, Cause.INSUFFICIENT_EVIDENCE)
    sure = RELEASE if accusation.harm == "shown" else RELEASE_SUSPECTED
    return replace(
        overruled(found, Cause.BAD_RELEASE, sure, Evidence("release.compared", accusation.sentence, accusation.value)),
        segment=accusation.segment,
        harm=accusation.harm,
        also=(found.cause, *found.also) if named else found.also,
        version=version,
        instead=accusation.instead,
    )


def acquitted(found: Diagnosis, reason: str) -> Diagnosis:
    """The diagnosis without the cause that the window led to: what else it showed comes first, or
    too little is known.
    """
    rest = [each for each in found.runners_up if each.cause is not found.cause]
    first = next(iter(rest), Hypothesis(Cause.INSUFFICIENT_EVIDENCE, found.confidence, sentence=found.sentence))
    left = max(1 - found.confidence, first.confidence)  # what the acquitted cause had not taken
    return replace(
        found,
        cause=first.cause,
        confidence=round(min(first.confidence / left, found.confidence), 3),
        columns=first.columns,
        segment=first.segment,
        onset=None,
        evidence=(Evidence("cause.acquitted", reason), *found.evidence),
        also=tuple(cause for cause in found.also if cause is not first.cause),
        runners_up=tuple(rest[1:]),
        version=None,
        instead=None,
        sentence=first.sentence,
    )


def unsettled(found: Diagnosis, version: str) -> Diagnosis:
    """Too little is known where a window would teach a model, while the version answers since a
    moment inside it and no comparison acquits it. `found` itself where nothing would be learnt.
    """
    if found.cause not in OF_THE_WORLD or found.harm != "shown":
        return found
    sentence = (
        f"version {version} answers since this window began, and labels do not show yet that it loses no more than the version before it; "
        f"otherwise: {found.sentence}"
    )
    return overruled(found, Cause.INSUFFICIENT_EVIDENCE, CLOSE, Evidence("release.unsettled", sentence))


def with_win(found: Diagnosis, sentence: str) -> Diagnosis:
    """The champion has aged: a challenger that was kept in the dark loses less. `found` itself
    where the rows, the labels or the release cannot be trusted.
    """
    if found.cause in BROKEN:
        return found
    return overruled(found, Cause.AGEING, _WON, Evidence("challenger.won", sentence))

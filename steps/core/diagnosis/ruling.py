"""The diagnosis in the words of a person who knows what the loop could not tell. Called by the
stages diagnose and close.
"""

from dataclasses import replace

from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence
from modelmedic.steps.contracts.words import Cause

_SURE = 1.0  # the word of a person, who answers for it


def with_ruling(found: Diagnosis, cause: Cause, by: str) -> Diagnosis:
    """The diagnosis with the cause that `by` named, and what was measured of that cause. A ruling
    ends a doubt and overrules no finding: `found` itself where the evidence has a cause by now.
    """
    if found.cause is not Cause.INSUFFICIENT_EVIDENCE:
        return found
    named = next((each for each in found.runners_up if each.cause is cause), None)
    rest = tuple(each for each in found.runners_up if each is not named)
    sentence = f"{by} says that it is {cause.value}"
    if named is not None and named.sentence:
        sentence += f": {named.sentence}"
    return replace(
        found,
        cause=cause,
        confidence=_SURE,
        columns=named.columns if named is not None else (),
        segment=named.segment if named is not None else None,
        evidence=(Evidence("cause.ruled", sentence), *found.evidence),
        runners_up=rest,
        sentence=sentence,
    )


def weighed(found: Diagnosis) -> tuple[Cause, ...]:
    """The causes between which the diagnosis could not choose, likeliest first."""
    causes = (each.cause for each in found.runners_up)
    return tuple(dict.fromkeys(cause for cause in causes if cause not in (Cause.NONE, Cause.INSUFFICIENT_EVIDENCE)))

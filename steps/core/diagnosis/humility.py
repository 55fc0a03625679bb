"""The choice between explanations that are close: where broken rows or labels are likely but not
sure, nothing is learnt from them on the word of a diagnosis, and nobody is accused.
"""

import dataclasses
from collections.abc import Sequence

from modelmedic.steps.contracts.diagnosis import Diagnosis, Hypothesis
from modelmedic.steps.contracts.words import OF_THE_WORLD, Cause
from modelmedic.steps.core.diagnosis import confidence
from modelmedic.steps.core.quality.claims import Claim
from modelmedic.steps.core.quality.label_claims import LabelClaim

_CLOSE = 2.0  # powers of ten of a doubt, from which on it is as good an explanation as the world's


def humble(found: Diagnosis, claims: Sequence[Claim], labels: LabelClaim | None, *, release: bool = False) -> Diagnosis:
    """The diagnosis, or insufficient evidence where it would teach a model rows that a doubt
    explains as well; the doubt is a runner-up either way.
    """
    doubts = [Hypothesis(Cause.DATA_QUALITY, _share(c.bits), _named(c), c.problem.segment, c.problem.detail) for c in claims[:2]]
    close = max((c.bits for c in claims if c.harms or set(_named(c)) & set(found.columns)), default=0.0)
    if labels is not None and not labels.sure:
        doubts.append(Hypothesis(Cause.LABEL_QUALITY, _share(labels.bits), ("target",), sentence=labels.sentence))
        close = max(close, labels.bits)
    if release:
        words = "the model answers the same inputs otherwise than it did, and worse, without a record of a release"
        doubts.append(Hypothesis(Cause.BAD_RELEASE, 0.4, sentence=words))
        close = max(close, _CLOSE)
    if not doubts or found.cause not in OF_THE_WORLD:
        return found
    doubts.sort(key=lambda d: -d.confidence)
    runners = (*doubts, *(r for r in found.runners_up if r.cause not in {d.cause for d in doubts}))
    if close < _CLOSE or found.harm != "shown":
        return dataclasses.replace(found, runners_up=runners)
    sentence = f"either {found.sentence}, or {doubts[0].sentence}: the evidence for both is close"
    own = Hypothesis(found.cause, round(found.confidence / 2, 3), found.columns, found.segment, found.sentence)
    return dataclasses.replace(
        found, cause=Cause.INSUFFICIENT_EVIDENCE, confidence=confidence.CLOSE, sentence=sentence, runners_up=(own, *runners)
    )


def _named(claim: Claim) -> tuple[str, ...]:
    return (claim.problem.column,) if claim.problem.column else ()


def _share(bits: float) -> float:
    return round(0.1 + 0.3 * min(bits / 4, 1.0), 3)

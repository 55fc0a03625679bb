"""Data quality: the columns themselves are broken, so that nothing computed from them counts."""

from modelmedic.steps.contracts.detection import Problem, Segment
from modelmedic.steps.contracts.diagnosis import Diagnosis, Evidence
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.confidence import BROKEN, BROKEN_IN_PART


def suspect(problems: tuple[Problem, ...]) -> list[Diagnosis]:
    """At most one diagnosis: broken columns in order of the rows that they touch; the segment is
    the worst column's.
    """
    if not problems:
        return []
    worst = problems[0]
    columns = tuple(dict.fromkeys(p.column for p in problems if p.column))
    evidence = tuple(Evidence(f"{p.kind}.found", p.detail, p.share) for p in problems[:8])
    sure = BROKEN if worst.share > 0.1 else BROKEN_IN_PART
    return [Diagnosis(Cause.DATA_QUALITY, sure, columns, _segment(worst, problems), evidence=evidence, sentence=worst.detail)]


def _segment(worst: Problem, problems: tuple[Problem, ...]) -> Segment | None:
    """The worst problem's segment, unless the column that cuts it is broken itself: its codes say
    nothing then.
    """
    where = worst.segment
    if where is None or any(p.column == where.column and p.segment != where for p in problems):
        return None
    return where

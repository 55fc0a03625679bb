"""Our verdict on each column's drift held against Evidently's. Both measure the same distance from
the same size on; ours also asks whether chance would do it, and rows of the whole window.
"""

from collections.abc import Iterable

from modelmedic.steps.contracts.detection import ColumnOpinion, ColumnShift


def disagreements(ours: Iterable[ColumnShift], theirs: Iterable[ColumnOpinion]) -> tuple[str, ...]:
    """A sentence on each column of which only one of the two says that it drifted."""
    shifts = {shift.column: shift for shift in ours}
    both = [(shifts[opinion.column], opinion) for opinion in theirs if opinion.column in shifts]
    return tuple(_sentence(shift, opinion) for shift, opinion in both if shift.shifted != opinion.drifted)


def _sentence(shift: ColumnShift, opinion: ColumnOpinion) -> str:
    measured = f"{opinion.method} {opinion.value:.3g}, and drift from {opinion.threshold:g} on"
    own = f"effect {shift.effect:.3g} of {shift.threshold:g}, adjusted p = {shift.p_value:.2g}"
    if opinion.drifted:
        return f"Evidently says that {shift.column} drifted ({measured}), and our verdict does not ({own})"
    return f"our verdict says that {shift.column} drifted ({own}), and Evidently does not ({measured})"

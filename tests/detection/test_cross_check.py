"""Our verdict and Evidently's on a column are told apart only where they differ."""

from modelmedic.steps.contracts.detection import ColumnOpinion, ColumnShift
from modelmedic.steps.core.detection.cross_check import disagreements


def shift(column: str, *, shifted: bool, effect: float = 0.04) -> ColumnShift:
    return ColumnShift(column, "wasserstein/std", effect, 0.3, 0.05, shifted)


def opinion(column: str, value: float) -> ColumnOpinion:
    return ColumnOpinion(column, "wasserstein", value, 0.05)


def test_the_same_verdict_is_no_disagreement() -> None:
    ours = (shift("age", shifted=True, effect=0.4), shift("income", shifted=False))
    assert disagreements(ours, (opinion("age", 0.38), opinion("income", 0.01))) == ()


def test_each_difference_names_column_and_both_measures() -> None:
    ours = (shift("age", shifted=True, effect=0.06), shift("income", shifted=False))
    assert disagreements(ours, (opinion("age", 0.049), opinion("income", 0.07))) == (
        "our verdict says that age drifted (effect 0.06 of 0.05, adjusted p = 0.3), "
        "and Evidently does not (wasserstein 0.049, and drift from 0.05 on)",
        "Evidently says that income drifted (wasserstein 0.07, and drift from 0.05 on), "
        "and our verdict does not (effect 0.04 of 0.05, adjusted p = 0.3)",
    )


def test_a_column_that_only_one_has_looked_at_is_none() -> None:
    assert disagreements((shift("age", shifted=True),), (opinion("height", 0.9),)) == ()


def test_evidently_calls_the_threshold_itself_drift() -> None:
    assert opinion("age", 0.05).drifted

"""A release that the window blames is taken back only while it serves, and only where the same rows
do not acquit it.
"""

from datetime import UTC, datetime

from modelmedic.steps.contracts.comparison import Comparison, LossBlock, VersionPair
from modelmedic.steps.contracts.diagnosis import Diagnosis, Hypothesis
from modelmedic.steps.contracts.words import Cause
from modelmedic.steps.core.diagnosis.release_audit import acquitted
from modelmedic.steps.heal.diagnose import _acquittal

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DRIFT = Hypothesis(Cause.CONCEPT_DRIFT, 0.3, ("age",), None, "labels behave differently")
BLAMED = Diagnosis(Cause.BAD_RELEASE, 0.9, version="2", runners_up=(DRIFT,), sentence="version 2 loses more")


def compared(rows: int = 200, served: float = 0.31) -> Comparison:
    """Version 1 loses 0.3 per row of the same ones."""
    pair = VersionPair("1", since=(LossBlock(NOW, rows, served, 0.3),))
    return Comparison("churn", "2", NOW, NOW, "1", judged_until=NOW, pairs=(pair,))


def test_a_version_that_serves_no_more_is_not_taken_back() -> None:
    assert "serves no more" in _acquittal(BLAMED, "3", None)


def test_the_same_rows_acquit_a_version() -> None:
    assert "same labelled rows" in _acquittal(BLAMED, "2", compared())


def test_without_labels_or_a_version_to_ask_the_window_stands() -> None:
    assert _acquittal(BLAMED, "2", None) == ""
    assert _acquittal(BLAMED, "2", compared(rows=20)) == ""


def test_a_version_that_seems_worse_on_the_same_rows_is_not_acquitted() -> None:
    assert _acquittal(BLAMED, "2", compared(served=0.34)) == ""


def test_what_else_the_window_showed_comes_first() -> None:
    found = acquitted(BLAMED, "a reason")
    assert (found.cause, found.columns, found.version) == (Cause.CONCEPT_DRIFT, ("age",), None)
    assert found.evidence[0].sentence == "a reason"
    assert acquitted(Diagnosis(Cause.BAD_RELEASE, 0.9, version="2"), "a reason").cause is Cause.INSUFFICIENT_EVIDENCE

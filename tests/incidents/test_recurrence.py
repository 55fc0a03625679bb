"""A lasting fault is one incident: an alarm that shows nothing beyond the last one is no news, and
a fault that grew always is.
"""

from dataclasses import replace

import pytest

from modelmedic.steps.contracts.detection import ColumnShift, Performance, Problem, ProblemKind, Segment, SegmentFinding, Verdict
from modelmedic.steps.contracts.words import VerdictState
from modelmedic.steps.core.incidents.recurrence import news

LOSS = Performance("log_loss", 0.40, 0.50, 0.02, 1e-6, 2000, degraded=True, hold=0.8)
AGE = ColumnShift("age", "wasserstein/std", 0.30, 1e-9, 0.05, shifted=True)
KNOWN = Verdict(VerdictState.DEGRADED, 2000, 8000, shifts=(AGE,), performance=LOSS)


def test_the_same_fault_is_no_news() -> None:
    assert news(KNOWN, KNOWN) == ""


def test_a_smaller_fault_is_no_news() -> None:
    less = replace(KNOWN, shifts=(replace(AGE, effect=0.2),), performance=replace(LOSS, current=0.46))
    assert news(KNOWN, less) == ""


def test_a_loss_that_rose_within_noise_is_no_news() -> None:
    assert news(KNOWN, replace(KNOWN, performance=replace(LOSS, current=0.55))) == ""


def test_a_loss_that_rose_beyond_noise_is_news() -> None:
    assert "0.5 to 0.6" in news(KNOWN, replace(KNOWN, performance=replace(LOSS, current=0.60)))


def test_a_rise_that_is_sure_and_tiny_is_no_news() -> None:
    sure = replace(LOSS, standard_error=1e-4)
    assert news(replace(KNOWN, performance=sure), replace(KNOWN, performance=replace(sure, current=0.505))) == ""


def test_a_slow_rise_is_held_against_the_first_and_not_against_the_last() -> None:
    climbing = [replace(KNOWN, performance=replace(LOSS, current=0.50 + 0.02 * step)) for step in range(6)]
    assert [bool(news(KNOWN, each)) for each in climbing] == [False, False, False, False, True, True]


@pytest.mark.parametrize("before", [None, replace(LOSS, degraded=False)])
def test_a_loss_that_was_not_known_to_have_risen_is_news(before: Performance | None) -> None:
    assert "loss has risen" in news(replace(KNOWN, state=VerdictState.DRIFTED, performance=before), KNOWN)


def test_answers_that_let_go_of_the_labels_are_news_at_the_same_loss() -> None:
    assert "following the labels" in news(KNOWN, replace(KNOWN, performance=replace(LOSS, hold=0.1)))


def test_another_column_is_news() -> None:
    income = replace(AGE, column="income")
    assert "income" in news(KNOWN, replace(KNOWN, shifts=(income, AGE)))
    assert news(KNOWN, replace(KNOWN, shifts=(replace(income, acknowledged=True), AGE))) == ""


def test_a_column_that_moved_a_whole_threshold_further_is_news() -> None:
    assert news(KNOWN, replace(KNOWN, shifts=(replace(AGE, effect=0.34),))) == ""
    assert "age" in news(KNOWN, replace(KNOWN, shifts=(replace(AGE, effect=0.36),)))


def test_broken_data_is_always_news() -> None:
    problem = Problem(ProblemKind.NULL_JUMP, "age", "column age is 8% null, was 0%", 0.08)
    broken = replace(KNOWN, state=VerdictState.BROKEN, problems=(problem,))
    assert news(broken, broken)


IN_WEST = SegmentFinding(Segment("region", "west"), 300, shifts=(replace(AGE, column="income"),))
WEST = replace(KNOWN, segments=(IN_WEST,))


def test_a_column_that_moved_in_a_segment_is_news_once() -> None:
    assert "where region is west, income moved since" in news(KNOWN, WEST)
    assert news(WEST, WEST) == ""
    assert news(KNOWN, replace(KNOWN, segments=(replace(IN_WEST, shifts=(AGE,)),))) == ""


def test_a_loss_that_rose_in_a_segment_is_news_once() -> None:
    risen = replace(WEST, segments=(replace(IN_WEST, performance=LOSS),))
    assert "where region is west, the loss has risen" in news(WEST, risen)
    assert news(risen, risen) == ""

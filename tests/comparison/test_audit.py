"""The verdict on a release: turned, constant and broken in one segment are accused at the first
look, honest versions are not, and labels overrule strange answers.
"""

import numpy as np
import pytest

from modelmedic.steps.contracts.comparison import AnswerLikeness, LossBlock, VersionPair
from modelmedic.steps.contracts.detection import Segment
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.core.comparison.audit import audit, hopeless, outdone, won
from modelmedic.steps.core.comparison.blocks import daily, merged, outside, short, whole
from modelmedic.steps.core.comparison.likeness import likeness
from modelmedic.steps.core.comparison.segments import with_rows, worst_segment
from tests.comparison.test_rise import alike
from tests.data.log import DAY, START

RANDOM = np.random.default_rng(0)
ANSWERS = RANDOM.random(500)


def pair(served: np.ndarray | None = None, **given: object) -> VersionPair:
    seen = likeness(served, ANSWERS) if served is not None else None
    return VersionPair(**{"other": "1", "likeness": seen, **given})  # type: ignore[arg-type]


def test_a_version_that_loses_far_more_on_rows_from_before_is_accused() -> None:
    found = audit("2", pair(before=alike(1, 12, rise=1.5)))
    assert found is not None
    assert (found.instead, found.harm, found.slow) == ("1", "shown", False)
    assert "it may have learnt from those of before its release" in found.sentence


def test_an_honest_version_is_not_accused() -> None:
    for seed in range(30):
        assert audit("2", pair(ANSWERS + 0.05, before=alike(seed, 14, rise=-0.05), since=alike(seed + 50, 28, rise=0.05))) is None


@pytest.mark.parametrize(("answers", "word"), [(1 - ANSWERS, "the other way round"), (np.full(500, 0.2), "one answer")])
def test_answers_turned_round_or_constant_need_no_label(answers: np.ndarray, word: str) -> None:
    found = audit("2", pair(answers))
    assert found is not None
    assert word in found.sentence
    assert found.harm == "shown"


def test_one_answer_to_a_hundred_inputs_is_enough_and_to_fewer_is_not() -> None:
    constant = [VersionPair("1", likeness=likeness(np.full(rows, 0.2), ANSWERS[:rows])) for rows in (100, 99)]
    assert [audit("2", each) is not None for each in constant] == [True, False]


@pytest.mark.parametrize(("turned", "segment"), [({"B"}, Segment("c", "B")), ({"A", "B"}, None)])
def test_the_segment_is_named_that_holds_the_whole_rise(turned: set[str], segment: Segment | None) -> None:
    seconds, codes = np.arange(600) * 3600.0, np.array(["A", "B", "C"] * 200, dtype=object)
    other = RANDOM.random(600)
    served = np.where(np.isin(codes, list(turned)), other + 3, other)
    found = audit(
        "2", pair(since=daily(seconds, served, other), segments=with_rows((), {"c": codes}, seconds // 86_400 * 86_400, served, other))
    )
    assert found is not None
    assert found.segment == segment


def test_a_person_is_asked_about_answers_that_lean_the_other_way_and_labels_decide() -> None:
    """An honest version of a model that has drifted for months may answer so."""
    leaning = np.where(RANDOM.random(500) < 0.65, 1 - ANSWERS, ANSWERS)
    found = audit("2", pair(leaning))
    assert found is not None
    assert found.harm == "estimated"
    labelled = audit("2", pair(leaning, before=alike(1, 12, rise=0.08)))
    assert labelled is not None
    assert labelled.harm == "shown"
    assert audit("2", pair(leaning, before=alike(1, 12, rise=-0.3))) is None


def test_labels_that_prefer_the_turned_version_acquit_it() -> None:
    """It mends a version that was turned round itself."""
    assert audit("2", pair(1 - ANSWERS, before=alike(1, 12, rise=-0.6))) is None


def test_a_version_like_no_other_in_a_row_is_asked_about_only_with_a_past() -> None:
    far = np.where(RANDOM.random(500) < 0.6, ANSWERS, ANSWERS + 2)
    usual = AnswerLikeness(500, 0.95, 0.2, 0.01, 0.01)
    assert audit("2", pair(far)) is None
    found = audit("2", pair(far), past=[usual] * 3)
    assert found is not None
    assert found.harm == "estimated"


def test_few_rows_say_nothing() -> None:
    few = tuple(LossBlock(block.start, 5, block.served, block.other) for block in alike(1, 12, rise=3))
    assert audit("2", pair(before=few, likeness=likeness(1 - ANSWERS[:100], ANSWERS[:100]))) is None


def test_one_segment_turned_round_is_named() -> None:
    columns = {"carrier": np.array(["a"] * 20 + ["b"] * 80, dtype=object).repeat(14)}
    starts = np.tile(np.arange(14) * 86_400.0, 100)
    other = RANDOM.gamma(2, 0.2, 1400)
    served = np.where(columns["carrier"] == "a", other * 4, other * RANDOM.uniform(0.8, 1.2, 1400))
    sums: tuple = ()  # type: ignore[type-arg]
    for day in range(14):  # a look a day
        here = starts == day * 86_400
        sums = with_rows(sums, {"carrier": columns["carrier"][here]}, starts[here], served[here], other[here])
    found = worst_segment(sums, error=1e-3, far=0.5, margin=0.05)
    assert found is not None
    assert (found.segment, round(found.rise.value)) == (Segment("carrier", "a"), 3)
    at_once = worst_segment(with_rows((), columns, starts, served, other), error=1e-3, far=0.5, margin=0.05)
    assert at_once is not None
    assert at_once.rise == pytest.approx(found.rise) or at_once.rise.least == pytest.approx(found.rise.least)


def test_an_older_version_takes_its_place_back_only_when_days_show_it() -> None:
    better = pair(since=alike(3, 60, rise=0.5))
    found = outdone("2", [pair(since=alike(7, 60)), VersionPair("0", since=better.since)])
    assert found is not None
    assert (found.instead, found.slow) == ("0", True)
    assert outdone("2", [pair(since=alike(7, 60)), pair()]) is None


def test_a_challenger_in_the_dark_wins_is_hopeless_or_is_judged_on() -> None:
    better, worse, even = (VersionPair("7", since=alike(3, 40, rise=rise)) for rise in (0.4, -0.4, 0.0))
    found = won(better)
    assert found is not None
    assert found.version == "7"
    assert 0.1 < found.value < 0.5
    assert (won(worse), won(even)) == (None, None)
    assert [hopeless(pair) for pair in (better, worse, even)] == [False, True, False]


def test_blocks_add_up_and_leave_quarantine_and_unfinished_days_out() -> None:
    seconds = START.timestamp() + np.arange(0, 3 * 86_400, 3600.0)
    served, other = RANDOM.random(72), RANDOM.random(72)
    every = daily(seconds, served, other)
    halves = merged(daily(seconds[:30], served[:30], other[:30]), daily(seconds[30:], served[30:], other[30:]))
    assert [block.rows for block in every] == [24, 24, 24]
    for one, other_one in zip(every, halves, strict=True):
        assert (one.start, one.rows) == (other_one.start, other_one.rows)
        assert one.served == pytest.approx(other_one.served)
    assert [block.start for block in outside(every, [Window(START, START + DAY)])] == [START + DAY, START + 2 * DAY]
    assert len(whole(every, START + 2.5 * DAY)) == 2
    assert whole(every, None) == ()
    assert sum(block.rows for block in short(seconds, served, other)) == 72
    assert short(np.empty(0), np.empty(0), np.empty(0)) == ()

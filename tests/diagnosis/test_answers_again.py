"""The registered version asked again: a change of what answers that nobody recorded is a bad
release, inputs that were logged otherwise than they were asked are broken data, and a log that
never agreed says nothing.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.contracts.detection import Segment
from modelmedic.steps.contracts.diagnosis import Diagnosis
from modelmedic.steps.contracts.words import Cause, Task
from modelmedic.steps.core.diagnosis.answers_again import AnswersAgain, codes_of, judge_answers
from modelmedic.steps.core.tables.arrays import Floats

START = datetime(2026, 1, 1, tzinfo=UTC)
DRIFT = Diagnosis(Cause.CONCEPT_DRIFT, 0.9, ("x",), harm="shown", sentence="labels behave differently")
RANDOM = np.random.default_rng(7)
AGAIN = RANDOM.normal(10, 3, 200)
TRUTH = AGAIN + RANDOM.normal(0, 1, 200)
UNKNOWN = np.full(200, np.nan)
CODES = np.array(["A", "B", "C", "D"] * 50)


def beside(logged: Floats, again: Floats = AGAIN, target: Floats = TRUTH) -> AnswersAgain:
    return AnswersAgain(logged, again, target, tuple(START + timedelta(hours=i) for i in range(len(logged))), {"c": CODES[: len(logged)]})


BEFORE = beside(AGAIN.round(3))


def judged(now: AnswersAgain, found: Diagnosis = DRIFT, before: AnswersAgain = BEFORE) -> Diagnosis:
    return judge_answers(found, "7", Task.REGRESSION, before, now)


def test_answers_that_come_out_as_they_were_logged_change_nothing() -> None:
    assert judged(beside(AGAIN.round(3))) is DRIFT


def test_worse_answers_than_the_registered_version_gives_are_a_release_that_nobody_recorded() -> None:
    found = judged(beside(np.where(np.arange(200) < 80, AGAIN, 20 - AGAIN)))
    assert (found.cause, found.version, found.instead, found.segment) == (Cause.BAD_RELEASE, "7", "7", None)
    assert found.onset == START + timedelta(hours=80)
    assert found.runners_up[0].cause is Cause.CONCEPT_DRIFT
    assert found.sentence.startswith("asked again, version 7 gives other answers to 60% of 200 rows than the log holds")


def test_the_segment_is_named_in_which_other_answers_were_given() -> None:
    assert judged(beside(np.where(CODES == "B", 20 - AGAIN, AGAIN))).segment == Segment("c", "B")


def test_better_answers_than_the_registered_version_gives_were_asked_otherwise_than_is_logged() -> None:
    assert judged(beside(TRUTH)).cause is Cause.DATA_QUALITY


def test_other_answers_that_seem_to_lose_more_are_put_before_a_person() -> None:
    calm = Diagnosis(Cause.COVARIATE_SHIFT, 0.9, ("x",), harm="none", sentence="x moved")
    found = judged(beside(np.where(CODES == "B", AGAIN + 0.7, AGAIN)), calm)
    assert (found.cause, found.harm, found.version) == (Cause.BAD_RELEASE, "estimated", "7")


def test_the_logged_answers_acquit_a_release_that_no_record_names() -> None:
    blamed = Diagnosis(Cause.BAD_RELEASE, 0.92, harm="shown", sentence="the same inputs get other answers")
    found = judged(beside(AGAIN.round(3)), blamed)
    assert found.cause is Cause.INSUFFICIENT_EVIDENCE
    assert "nothing else answers" in found.evidence[0].sentence


def test_without_earlier_rows_the_answers_that_agree_are_the_witness() -> None:
    few = beside(AGAIN[:20], AGAIN[:20], TRUTH[:20])
    assert judged(beside(np.where(np.arange(200) < 80, AGAIN, 20 - AGAIN)), before=few).cause is Cause.BAD_RELEASE


def test_without_labels_nothing_is_learnt_from_answers_of_an_unknown_maker() -> None:
    found = judged(beside(20 - AGAIN, target=UNKNOWN))
    assert (found.cause, found.version) == (Cause.INSUFFICIENT_EVIDENCE, None)


@pytest.mark.parametrize("before", [beside(20 - AGAIN), beside(AGAIN[:20], AGAIN[:20], TRUTH[:20])], ids=["never agreed", "few"])
def test_a_log_that_never_agreed_says_nothing(before: AnswersAgain) -> None:
    assert judged(beside(20 - AGAIN), before=before) is DRIFT


def test_broken_data_stays_broken_data() -> None:
    broken = Diagnosis(Cause.DATA_QUALITY, 0.9, ("x",), sentence="x is null")
    assert judged(beside(20 - AGAIN), broken).cause is Cause.DATA_QUALITY


def test_codes_are_texts_of_columns_with_few_values() -> None:
    rows = pa.table({"c": ["a", None] * 40, "weekday": [1.0, 2.0] * 40, "x": np.arange(80.0)})
    assert {name: set(values) for name, values in codes_of(rows, ("c", "weekday", "x", "gone")).items()} == {
        "c": {"a", "None"},
        "weekday": {"1", "2"},
    }

"""A wait ends with the first true answer, with an error, or with its time."""

import pytest

from modelmedic.steps.adapters.polling import wait_until


def test_the_first_true_answer_ends_the_wait() -> None:
    answers, slept = iter([0, 0, 7, 8]), list[float]()
    assert wait_until(lambda: next(answers), seconds=60, pause=0.5, sleep=slept.append) == 7
    assert slept == [0.5, 0.5]


def test_the_last_answer_is_given_when_the_time_is_over() -> None:
    assert wait_until(lambda: "", seconds=0, pause=9) == ""


def test_an_error_ends_the_wait() -> None:
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 / 0, seconds=60, pause=9)

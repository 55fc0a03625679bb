"""Labels that a model wrote itself are not learnt from."""

import numpy as np

from modelmedic.steps.contracts.words import Task
from modelmedic.steps.core.training.feedback import feedback_reason


def test_thresholded_answers_as_labels_are_found() -> None:
    p = np.random.default_rng(1).random(1000)
    assert "threshold" in feedback_reason(Task.BINARY, (p > 0.37).astype(float), p)


def test_answers_themselves_as_labels_are_found() -> None:
    rng = np.random.default_rng(2)
    p = rng.normal(size=1000)
    y = np.where(rng.random(1000) < 0.7, p, p + rng.normal(size=1000))
    assert "served prediction itself" in feedback_reason(Task.REGRESSION, y, p)


def test_labels_of_the_world_are_none_of_ours() -> None:
    rng = np.random.default_rng(3)
    p = rng.random(1000)
    assert not feedback_reason(Task.BINARY, (rng.random(1000) < p).astype(float), p)
    assert not feedback_reason(Task.REGRESSION, p + rng.normal(size=1000), p)
    assert not feedback_reason(Task.BINARY, np.zeros(1000), p)

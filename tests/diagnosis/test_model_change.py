"""A segment in which the answers changed lies among the other rows; a stretch of time is none."""

import numpy as np

from modelmedic.steps.core.diagnosis.model_change import comes_and_goes


def test_rows_of_one_stretch_are_a_span_of_time() -> None:
    assert not comes_and_goes(np.arange(100) > 60)
    assert not comes_and_goes((np.arange(100) > 30) & (np.arange(100) < 60))
    assert comes_and_goes(np.arange(100) % 7 == 0)

"""What rows in doubt are worth: the losses of models taught with and without them, and of the one
that serves, on the same newest rows.
"""

import numpy as np
import pytest

from modelmedic.steps.core.comparison.ablation import ablation

SECONDS = 1.7e9 + 3600.0 * np.arange(400)


def losses(mean: float, seed: int = 0) -> np.ndarray:
    return mean * np.exp(0.1 * np.random.default_rng(seed).normal(size=400))


def test_the_losses_are_told_in_one_sentence_with_what_chance_may_do() -> None:
    found = ablation(SECONDS, np.full(400, 0.31), np.full(400, 0.42), np.full(400, 0.55), doubtful=900)
    assert found is not None
    assert found.sentence == (
        "taught with the 900 doubtful rows a model loses 0.31 on the newest 400 labels, without them 0.42, the one that serves 0.55; "
        "without them a model loses at least 35% more on a typical one of 18 stretches"
    )
    assert found.with_them


def test_the_blocks_are_alike_and_hold_every_row_of_each_model() -> None:
    each = [losses(0.3, 1), losses(0.4, 2), losses(0.5, 3)]
    found = ablation(SECONDS, *each, doubtful=1)
    assert found is not None
    rows = np.array([block.rows for block in found.blocks])
    assert (rows.sum(), np.ptp(rows) <= 1, found.rows) == (400, True, 400)
    for name, own in zip(("taught_with", "taught_without", "champion"), each, strict=True):
        assert np.average([getattr(block, name) for block in found.blocks], weights=rows) == pytest.approx(own.mean())
        assert getattr(found, name) == pytest.approx(own.mean())
    assert [block.start for block in found.blocks] == sorted(block.start for block in found.blocks)


def test_rows_that_are_broken_are_worse_with_them_than_without() -> None:
    found = ablation(SECONDS, losses(0.6), losses(0.4), losses(0.4), doubtful=9)
    assert found is not None
    assert not found.with_them
    assert "; with them a model loses at least" in found.sentence


def test_a_difference_that_chance_may_have_made_is_called_so() -> None:
    first = losses(0.4, 1)
    found = ablation(SECONDS, first, losses(0.4, 2), None, doubtful=9)
    assert found is not None
    assert found.sentence.endswith("on 18 stretches chance may have made the difference between the two")
    assert found.champion is None
    assert "the one that serves" not in found.sentence


def test_a_training_that_left_no_model_leaves_the_others() -> None:
    found = ablation(SECONDS, None, losses(0.4), losses(0.5), doubtful=900)
    assert found is not None
    assert not found.with_them
    assert found.sentence.startswith("taught without the 900 doubtful rows a model loses 0.4")
    assert ablation(SECONDS, None, None, losses(0.5), doubtful=9) is None


def test_a_row_that_one_model_cannot_answer_is_asked_of_none() -> None:
    silent = losses(0.5)
    silent[:40] = np.nan
    found = ablation(SECONDS, np.full(400, 0.3), np.full(400, 0.4), silent, doubtful=9)
    assert found is not None
    assert found.rows == 360
    assert ablation(SECONDS, np.full(400, np.nan), np.full(400, 0.4), None, doubtful=9) is None

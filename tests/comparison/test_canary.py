"""A canary as a model: one that loses clearly more is found, one that is as good is hardly ever
called worse however often it is looked at, and what is not known is not judged.
"""

from dataclasses import replace

import numpy as np
import pytest

from modelmedic.steps.contracts.comparison import AnswerLikeness, LossBlock
from modelmedic.steps.core.comparison.blocks import in_order
from modelmedic.steps.core.comparison.canary import ERROR, ROWS_OF_BLOCK, CanaryAsModel, beside, judge_model, losses_of
from modelmedic.steps.core.rollout.canary_judgement import Judgement

ALIKE = AnswerLikeness(rows=200, correlation=0.95, distance=0.2, served_same=0.05, other_same=0.05)
UNKNOWN = CanaryAsModel("1", dark=ALIKE)


def trial(rise: float, rows: int, seed: int) -> tuple[LossBlock, ...]:
    """Squared errors of two models whose errors are alike but for a factor and their own noise."""
    random = np.random.default_rng(seed)
    shared = random.normal(size=rows)
    champion = (shared + 0.3 * random.normal(size=rows)) ** 2
    canary = (1 + rise) * (shared + 0.3 * random.normal(size=rows)) ** 2
    return in_order(np.arange(rows, dtype=np.float64), canary, champion, ROWS_OF_BLOCK)


def withdrawn(blocks: tuple[LossBlock, ...]) -> bool:
    """Whether it was taken back at any of the looks, one after each block."""
    looks = (replace(UNKNOWN, losses=losses_of(blocks[: count + 1])) for count in range(len(blocks)))
    return any(judge_model(seen, 50, 1).verdict == "withdraw" for seen in looks)


def test_a_canary_that_is_as_good_is_hardly_ever_called_worse() -> None:
    assert sum(withdrawn(trial(0.0, 200, seed)) for seed in range(200)) <= 200 * ERROR


@pytest.mark.parametrize(("rise", "rows", "power"), [(2.0, 60, 0.5), (1.0, 150, 0.8)])
def test_a_canary_that_is_far_worse_is_found(rise: float, rows: int, power: float) -> None:
    assert np.mean([withdrawn(trial(rise, rows, seed)) for seed in range(40)]) >= power


def test_a_small_rise_is_let_through_whatever_is_known() -> None:
    blocks = tuple(LossBlock(block.start, block.rows, 1.08, 1.0) for block in trial(0.0, 5000, 1))
    assert judge_model(replace(UNKNOWN, losses=losses_of(blocks)), 50, 1).verdict == "pass"


def test_what_is_not_known_is_not_judged() -> None:
    judged = judge_model(CanaryAsModel("1"), 50, 1)
    assert judged.verdict == "pass"
    assert "its losses are not judged" in judged.sentence
    assert "its answers are not compared" in judged.sentence
    assert losses_of(()) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"correlation": -0.8}, "orders them the other way round"),
        ({"served_same": 1.0}, "gives one answer to 100% of them"),
    ],
)
def test_answers_unlike_those_of_validation_are_strange(change: dict[str, float], why: str) -> None:
    live = replace(ALIKE, **change)
    judged = judge_model(replace(UNKNOWN, live=live), 20, 2)
    assert (judged.verdict, why in judged.sentence) == ("withdraw", True)
    assert judge_model(replace(UNKNOWN, live=live, dark=live), 20, 2).verdict == "pass"
    assert judge_model(replace(UNKNOWN, live=replace(live, rows=30)), 20, 2).verdict == "pass"
    assert judge_model(replace(UNKNOWN, live=replace(live, other_same=0.9)), 20, 2).verdict == "pass"


def test_a_canary_is_not_taken_back_for_being_far_from_a_champion_that_is_off() -> None:
    assert judge_model(replace(UNKNOWN, live=replace(ALIKE, distance=15.0)), 20, 2).verdict == "pass"
    better = losses_of(trial(-0.3, 100, 1))
    assert judge_model(replace(UNKNOWN, losses=better, live=replace(ALIKE, correlation=-0.8)), 20, 2).verdict == "pass"


def test_either_judgement_withdraws_and_the_servers_holds() -> None:
    good, bad, hold = (Judgement(verdict, verdict) for verdict in ("pass", "withdraw", "hold"))  # type: ignore[arg-type]
    assert beside(bad, good) == bad
    assert beside(good, bad) == bad
    assert beside(hold, good) == Judgement("hold", "hold; pass")

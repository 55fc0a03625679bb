"""The fairness gate: a veto only where a difference between groups is shown to be more than allowed
and more than the champion's.
"""

from typing import Any

import numpy as np
import pytest

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import Gate
from modelmedic.steps.contracts.words import Remedy
from modelmedic.steps.core.validation.fairness import GroupedAnswers, fairness_gates
from modelmedic.steps.core.validation.gates import ScoredRows, comparison_gates
from tests.worlds.training import policy


def _rules(limit: float = 0.1, **fairness: Any) -> Policy:
    return policy(validate={"minLabels": 200, "fairness": {"columns": ["plan"], "maxDifference": limit, **fairness}})


def _asked(n: int = 6000, *, seed: int = 1, challenger: float = 0.0, champion: float = 0.0, of_ones: bool = False) -> GroupedAnswers:
    """Three plans that are alike but for what a model's logit adds for `pro`; with `of_ones`, only
    where the label is 1.
    """
    rng = np.random.default_rng(seed)
    z, plan = rng.normal(0, 1.5, n), rng.choice(np.array(["free", "plus", "pro"], dtype=object), n)
    y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    pro = (plan == "pro") & ((y > 0.5) | (not of_ones))
    first, second = (1 / (1 + np.exp(-(z + added * pro + 0.3 * rng.normal(size=n)))) for added in (challenger, champion))
    return GroupedAnswers(y, first, second, np.arange(n) * 20 // n, {"plan": plan})


def _gate(asked: GroupedAnswers, rules: Policy | None = None) -> Gate:
    (gate,) = fairness_gates(rules or _rules(), asked)
    return gate


def test_groups_that_are_treated_alike_pass() -> None:
    assert _gate(_asked()).passed


def test_challenger_that_tells_groups_apart_more_than_allowed_and_than_its_champion_fails() -> None:
    gate = _gate(_asked(challenger=2.0))
    assert not gate.passed
    assert (gate.name, gate.threshold) == ("fairness:plan", 0.1)
    assert (gate.low or 0) > 0.1
    assert "plan pro" in gate.sentence


def test_difference_that_the_champion_has_as_well_is_no_veto() -> None:
    gate = _gate(_asked(challenger=2.0, champion=2.0))
    assert gate.passed
    assert "not shown to be more than the champion's" in gate.sentence


def test_challenger_that_is_fairer_than_an_unfair_champion_passes() -> None:
    assert _gate(_asked(challenger=1.0, champion=2.5), _rules(0.05)).passed


def test_difference_within_the_limit_passes_though_the_champion_has_none() -> None:
    assert _gate(_asked(challenger=0.5), _rules(0.3)).passed


def test_difference_among_rows_of_one_label_is_seen() -> None:
    gate = _gate(_asked(20_000, challenger=-1.5, of_ones=True), _rules(0.15))
    assert not gate.passed
    assert "true positives" in gate.sentence


def test_difference_that_few_rows_cannot_show_is_no_veto() -> None:
    gate = _gate(_asked(360, challenger=0.8))
    assert gate.passed
    assert (gate.value or 0) > 0.1


def test_groups_with_too_few_rows_are_not_judged() -> None:
    gate = _gate(_asked(270, challenger=3.0))
    assert gate.passed
    assert gate.sentence.startswith("not judged: no two groups of plan have the 100 labelled rows")


def test_rate_of_one_among_few_rows_is_not_believed_by_its_missing_spread() -> None:
    plan = np.array(["a"] * 110 + ["b"] * 4000, dtype=object)
    target, before = np.zeros(4110), np.full(4110, 0.4)
    challenger = np.where(plan == "a", 0.4, np.where(np.arange(4110) % 20 == 0, 0.6, 0.4))  # no yes in `a`, 5 % in `b`
    asked = GroupedAnswers(target, challenger, before, np.arange(4110) % 20, {"plan": plan})
    assert _gate(asked, _rules(0.01)).passed


def test_groups_that_mean_nothing_are_told_apart_in_few_of_sixty() -> None:
    """The limit is 0 and the two models differ, so that only the intervals keep it from a veto."""
    vetoed = 0
    for seed in range(60):
        asked = _asked(3000, seed=seed)
        codes = np.random.default_rng(seed).choice(np.array([f"c{code}" for code in range(5)], dtype=object), 3000)
        vetoed += not _gate(
            GroupedAnswers(asked.target, asked.challenger, asked.champion, asked.blocks, {"plan": codes}), _rules(0.0)
        ).passed
    assert vetoed < 4


@pytest.mark.parametrize(("threshold", "passes"), [(0.5, True), (0.05, False)])
def test_threshold_says_from_where_on_an_answer_is_a_yes(threshold: float, passes: bool) -> None:
    plan = np.array(["a", "b"] * 2000, dtype=object)
    challenger = np.where(plan == "a", 0.04, 0.1)
    asked = GroupedAnswers(np.zeros(4000), challenger, np.full(4000, 0.04), np.arange(4000) // 200, {"plan": plan})
    assert _gate(asked, _rules(threshold=threshold)).passed is passes


def test_gate_stands_beside_the_others_and_only_where_columns_are_named() -> None:
    asked = _asked(challenger=2.0)
    rows = ScoredRows(asked.target, asked.challenger, asked.champion, asked.blocks, asked.columns)
    named, unnamed = (
        {gate.name for gate in comparison_gates(rules, Remedy.RETRAIN, rows) if gate.name.startswith("fairness")}
        for rules in (_rules(), policy())
    )
    assert (named, unnamed) == ({"fairness:plan"}, set())

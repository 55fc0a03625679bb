"""The gates of a challenger: it is shown to be better on rows that neither model learnt from, in
every slice, and no column knows the label.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.training import Gate
from modelmedic.steps.contracts.words import Cause, Remedy
from modelmedic.steps.core.validation.fitness import Fitness, fitness_gates
from modelmedic.steps.core.validation.gates import (
    ScoredRows,
    comparison_gates,
    first_gates,
    metric_of,
    newer_rows,
    old_regime_gate,
    twin_gate,
    undecided,
)
from tests.worlds.training import policy

CAUTIOUS, EAGER = (policy(retrain={"minRows": 500, "risk": risk}) for risk in ("cautious", "eager"))
INPUTS = (("age", "double"), ("spend", "double"), ("plan", "string"))


def _world(n: int, seed: int, champion: float, challenger: float) -> ScoredRows:
    """Labels from a logit; each model sees it through noise of the given size."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.5, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    first, second = (1 / (1 + np.exp(-(z + noise * rng.normal(size=n)))) for noise in (champion, challenger))
    columns = {"age": rng.normal(40, 10, n), "spend": rng.gamma(2, 50, n), "plan": rng.choice(["free", "plus", "pro"], n).astype(object)}
    return ScoredRows(y, second, first, np.arange(n) * 20 // n, columns)


def _gates(rows: ScoredRows, rules: Policy | None = None, remedy: Remedy = Remedy.RETRAIN) -> Mapping[str, Gate]:
    return {gate.name: gate for gate in comparison_gates(rules or policy(), remedy, rows)}


def _passed(rows: ScoredRows, rules: Policy | None = None) -> bool:
    return all(gate.passed for gate in _gates(rows, rules).values())


def test_better_challenger_passes_every_gate() -> None:
    assert _passed(_world(4000, 1, champion=2.0, challenger=0.5))


def test_challenger_as_good_as_the_champion_is_promoted_in_under_five_of_a_hundred() -> None:
    """Under `cautious`; under `balanced` the sign of the gain decides, which is right in half."""
    worlds = [_world(1500, seed, champion=1.0, challenger=1.0) for seed in range(120)]
    assert sum(_passed(rows, CAUTIOUS) for rows in worlds) / 120 < 0.05
    assert 0.35 < sum(_passed(rows) for rows in worlds) / 120 < 0.65


def test_worse_challenger_never_passes_unless_people_are_eager() -> None:
    worlds = [_world(1500, seed, champion=0.5, challenger=1.0) for seed in range(25)]
    assert not any(_passed(rows) for rows in worlds)
    assert not any(_passed(rows, CAUTIOUS) for rows in worlds)


@pytest.mark.parametrize(("rules", "kept"), [(CAUTIOUS, True), (policy(), False), (EAGER, False)])
def test_small_gain_on_few_rows_keeps_the_champion_only_under_cautious(rules: Policy, kept: bool) -> None:
    rows = _world(300, 6, champion=1.0, challenger=0.9)
    gates = _gates(rows, rules)
    assert gates["no_worse"].value > 0
    assert (gates["no_worse"].low or 0) < 0
    assert gates["no_worse"].passed is not kept
    assert undecided(tuple(gates.values())) is kept


def test_small_loss_on_few_rows_is_rejected_under_balanced_and_not_under_eager() -> None:
    rows = _world(300, 7, champion=0.9, challenger=1.0)
    assert (_gates(rows)["no_worse"].value or 0) < 0 < (_gates(rows)["no_worse"].high or 0)
    assert not _passed(rows)
    assert _passed(rows, EAGER)


def test_expected_gain_outweighs_rows_that_say_next_to_nothing_and_not_those_that_say_much() -> None:
    """Both challengers rank a little worse; a few hundred rows cannot tell, many can."""
    few, many = (_world(n, 7, champion=0.95, challenger=1.0) for n in (220, 40_000))
    (unsure, sure) = ({gate.name: gate for gate in comparison_gates(policy(), Remedy.RETRAIN, rows, expected=True)} for rows in (few, many))
    assert (unsure["worth_it"].value or 0) < 0
    assert unsure["worth_it"].passed
    assert not sure["worth_it"].passed


def test_newest_rows_that_a_twin_lacks_are_added_to_its_gain() -> None:
    rows = _world(2000, 4, champion=0.9, challenger=1.0)
    assert not _passed(rows)
    assert _passed(replace(rows, newer=0.5))


def test_worth_of_newer_rows_follows_the_measured_ageing_as_far_as_it_is_sure() -> None:
    assert newer_rows(10, None, None) == pytest.approx(0.02)
    assert newer_rows(10, 0.01, 1e-6) == pytest.approx(0.1)
    assert newer_rows(10, 0.01, 1.0) == pytest.approx(0.02, abs=1e-3)
    assert newer_rows(10, -0.05, 1e-6) == 0.0


def test_version_that_serves_answers_its_own_rows_no_worse_than_its_twin() -> None:
    rows = _world(2000, 1, champion=1.0, challenger=0.8)
    assert twin_gate(policy(), rows, rows.challenger).passed
    assert twin_gate(policy(), rows, 0.7 * rows.challenger + 0.3 * rows.target).passed  # it has learnt these labels
    for foreign in (1 - rows.challenger, np.full(2000, 0.5), np.full(2000, np.nan)):
        assert not twin_gate(policy(), rows, foreign).passed


def test_many_small_slices_are_no_veto_by_noise() -> None:
    failed = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        rows = _world(6000, seed, champion=1.0, challenger=0.9)
        codes = np.array([f"c{code}" for code in rng.integers(0, 40, 6000)], dtype=object)
        failed += not _gates(replace(rows, columns={**rows.columns, "plan": codes}))["slice:plan"].passed
    assert failed == 0


def test_margin_lets_an_equal_pass_and_a_least_gain_holds_it_back() -> None:
    rows = _world(20_000, 5, champion=1.0, challenger=1.0)
    lenient = _gates(rows, policy(validate={"margin": 0.03, "minGain": 0.01}))
    assert lenient["no_worse"].passed
    assert not lenient["worth_it"].passed


def test_same_model_is_no_gain() -> None:
    rows = _world(2000, 6, 1.0, 1.0)
    gates = _gates(replace(rows, champion=rows.challenger))
    assert gates["no_worse"].passed
    assert not gates["worth_it"].passed


def test_too_few_labels_fail_the_label_gate() -> None:
    gates = _gates(_world(150, 1, champion=3.0, challenger=0.1))
    assert list(gates) == ["labels"]
    assert not gates["labels"].passed


def test_labels_of_one_class_fail_the_label_gate() -> None:
    rows = _world(1000, 1, 2.0, 0.5)
    assert not _gates(replace(rows, target=np.ones(1000)))["labels"].passed


def test_better_everywhere_on_the_whole_and_worse_in_a_slice_is_rejected() -> None:
    """Simpson's paradox: between the plans the challenger ranks better, within plan pro it has lost
    its order.
    """
    rng = np.random.default_rng(11)
    n = 6000
    plan = rng.choice(["free", "plus", "pro"], n, p=[0.4, 0.3, 0.3]).astype(object)
    z = rng.normal(size=n) + np.where(plan == "pro", 2.0, np.where(plan == "plus", -2.0, 0.0))
    y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    level = np.where(plan == "pro", 2.0, np.where(plan == "plus", -2.0, 0.0))
    champion = z - level + 0.3 * rng.normal(size=n)  # knows the rows, not the plans
    challenger = np.where(plan == "pro", level + rng.normal(size=n), z)  # knows the plans, not the rows of pro
    columns = {"age": rng.normal(size=n), "spend": rng.normal(size=n), "plan": plan}
    rows = ScoredRows(y, 1 / (1 + np.exp(-challenger)), 1 / (1 + np.exp(-champion)), np.arange(n) * 20 // n, columns)
    gates = _gates(rows)
    assert gates["no_worse"].passed
    assert gates["worth_it"].passed
    assert not gates["slice:plan"].passed
    assert "plan pro" in gates["slice:plan"].sentence


def test_slices_of_a_good_challenger_do_not_fail_by_noise() -> None:
    failed = sum(not _gates(_world(2000, seed, champion=1.5, challenger=0.8))["slice:plan"].passed for seed in range(60))
    assert failed <= 1


def test_slice_that_is_too_small_is_not_judged_and_says_so() -> None:
    rows = _world(2000, 1, 2.0, 0.5)
    plan = np.where(np.arange(2000) < 50, "rare", rows.columns["plan"]).astype(object)
    sentence = _gates(replace(rows, columns={**rows.columns, "plan": plan}))["slice:plan"].sentence
    assert "1 smaller slices are not judged" in sentence


@pytest.mark.parametrize("kind", ["number", "code"])
def test_column_that_knows_the_label_is_found(kind: str) -> None:
    rows = _world(2000, 1, 2.0, 0.5)
    leak: Any = (
        rows.target * 100 + np.random.default_rng(1).random(2000)
        if kind == "number"
        else np.where(rows.target > 0, "won", "lost").astype(object)
    )
    gate = _gates(replace(rows, columns={**rows.columns, "spend": leak}))["leakage"]
    assert not gate.passed
    assert "spend" in gate.sentence


@pytest.mark.parametrize("codes", [1, 3, 400, 2000])
def test_codes_without_a_message_are_no_leak_however_many(codes: int) -> None:
    rng = np.random.default_rng(2)
    rows = _world(2000, 1, 2.0, 0.5)
    plan = np.array([f"c{code}" for code in rng.integers(0, codes, 2000)], dtype=object)
    assert _gates(replace(rows, columns={**rows.columns, "plan": plan}))["leakage"].passed


def test_all_but_perfect_challenger_is_suspected() -> None:
    rows = _world(2000, 1, 2.0, 0.5)
    gate = _gates(replace(rows, challenger=rows.target * 0.9 + 0.05 * np.random.default_rng(1).random(2000)))["leakage"]
    assert not gate.passed
    assert "all but perfect" in gate.sentence


def test_recalibrated_model_is_judged_by_its_loss_and_keeps_the_ranking() -> None:
    rows = _world(4000, 1, 0.3, 0.3)
    assert rows.champion is not None
    shifted = replace(rows, champion=1 / (1 + np.exp(-(np.log(rows.champion / (1 - rows.champion)) + 1.0))), challenger=rows.champion)
    gates = _gates(shifted, remedy=Remedy.RECALIBRATE)
    assert metric_of(policy(), Remedy.RECALIBRATE) == "log_loss"
    assert gates["ranking"].value == 0.0
    assert all(gate.passed for gate in gates.values())


def test_old_regime_is_asked_unless_the_concept_changed_or_the_world_moved_on() -> None:
    forgot = _world(3000, 1, champion=0.3, challenger=4.0)
    assert not old_regime_gate(CAUTIOUS, Remedy.RETRAIN, forgot, Cause.COVARIATE_SHIFT).passed
    assert old_regime_gate(policy(), Remedy.RETRAIN, forgot, Cause.AGEING).passed  # the world moved on
    assert not old_regime_gate(policy(), Remedy.RETRAIN, forgot, Cause.NONE).passed
    told = old_regime_gate(policy(), Remedy.RETRAIN, forgot, Cause.CONCEPT_DRIFT)
    assert told.passed
    assert "reported only" in told.sentence
    assert not old_regime_gate(policy(), Remedy.RETRAIN, forgot, Cause.CONCEPT_DRIFT, "plan pro").passed


def test_an_old_regime_without_rows_says_so_and_no_numbers() -> None:
    rows = _world(1000, 1, champion=0.3, challenger=0.3)
    told = old_regime_gate(policy(), Remedy.RETRAIN, rows.only(np.zeros(1000, dtype=bool)), Cause.CONCEPT_DRIFT)
    assert told.passed
    assert told.sentence == "none of the champion's reference rows lies within retrain.history, so nothing is compared on them"


def test_first_champion_has_to_beat_the_mean() -> None:
    rows = replace(_world(2000, 1, 0.5, 0.5), champion=None)
    good = {gate.name: gate.passed for gate in first_gates(policy(), rows, np.full(2000, 0.5))}
    assert good == {"labels": True, "better_than_trivial": True, "leakage": True}
    blind = replace(rows, challenger=np.random.default_rng(1).random(2000))
    assert not {gate.name: gate.passed for gate in first_gates(policy(), blind, np.full(2000, 0.5))}["better_than_trivial"]


def test_model_that_does_not_load_is_asked_nothing_else() -> None:
    gates = fitness_gates(policy(), Fitness(fault="model folder x is pickled"))
    assert [(gate.name, gate.passed) for gate in gates] == [("loads", False)]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ((), "no signature"),
        ((*INPUTS, ("left", "double")), "asks for left"),
        ((("age", "string"), ("plan", "string")), "takes age as another kind"),
    ],
)
def test_signature_that_does_not_fit_the_policy_fails(inputs: tuple[tuple[str, str], ...], words: str) -> None:
    gates = {gate.name: gate for gate in fitness_gates(policy(), Fitness(inputs=inputs, latency_p95_ms=3.0, requests=10))}
    assert not gates["signature"].passed
    assert words in gates["signature"].sentence


def test_slow_model_fails_its_latency_gate() -> None:
    slow = {gate.name: gate for gate in fitness_gates(policy(), Fitness(inputs=INPUTS, latency_p95_ms=250.0, requests=10))}
    assert slow["signature"].passed
    assert not slow["latency"].passed


def test_model_that_outgrows_the_predictor_is_vetoed_in_one_sentence() -> None:
    fits = Fitness(inputs=INPUTS, latency_p95_ms=3.0, requests=10, memory=300 << 20, size=50 << 20)
    for seen, passed in ((fits, True), (replace(fits, memory=950 << 20), False), (replace(fits, size=2 << 30), False)):
        gate = next(gate for gate in fitness_gates(policy(), seen) if gate.name == "memory")
        assert gate.passed is passed
    (gate,) = (gate for gate in fitness_gates(policy(), replace(fits, memory=950 << 20)) if gate.name == "memory")
    assert gate.sentence == (
        "loading it (50 MiB on disk) and answering a batch took 950 MiB, a server 128 MiB more; serving.memory gives the predictor 1Gi"
    )

"""The loss that answers let expect before their labels are known; and when it is too high."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelmedic.steps.contracts.detection import ExpectedLoss, Roles
from modelmedic.steps.contracts.diagnosis import Release
from modelmedic.steps.contracts.keys import expected_losses_key
from modelmedic.steps.contracts.words import Task, VerdictState
from modelmedic.steps.core.detection.expected_loss import LEAST_WINDOWS, expected_loss, highest_usual, loss_curve
from modelmedic.steps.core.profiles.layout_choice import choose_layout
from modelmedic.steps.core.profiles.profiler import profile_table
from modelmedic.steps.core.tables.row_loss import row_loss
from modelmedic.steps.detection.expected_loss import PastRises, WindowRise
from modelmedic.steps.detection.monitor import monitor
from modelmedic.steps.records.documents import put, read
from modelmedic.steps.reporting.sections import drift_sentence
from tests.data.log import DAY, START, policy
from tests.worlds.detection import MonitoredSite, monitored_site

BINARY = Roles(task=Task.BINARY, target="y", prediction="p", features=("x",))
NUMBER = Roles(task=Task.REGRESSION, target="y", prediction="p", features=("x",))


def told(x: np.ndarray, seed: int, wrong: float = 0.0) -> pa.Table:
    """Answers that are too sure by `wrong`, and labels that come as the true chances say."""
    chance = 1 / (1 + np.exp(-x))
    answer = 1 / (1 + np.exp(-(1 + wrong) * x))
    return pa.table({"x": x, "p": answer, "y": (np.random.default_rng(seed).random(len(x)) < chance).astype(float)})


def scattered(least: float, seed: int) -> pa.Table:
    """Labels that scatter more round larger answers; those of answers from `least` on."""
    random = np.random.default_rng(seed)
    answer = np.sort(random.uniform(0, 4, 4000))
    found = pa.table({"x": answer, "p": answer, "y": answer + random.normal(size=4000) * answer})
    return found.slice(int(np.searchsorted(answer, least)))


def of(reference: pa.Table, window: pa.Table, roles: Roles, labelled: pa.Table | None = None) -> ExpectedLoss | None:
    layout = choose_layout(reference, roles)
    curve = loss_curve(reference, layout)
    assert curve is not None
    apart = (profile_table(layout, window), profile_table(layout, labelled)) if labelled is not None else None
    return expected_loss(profile_table(layout, reference), profile_table(layout, window.drop_columns(["y"])), curve, apart)


@pytest.mark.parametrize("wrong", [0.0, 0.5])
def test_the_loss_of_inputs_that_moved_is_told_without_their_labels(wrong: float) -> None:
    random = np.random.default_rng(1)
    reference, window = told(random.normal(0, 3, 6000), 2, wrong), told(random.normal(0, 1, 6000), 3, wrong)
    found = of(reference, window, BINARY)
    realised = row_loss(Task.BINARY, window["y"].to_numpy(), window["p"].to_numpy()).mean()
    assert found is not None
    assert found.value > 1.3 * found.reference
    assert found.value == pytest.approx(realised, rel=0.05)


def test_the_loss_of_a_regression_is_that_of_its_answers_range() -> None:
    window = scattered(2.0, 2)
    found = of(scattered(0.0, 1), window, NUMBER)
    realised = row_loss(Task.REGRESSION, window["y"].to_numpy(), window["p"].to_numpy()).mean()
    assert found is not None
    assert found.value == pytest.approx(realised, rel=0.1)
    assert found.value > 1.5 * found.reference


def test_a_law_that_turned_is_not_seen_by_it() -> None:
    reference = told(np.random.default_rng(1).normal(0, 2, 6000), 2)
    turned = reference.set_column(2, "y", pa.array(1 - reference["y"].to_numpy()))
    found = of(reference, turned, BINARY)
    assert found is not None
    assert found.rise == pytest.approx(0, abs=1e-9)


def test_labels_that_are_known_count_as_they_are_and_the_rest_is_estimated() -> None:
    reference = told(np.random.default_rng(1).normal(0, 2, 6000), 2)
    half = reference.slice(0, 3000)
    turned = half.set_column(2, "y", pa.array(1 - half["y"].to_numpy()))
    found = of(reference, reference, BINARY, turned)
    assert found is not None
    wrong, rest = (row_loss(Task.BINARY, each["y"].to_numpy(), each["p"].to_numpy()).mean() for each in (turned, reference))
    assert found.labelled == pytest.approx(0.5)
    assert found.value == pytest.approx((wrong + rest) / 2, rel=0.03)


@pytest.mark.parametrize("kept", [0, 99])
def test_too_few_answers_are_not_estimated(kept: int) -> None:
    reference = told(np.random.default_rng(1).normal(0, 2, 6000), 2)
    assert of(reference, reference.slice(0, kept), BINARY) is None
    assert loss_curve(reference.slice(0, kept), choose_layout(reference, BINARY)) is None


def test_nothing_is_usual_before_two_dozen_windows() -> None:
    assert highest_usual([0.1] * (LEAST_WINDOWS - 1), 0.02) is None
    assert highest_usual([0.1] * LEAST_WINDOWS, 0.02) == pytest.approx(0.1)


@pytest.mark.parametrize("chance", [0.02, 0.003])
def test_the_highest_usual_rise_is_passed_as_often_as_stated(chance: float) -> None:
    random = np.random.default_rng(5)
    passed = [random.laplace() > (highest_usual(random.laplace(size=52).tolist(), chance) or 0) for _ in range(8000)]
    assert np.mean(passed) == pytest.approx(chance, rel=0.5)


def unsure(table: pa.Table) -> pa.Table:
    """Answers nearer to the middle: another mix of rows, of which the model knows less."""
    near = 0.5 + (table["prediction"].to_numpy() - 0.5) * 0.1
    return table.set_column(table.column_names.index("prediction"), "prediction", pa.array(near))


def late(folder: Path, **sections: Any) -> MonitoredSite:
    """A model whose labels come late, and thirty quiet windows before the first day."""
    found = monitored_site(folder, policy(labels={"delay": timedelta(days=7)}, **sections))
    rises = np.random.default_rng(3).normal(0, 0.02, 30)
    put(
        found.site.store,
        expected_losses_key("loans"),
        PastRises(tuple(WindowRise(START - (29 - i) * 7 * DAY, r) for i, r in enumerate(rises))),
    )
    return found


@pytest.fixture
def here(tmp_path: Path) -> MonitoredSite:
    return late(tmp_path)


def test_answers_of_which_the_model_is_less_sure_raise_an_alarm_beside_the_verdict(here: MonitoredSite) -> None:
    here.serve(0, change=unsure)
    seen = monitor(here.site, here.at(7))
    expected = seen.verdict.expected
    assert expected is not None
    assert (expected.alarming, expected.windows) == (True, 30)
    assert expected.usual is not None
    assert expected.rise > expected.usual
    assert not seen.opened
    assert "expect" not in seen.verdict.sentence


def test_a_quiet_window_raises_none_and_is_learnt_from(here: MonitoredSite) -> None:
    here.serve(0)
    expected = monitor(here.site, here.at(7)).verdict.expected
    assert expected is not None
    assert not expected.alarming
    past = read(here.site.store, PastRises, expected_losses_key("loans"))
    assert past is not None
    assert past.windows[-1] == WindowRise(START + 7 * DAY, expected.rise)


def test_windows_that_share_rows_are_judged_once(here: MonitoredSite) -> None:
    here.serve(0)
    here.serve(7, change=unsure)
    alarms = []
    for day in (7, 13, 14):
        found = monitor(here.site, here.at(day)).verdict.expected
        assert found is not None
        alarms.append(found.alarming)
    past = read(here.site.store, PastRises, expected_losses_key("loans"))
    assert past is not None
    assert (alarms, len(past.windows)) == ([False, False, True], 32)


def test_a_window_in_which_another_version_began_to_answer_is_not_estimated(here: MonitoredSite) -> None:
    here.serve(0)
    here.at(3)
    here.site.history.record_release("loans", Release(here.clock.at, "1", None))
    assert monitor(here.site, here.at(7)).verdict.expected is None


def test_a_broken_window_is_not_learnt_from(here: MonitoredSite) -> None:
    here.serve(0, change=lambda table: table.drop_columns(["region"]))
    seen = monitor(here.site, here.at(7))
    past = read(here.site.store, PastRises, expected_losses_key("loans"))
    assert past is not None
    assert (seen.verdict.state, seen.verdict.expected, len(past.windows)) == (VerdictState.BROKEN, None, 30)


def test_where_all_labels_are_known_nothing_is_estimated(tmp_path: Path) -> None:
    here = monitored_site(tmp_path, policy(labels={"delay": timedelta(0)}))
    here.serve(0, late=timedelta(0))
    assert monitor(here.site, here.at(7)).verdict.expected is None


def test_labels_of_a_part_of_the_rows_count_in_the_monitor(tmp_path: Path) -> None:
    here = monitored_site(tmp_path, policy(labels={"delay": timedelta(0)}))
    here.serve(0, late=2 * DAY)
    expected = monitor(here.site, here.at(7)).verdict.expected
    assert expected is not None
    assert 0.6 < expected.labelled < 0.8


def test_the_page_says_what_the_answers_let_expect(here: MonitoredSite) -> None:
    here.serve(0)
    said = drift_sentence(monitor(here.site, here.at(7)).verdict, None)
    assert "Its answers let expect a mean loss of" in said
    assert "is usual." in said


@pytest.mark.parametrize(("change", "early"), [(unsure, True), (lambda table: table, False)])
def test_an_alarm_brings_the_measure_of_ageing_forward(tmp_path: Path, change: Callable[[pa.Table], pa.Table], early: bool) -> None:
    here = late(tmp_path, detect={"window": timedelta(days=4)})
    here.serve(8, 4, n=600)
    here.serve(12, 4, n=600, change=change)
    assert monitor(here.site, here.at(12)).aged is not None
    aged = monitor(here.site, here.at(16)).aged
    assert aged is not None
    assert (aged.at == here.clock.at) is early

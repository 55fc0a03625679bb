"""A world that turns once, replayed: who retrains wins, who asks nobody is not healed, and the page
says what was done.
"""

import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelmedic.steps.backtesting.naive import every_window, frozen
from modelmedic.steps.backtesting.page import backtest_page
from modelmedic.steps.backtesting.past import Past, read_past
from modelmedic.steps.backtesting.plan import ReplayPlan, plan_replay
from modelmedic.steps.backtesting.result import (
    ANY_DRIFT,
    EVERY_WINDOW,
    FROZEN,
    HINDSIGHT,
    POLICY,
    TITLES,
    WEEKLY,
    Backtest,
    Deed,
    DeedCounts,
    WayLine,
)
from modelmedic.steps.backtesting.run import backtest
from modelmedic.steps.backtesting.scoring import labelled_rows, score_way
from modelmedic.steps.backtesting.taught import TaughtModel, TaughtModels
from modelmedic.steps.contracts.policy import Policy
from modelmedic.steps.contracts.window import Window
from tests.benchmarks.backtest.streams import make
from tests.cli.program import run
from tests.reporting.page import Seen, harmless

PLAIN, ROWS = make("sudden", 3, a_day=60)
RULES = Policy.model_validate(
    {**PLAIN.model_dump(mode="json", by_alias=True), "retrain": {"history": "120d", "minRows": 400}, "validate": {"minLabels": 200}}
)
DAYS = 60  # rows of each


@pytest.fixture(scope="module")
def played() -> Backtest:
    """From day 121 to day 205; the law turns on day 150."""
    history = read_past(RULES, ROWS.slice(0, DAYS * 205))
    return backtest(history, plan_replay(RULES, history.span, 121 / 205))


def flat(past: Past, plan: ReplayPlan) -> TaughtModel:
    """A first champion that answers 0.5, whatever is asked."""
    asked = past.places(Window(plan.replay.start - past.policy.data.labels.delay, plan.replay.end))
    return TaughtModel(plan.replay.start, asked.start, np.full(asked.stop - asked.start, 0.5))


@pytest.mark.slow
def test_all_ways_answer_the_same_rows(played: Backtest) -> None:
    assert [line.name for line in played.lines] == list(TITLES)
    assert all(len(line.scores) == len(played.windows) for line in played.lines)
    patient = (FROZEN, EVERY_WINDOW, ANY_DRIFT, POLICY)
    assert len({played.line(name).scores[0] for name in patient}) == 1  # nobody knows of the turn yet
    assert (played.metric, played.loss, played.higher, played.delay) == ("auc", "log_loss", True, "2d")


@pytest.mark.slow
def test_policy_heals_the_turn_and_the_frozen_model_does_not(played: Backtest) -> None:
    healed, left = played.line(POLICY), played.line(FROZEN)
    assert healed.counts.promotions >= 1
    assert (healed.scores[-1] or 0) > (left.scores[-1] or 1) + 0.1
    first = next(deed for deed in healed.deeds if deed.kind == "healed")
    assert first.cause == "concept_drift"
    assert "load" in first.columns
    assert all(deed.at > played.windows[0].start for deed in healed.deeds)


def test_windows_without_rows_are_played_and_have_no_score() -> None:
    """Two months without a row, as when nobody called the model or the log was lost."""
    day = np.arange(ROWS.num_rows) // DAYS
    history = read_past(RULES, ROWS.filter(pa.array((day < 150) | (day >= 215))))
    plan = plan_replay(RULES, history.span, 0.4)
    habit = every_window(history, plan, flat(history, plan), TaughtModels(history, Path("unused")), lambda _now: None)
    line = score_way(history, plan.windows, habit)
    assert 0 in labelled_rows(history, plan.windows)
    assert [rows == 0 for rows in labelled_rows(history, plan.windows)] == [score is None for score in line.scores]
    assert len(habit.answers) == history.between(plan.replay).num_rows


@pytest.mark.slow
def test_a_past_with_a_gap_is_replayed_to_its_end() -> None:
    day = np.arange(ROWS.num_rows) // DAYS
    history = read_past(RULES, ROWS.filter(pa.array((day < 150) | (day >= 215))))
    found = backtest(history, plan_replay(RULES, history.span, 0.4))
    assert 0 in found.rows
    assert [line.name for line in found.lines] == list(TITLES)
    assert all(line.gain is not None and math.isfinite(line.gain) for line in found.lines)


@pytest.mark.slow
def test_policy_trains_less_than_every_week(played: Backtest) -> None:
    assert 2 * played.line(POLICY).counts.retrains <= played.line(WEEKLY).counts.retrains
    assert played.line(POLICY).counts.retrains <= played.line(POLICY).counts.fits <= 2 * played.line(POLICY).counts.retrains


def test_nobody_learns_from_a_label_before_it_is_known() -> None:
    """A world whose labels are all late: at the end of a window nothing of it can have been
    learnt.
    """
    slow = Policy.model_validate(
        {**RULES.model_dump(mode="json", by_alias=True), "data": {**RULES.data.model_dump(mode="json"), "labels": {"delay": "90d"}}}
    )
    history = read_past(slow, ROWS)
    span = plan_replay(slow, history.span, 0.4)
    habit = every_window(history, span, flat(history, span), TaughtModels(history, Path("unused")), lambda _now: None)
    left = frozen(history, span, flat(history, span))
    first = history.places(span.windows[0])
    assert (habit.answers[: first.stop - first.start] == 0.5).all()
    assert len(habit.answers) == len(left.answers) == history.between(span.replay).num_rows


@pytest.mark.slow
def test_page_is_whole_and_says_what_was_done(played: Backtest) -> None:
    seen = Seen(backtest_page(played))
    harmless(seen)
    assert all(line.title in seen.words for line in played.lines)
    assert "concept drift" in seen.words
    curves = [given["d"] or "" for tag, given in seen.tags if tag == "path" and (given.get("class") or "").startswith("way-")]
    heights = [[float(point.split()[1]) for point in curve.removeprefix("M").split(" L")] for curve in curves]
    assert len(heights) == len(TITLES)
    assert min(heights[0]) < max(heights[0])  # the frozen model falls …
    assert heights[0][-1] > heights[list(TITLES).index(POLICY)][-1]  # … and ends below the policy: heights are counted from the top


@pytest.mark.slow
def test_page_of_a_world_without_labels_and_with_odd_names_is_whole(played: Backtest) -> None:
    """Nothing known, a name that would be markup, and a span that was set aside."""
    blank = tuple(
        WayLine(line.name, line.title, (None,) * len(played.windows), (None,) * len(played.windows), None, None, DeedCounts())
        for line in played.lines
    )
    odd = Deed(played.windows[0].end, "quarantined", "<b>x</b> ‮", played.windows[0], "data_quality", ("<script>",))
    lines = tuple(replace(line, deeds=(odd,)) if line.name == POLICY else line for line in blank)
    seen = Seen(backtest_page(replace(played, model="<i>m</i>", lines=lines)))
    harmless(seen)
    assert "<b>x</b>" in seen.words


@pytest.mark.slow
def test_hindsight_wins_most_and_the_frozen_model_nothing(played: Backtest) -> None:
    assert played.line(HINDSIGHT).share == 1.0
    assert played.line(FROZEN).share == played.line(FROZEN).gain == 0.0
    assert (played.line(WEEKLY).share or 2) <= 1.0
    assert (played.line(POLICY).share or 0) > 0.2
    assert played.line(HINDSIGHT).counts.retrains < played.line(WEEKLY).counts.retrains


@pytest.mark.slow
def test_calls_of_the_policy_are_those_of_its_incidents(played: Backtest) -> None:
    line = played.line(POLICY)
    assert sum(line.causes.values()) == len(line.deeds)
    assert line.counts.escalated <= line.counts.calls <= line.counts.messages
    years = (played.windows[-1].end - played.windows[0].start).days / 365
    assert line.calls_a_year == pytest.approx(line.counts.calls / years, rel=0.02)


@pytest.mark.slow
def test_trainings_are_judged_by_what_the_version_before_would_have_lost(played: Backtest) -> None:
    curve = played.ageing
    assert curve is not None
    assert len(curve.trainings) == played.line(POLICY).counts.promotions
    assert sum(each.won or 0.0 for each in curve.trainings) > curve.price  # the law turned, and it was learnt
    assert max(each.paid for each in curve.known) > 0  # but only after that had cost something
    assert "what each training won" in Seen(backtest_page(played)).words


@pytest.mark.slow
def test_policy_that_never_releases_a_model_is_told_as_well() -> None:
    """Nothing turns before day 150, and age is no reason here."""
    still = Policy.model_validate({**RULES.model_dump(mode="json", by_alias=True), "refresh": "off"})
    history = read_past(still, ROWS.slice(0, DAYS * 80))
    found = backtest(history, plan_replay(still, history.span, 60 / 80, timedelta(days=10)), ways=[POLICY])
    assert found.ageing is not None
    assert found.ageing.trainings == ()
    assert found.line(POLICY).counts.promotions == 0
    assert "What each training won" not in Seen(backtest_page(found)).words


@pytest.mark.slow
def test_only_the_ways_that_are_asked_for_are_played_and_the_page_is_whole() -> None:
    history = read_past(RULES, ROWS.slice(0, DAYS * 205))
    found = backtest(history, plan_replay(RULES, history.span, 121 / 205), ways=[WEEKLY])
    assert [line.name for line in found.lines] == [FROZEN, WEEKLY]
    assert [line.share for line in found.lines] == [None, None]
    seen = Seen(backtest_page(found))
    harmless(seen)
    assert "not played" in seen.words


def test_command_says_what_it_would_replay_and_trains_nothing(tmp_path: Path) -> None:
    rules, data = _files(tmp_path)
    said = run("backtest", rules, "--data", data, "--dry-run", "--bootstrap-until", "2024-04-01", "--every", "30d").stdout
    assert "would be replayed in 8 windows" in said.replace("\n", " ")
    assert list(tmp_path.iterdir()) == [rules, data] or sorted(tmp_path.iterdir()) == sorted([rules, data])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--bootstrap-until", "1.5"), "--bootstrap-until is '1.5'"),
        (("--bootstrap-until", "soon"), "--bootstrap-until is 'soon'"),
        (("--every", "fortnight"), "--every is 'fortnight'"),
        (("--bootstrap-until", "2031-01-01"), "inside of the data"),
        (("--ways", "frozen,daily"), "--ways names 'daily'"),
        (("--ways", ""), "--ways names ''"),
    ],
)
def test_wrong_option_is_one_sentence(tmp_path: Path, arguments: tuple[str, str], said: str) -> None:
    rules, data = _files(tmp_path)
    ended = run("backtest", rules, "--data", data, *arguments)
    assert ended.exit_code == 65
    assert said in ended.stderr


def test_report_over_the_data_is_refused(tmp_path: Path) -> None:
    rules, data = _files(tmp_path)
    ended = run("backtest", rules, "--data", data, "--report", data)
    assert ended.exit_code == 65
    assert "which is the data" in ended.stderr


def _files(folder: Path) -> tuple[Path, Path]:
    rules, data = folder / "policy.yaml", folder / "past.parquet"
    import yaml

    rules.write_text(yaml.safe_dump(RULES.model_dump(mode="json", by_alias=True, exclude_unset=True)))
    pq.write_table(ROWS, data)
    return rules, data


@pytest.mark.slow
def test_scores_of_a_line_are_those_of_its_windows(played: Backtest) -> None:
    line = played.line(FROZEN)
    known = [score for score in line.scores if score is not None]
    assert line.mean == pytest.approx(sum(known) / len(known))
    assert all(math.isfinite(score) for score in known)
    assert Window(played.windows[0].start, played.windows[-1].end).length.days == pytest.approx(84, abs=2)
